-- `:checkhealth waitline` in good and in bad states: each says what to do next.
local h = require('harness')
h.needs_plugin()

local function health()
  vim.cmd('silent checkhealth waitline')
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  vim.cmd.bwipeout()
  return text
end

local function has(what, text, ...)
  for _, part in ipairs({ ... }) do
    h.check(what .. ': ' .. part, text:find(part, 1, true) ~= nil, text)
  end
end

h.run(function()
  vim.g.waitline =
    { server = { path = '/nowhere/waitline' }, anotations = { enable = true }, heat = { enable = 'yes' } }
  vim.env.PATH = '/usr/bin:/bin'
  has(
    'bad settings',
    health(),
    'there is no setting anotations (there are',
    'heat.enable is a boolean and not a string'
  )
  has(
    'no program',
    health(),
    'server.path is /nowhere/waitline, and that is no program',
    'the server is not running',
    'none: the server is not running'
  )

  local dir = vim.fn.tempname()
  vim.fn.mkdir(dir, 'p')
  for version, says in pairs({
    ['waitline 0.0.9'] = 'is version 0.0.9; this plugin needs',
    ['waitline 7.1.0'] = 'is version 7.1.0; this plugin knows',
    ['another 1.0'] = 'does not say which version of waitline it is',
  }) do
    local path = dir .. '/' .. version:gsub('%W', '-')
    vim.fn.writefile({ '#!/bin/sh', 'echo ' .. version }, path)
    vim.fn.setfperm(path, 'rwxr-xr-x')
    vim.g.waitline = { server = { path = path } }
    require('waitline.config').forget()
    has('another program', health(), says, 'build it anew (cargo build --release)')
  end

  vim.cmd('silent! %bwipeout!')
  h.open('webmix/db.go')
  has('no trace', health(), 'no trace is shown', ':Waitline latest shows the newest', 'go test -trace trace.out')

  vim.cmd('Waitline load ' .. h.traces .. '/g126/webmix.trace')
  h.wait('a trace', function()
    return require('waitline').state() ~= nil
  end)
  local good = health()
  has('all is well', good, 'every setting is known', 'version 0.1.0, found by server.path')
  has('all is well', good, 'root ' .. h.programs .. ', 1 buffer', 'webmix.trace · 85.7 ms', 'webmix.trace, written')
  h.check('nothing is wrong', not good:find('ERROR', 1, true), good)

  -- A trace that is not whole, and goes; one of a program whose folder is not open.
  assert(vim.uv.fs_copyfile(h.traces .. '/broken/g126-cut-last.trace', dir .. '/cut.trace'))
  vim.cmd('Waitline load ' .. dir .. '/cut.trace')
  h.wait('a part of a trace', function()
    return require('waitline').state().partial ~= nil
  end)
  has('a part', health(), 'the trace was not read to its end: ', 'record it again, and let the program end it')
  vim.fn.delete(dir .. '/cut.trace')
  has('gone', health(), 'cut.trace is gone', 'record it again')
  vim.cmd('Waitline load ' .. h.traces .. '/g126/annot.trace')
  h.wait('a trace of another program', function()
    return require('waitline').state().trace:find('annot', 1, true) ~= nil
  end)
  h.check('of this workspace', health():find('the waiting is in files of this workspace', 1, true) ~= nil)

  -- Columns counted in another way by another server.
  vim.lsp.start({
    name = 'other',
    cmd = function()
      return {
        request = function(method, _, callback)
          if method == 'initialize' then
            callback(nil, { capabilities = { positionEncoding = 'utf-8' } })
          end
          return true, 1
        end,
        notify = function()
          return true
        end,
        is_closing = function()
          return false
        end,
        terminate = function() end,
      }
    end,
    root_dir = h.programs,
  }, { bufnr = vim.fn.bufnr('db.go') })
  h.wait('another server', function()
    return #vim.lsp.get_clients({ bufnr = vim.fn.bufnr('db.go') }) == 2
  end)
  has('encodings', health(), 'other counts columns in utf-8 and waitline in utf-16')

  vim.cmd('Waitline toggle')
  has('hidden', health(), 'figures are hidden: :Waitline toggle shows them')
end)

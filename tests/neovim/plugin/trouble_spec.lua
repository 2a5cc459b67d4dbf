-- What goes wrong: no server, one that does not fit, no trace, a broken one, one that is rewritten,
-- a server that is killed, and one that is restarted.
local h = require('harness')
h.needs_plugin()

local function script(dir, name, body)
  local path = dir .. '/' .. name
  vim.fn.writefile(vim.list_extend({ '#!/bin/sh' }, body), path)
  vim.fn.setfperm(path, 'rwxr-xr-x')
  return path
end

local function edit_with(path)
  vim.cmd('silent! %bwipeout!')
  vim.g.waitline = { server = { path = path }, trace = { autoLoad = 'off' } }
  require('waitline.config').forget()
  vim.cmd.edit(h.programs .. '/webmix/db.go')
end

h.run(function()
  local dir = vim.fn.tempname()
  vim.fn.mkdir(dir, 'p')

  -- No server: said once, and editing goes on. This checkout may be built: so the plugin is taken to
  -- stand elsewhere.
  local finder = require('waitline.server')
  local plugin = finder.plugin
  finder.plugin = dir .. '/pack/waitline'
  vim.env.PATH = '/usr/bin:/bin'
  edit_with('')
  local said = h.said('the program waitline is not on PATH')
  h.check(
    'with what to do',
    said:find('cargo build --release', 1, true) and said:find(':checkhealth waitline', 1, true),
    said
  )
  vim.cmd.edit(h.programs .. '/webmix/server.go')
  vim.wait(300, function()
    return false
  end)
  h.check('once', not vim.fn.execute('messages'):find('not on PATH.*not on PATH'))
  vim.cmd('Waitline hot')
  h.said('is not on PATH')
  edit_with(dir .. '/nowhere')
  h.said('that is no program')
  edit_with(script(dir, 'old', { 'echo waitline 0.0.9' }))
  h.said('is version 0.0.9; this plugin needs')
  edit_with(script(dir, 'new', { 'echo waitline 7.1.0' }))
  h.said('is version 7.1.0; this plugin knows')
  edit_with(script(dir, 'other', { 'echo Usage: something else >&2; exit 2' }))
  h.said('does not say which version of waitline it is')
  h.check('no server was started', #vim.lsp.get_clients() == 0)
  h.check('and no error shown', vim.v.errmsg == '', vim.v.errmsg)

  -- One in PATH.
  finder.plugin = plugin
  vim.env.PATH = vim.fs.dirname(vim.env.WAITLINE) .. ':' .. vim.env.PATH
  vim.cmd('silent! %bwipeout!')
  local _, buf = h.open('webmix/db.go', { server = { path = '' } })
  h.top(69)

  -- A broken trace says why, and a good one stays.
  vim.cmd('Waitline load ' .. h.traces .. '/broken/not-a-trace.trace')
  h.said('not-a-trace.trace')
  vim.cmd('Waitline load ' .. dir .. '/nowhere.trace')
  h.said('nowhere.trace')
  local trace = dir .. '/trace.out'
  assert(vim.uv.fs_copyfile(h.traces .. '/g126/webmix.trace', trace))
  vim.cmd('Waitline load ' .. trace)
  h.wait('a good one is shown', function()
    return h.row_has(70, 'chan 444 ms · 974×') and h.sees('444 ms waiting')
  end)
  vim.cmd('Waitline load ' .. h.traces .. '/broken/not-a-trace.trace')
  h.said('not-a-trace.trace')
  h.check('and stays', h.row_has(70, 'chan 444 ms · 974×') and require('waitline').state().trace == trace)
  h.take_errors()

  -- A trace that was cut short says so beside its figures.
  vim.cmd('Waitline load ' .. h.traces .. '/broken/g126-cut-60.trace')
  h.wait('a cut one is partial', function()
    local state = require('waitline').state()
    return state and state.partial ~= nil
  end)
  h.check('in the status line', require('waitline').statusline():find('partial', 1, true) ~= nil)
  vim.cmd('Waitline load ' .. trace)
  h.wait('the whole one again', function()
    return not require('waitline').state().partial and h.row_has(70, 'chan 444 ms')
  end)

  -- Rewritten by another recording: the figures follow.
  local events = require('waitline').state().events
  assert(vim.uv.fs_copyfile(h.traces .. '/g126/leak.trace', trace .. '.new'))
  assert(vim.uv.fs_rename(trace .. '.new', trace))
  h.wait('figures of another program go', function()
    return not h.sees('chan 444 ms') and not h.sees('444 ms waiting')
  end)
  assert(vim.uv.fs_copyfile(h.traces .. '/g126/webmix.trace', trace .. '.new'))
  assert(vim.uv.fs_rename(trace .. '.new', trace))
  h.wait('and come back with the trace', function()
    return h.row_has(70, 'chan 444 ms') and require('waitline').state().events == events
  end)

  -- The server is killed: it is started again, and shows the trace again.
  local function server()
    return vim.lsp.get_clients({ name = 'waitline', bufnr = buf })[1]
  end
  local first = server()
  vim.uv.kill(vim.fn.systemlist({ 'pgrep', '-P', tostring(vim.fn.getpid()), '-x', 'waitline' })[1] + 0, 'sigkill')
  h.said('the server ended unexpectedly (signal 9) and is started again')
  h.wait('another takes its place', function()
    local now = server()
    return now and now.id ~= first.id and now.initialized
  end)
  h.wait('with the trace', function()
    return h.row_has(70, 'chan 444 ms · 974×') and h.sees('444 ms waiting')
  end)
  local figures = 0
  for _, row in ipairs(h.rows()) do
    figures = figures + (row:find('chan 444 ms', 1, true) and 1 or 0)
  end
  h.check('drawn once', figures == 1, figures)

  local second = server()
  vim.cmd('Waitline restart')
  h.wait(':Waitline restart puts another in its place', function()
    local now = server()
    return now and now.id ~= second.id and now.initialized
  end)
  h.wait('with the trace, too', function()
    return h.row_has(70, 'chan 444 ms · 974×') and h.sees('444 ms waiting')
  end)

  -- Gone for good: nothing is left on the screen.
  vim.lsp.enable('waitline', false)
  h.wait('a server that is switched off takes its figures along', function()
    return not h.sees('chan 444 ms') and not h.sees('444 ms waiting')
  end)
  vim.cmd('Waitline status')
  h.wait('status says so', function()
    return h.floats():find('The server is not running', 1, true) ~= nil
  end)
  h.close_floats()
end)

--- `:checkhealth waitline`: what is there, what is not, and what to do about it.
local M = {}

local function neovim()
  vim.health.start('Neovim')
  local is = vim.version()
  local name = ('Neovim %d.%d.%d'):format(is.major, is.minor, is.patch)
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error(
      name .. ' is too old',
      'install 0.11 or newer; docs/neovim.md tells how to use the server without this plugin'
    )
    return false
  end
  vim.health.ok(name)
  if vim.o.signcolumn == 'no' and not vim.o.number then
    vim.health.warn(
      'neither signs nor line numbers are shown',
      "heat is seen with 'set number' or 'set signcolumn=auto'"
    )
  end
  return true
end

local function settings()
  vim.health.start('Settings')
  local config = require('waitline.config')
  local problems = config.problems(config.given())
  for _, problem in ipairs(problems) do
    vim.health.warn(problem, ':help waitline-settings lists them')
  end
  if #problems == 0 then
    vim.health.ok(next(config.given()) and 'every setting is known' or 'the defaults')
  end
  if not config.get().enable then
    vim.health.info("the server is not started by itself (enable = false): vim.lsp.enable('waitline') starts it")
  end
end

--- Runs the program once; checkhealth cannot wait for a callback.
local function program()
  vim.health.start('Server')
  local server = require('waitline.server')
  local path, how = server.find()
  if not path then
    vim.health.error('the server was not found', how)
    return
  end
  local ok, out = pcall(function()
    return vim.system({ path, '--version' }, { text = true, timeout = 10000 }):wait()
  end)
  local version = ok and out.code == 0 and (out.stdout or ''):match('^waitline (%d+%.%d+%.%d+)') or false
  local misfit = server.misfit(version)
  if misfit then
    vim.health.error(
      path .. ' ' .. misfit,
      { 'build it anew (cargo build --release)', 'or name another by server.path' }
    )
  else
    vim.health.ok(('%s, version %s, found by %s'):format(path, version, how))
  end
end

local function attached()
  vim.health.start('Buffers')
  local clients = vim.lsp.get_clients({ name = 'waitline' })
  if #clients == 0 then
    vim.health.info('the server is not running: it starts with the first Go file')
    return
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_keys(client.attached_buffers)
    vim.health.ok(('root %s, %d buffer%s'):format(client.root_dir or '?', #buffers, #buffers == 1 and '' or 's'))
    for _, buf in ipairs(buffers) do
      for _, other in ipairs(vim.lsp.get_clients({ bufnr = buf })) do
        if other.id ~= client.id and other.offset_encoding ~= client.offset_encoding then
          vim.health.warn(
            ('%s counts columns in %s and waitline in %s'):format(
              other.name,
              other.offset_encoding,
              client.offset_encoding
            ),
            ("set general.positionEncodings = { '%s' } in the capabilities of %s"):format(
              client.offset_encoding,
              other.name
            )
          )
        end
      end
    end
  end
  if not require('waitline.draw').on then
    vim.health.info('figures are hidden: :Waitline toggle shows them')
  end
end

local function trace()
  vim.health.start('Trace')
  local server, state, text = require('waitline.server'), require('waitline.state'), require('waitline.text')
  local client = server.client()
  if not client then
    vim.health.info('none: the server is not running')
    return
  end
  local shown = state.get(client.id)
  if not shown then
    vim.health.warn('no trace is shown', {
      ':Waitline latest shows the newest one of the folder, :Waitline load another',
      'go test -trace trace.out records one, and so does :Waitline record test',
    })
    return
  end
  vim.health.ok(shown.summary)
  local stat = vim.uv.fs_stat(shown.trace)
  if stat then
    vim.health.info(('%s, written %s'):format(shown.trace, require('waitline.trace').age(stat.mtime.sec)))
  else
    vim.health.warn(
      shown.trace .. ' is gone',
      'its figures stay until Neovim ends; record it again to have them longer'
    )
  end
  if shown.partial then
    vim.health.warn(
      'the trace was not read to its end: ' .. shown.partial,
      'record it again, and let the program end it'
    )
  end
  if shown.range then
    vim.health.info(('only ◔ %s of it counts (:Waitline range! ends that)'):format(state.range(shown.range)))
  end
  local answer = client:request_sync('waitline/unmapped', vim.empty_dict(), 5000)
  local prefixes = answer and answer.result and answer.result ~= vim.NIL and answer.result.prefixes or {}
  local told = 0
  for _, row in ipairs(prefixes) do
    if row.ns * 100 >= row.of and row.ns > 0 and told < 3 then
      told = told + 1
      vim.health.warn(
        ('%s of all waiting is in %s, of which no file is known'):format(text.percent(row.ns, row.of), row.prefix),
        'if that is your own code: open Neovim in the folder that holds it'
      )
    end
  end
  if told == 0 then
    vim.health.ok('the waiting is in files of this workspace')
  end
end

local function tools()
  vim.health.start('Tools')
  if vim.fn.executable('go') == 1 then
    vim.health.ok(vim.trim(vim.fn.system({ 'go', 'version' })))
  else
    vim.health.info('go is not on PATH: :Waitline record test needs it, all else does not')
  end
  if pcall(require, 'telescope') then
    vim.health.ok("Telescope is there: require('telescope').load_extension('waitline')")
  else
    vim.health.info('Telescope is not there: lists are quickfix lists')
  end
end

function M.check()
  if neovim() then
    settings()
    program()
    attached()
    trace()
  end
  tools()
end

return M

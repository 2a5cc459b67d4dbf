--- What happens when a server comes to a buffer, changes what it shows, and goes.
local config = require('waitline.config')
local state = require('waitline.state')
local text = require('waitline.text')

local M = {}

--- The folder of each server, known still when it is gone.
M.roots = {} --- @type table<integer, string?>

local is_set_up = false
local pending = {} --- @type table<integer, boolean>
--- What each server showed when it went, to be shown again.
local last = {} --- @type table<string, string> by root folder
local wanted = {} --- @type table<integer, boolean> servers that somebody ended on purpose
local deaths = {} --- @type integer[] when servers ended by themselves, in ms

--- What is drawn in buffers.
--- @return waitline.Layer[]
local function layers()
  return { require('waitline.draw').layer, require('waitline.lenses').layer }
end

local function each_buffer(id, f)
  local client = vim.lsp.get_client_by_id(id)
  for buf in pairs(client and client.attached_buffers or {}) do
    f(client, buf)
  end
end

--- Asks anew for all that is drawn. Several wishes of one moment are one.
--- @param id integer
function M.refresh(id)
  if pending[id] then
    return
  end
  pending[id] = true
  vim.defer_fn(function()
    pending[id] = nil
    local client = vim.lsp.get_client_by_id(id)
    if not client or client:is_stopped() then
      return
    end
    state.ask(client)
    each_buffer(id, function(_, buf)
      for _, layer in ipairs(layers()) do
        layer:ask(buf)
      end
    end)
  end, 20)
end

--- The first buffer of a server: the trace is the one that was shown before the server ended, else
--- the one that settings name, else one that lies there.
local function begin(client)
  config.take(client)
  local trace = require('waitline.trace')
  local root = client.root_dir or ''
  local before, file = last[root], config.get().trace.file
  last[root] = nil
  if before then
    return trace.load(before, client)
  elseif
    vim.tbl_get(client, 'config', 'init_options', 'trace')
    or vim.tbl_get(client, 'config', 'settings', 'waitline', 'trace', 'file')
  then
    return -- the server itself was told
  elseif file ~= '' then
    local whole = file:find('^[~/$]') or file:find('^%a:')
    return trace.load(whole and file or vim.fs.joinpath(root, file), client)
  end
  state.ask(client, function(shown)
    if not shown then
      trace.offer(client)
    end
  end)
end

--- A finding stands on a hot line, and where heat is drawn the sign there tells how hot.
--- @param client vim.lsp.Client
function M.own_signs(client)
  if config.get().heat.enable then
    vim.diagnostic.config({ signs = false }, vim.lsp.diagnostic.get_namespace(client.id))
  end
end

local function attached(client, buf)
  require('waitline.highlight').setup()
  if M.roots[client.id] == nil then
    M.roots[client.id] = client.root_dir or ''
    require('waitline.lenses').take_over(client) -- again: a user's on_init takes the place of ours
    begin(client)
    M.own_signs(client)
  end
  for _, layer in ipairs(layers()) do
    layer:attach(client, buf)
  end
end

function M.setup()
  if is_set_up then
    return
  end
  is_set_up = true
  local group = vim.api.nvim_create_augroup('waitline.attach', {})
  local function of_ours(f)
    return function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'waitline' then
        f(client, event.buf, event.data)
      end
    end
  end
  vim.api.nvim_create_autocmd('LspAttach', { group = group, callback = of_ours(attached) })
  vim.api.nvim_create_autocmd('LspDetach', {
    group = group,
    callback = of_ours(function(_, buf)
      for _, layer in ipairs(layers()) do
        layer:detach(buf)
      end
    end),
  })
  vim.api.nvim_create_autocmd('LspProgress', {
    group = group,
    callback = of_ours(function(client, _, data)
      local value = vim.tbl_get(data, 'params', 'value')
      if type(value) == 'table' then
        state.progressed(client.id, value)
      end
    end),
  })
  vim.api.nvim_create_autocmd('VimLeavePre', {
    group = group,
    callback = function()
      for _, client in ipairs(vim.lsp.get_clients({ name = 'waitline' })) do
        wanted[client.id] = true
      end
    end,
  })
  require('waitline.commands').register()
end

--- Remembers what a server shows, for the next one of its folder.
function M.remember(client)
  local shown = state.get(client.id)
  if shown then
    last[client.root_dir or ''] = shown.trace
  end
end

--- This server is about to be ended on purpose.
function M.expect_end(id)
  wanted[id] = true
end

--- A server has ended. One that ended by itself is started again, but not for ever.
function M.ended(id, code, signal)
  local client = vim.lsp.get_client_by_id(id)
  local shown = state.get(id)
  state.forget(id)
  for _, layer in ipairs(layers()) do
    layer:sweep(id)
  end
  if wanted[id] or vim.v.exiting ~= vim.NIL then
    wanted[id] = nil
    return
  end
  -- SIGTERM is somebody's wish, too: Neovim's own, when a client is stopped at once.
  if code == 0 and (signal == 0 or signal == 15) then
    return
  end
  if shown then
    last[(client and client.root_dir) or M.roots[id] or ''] = shown.trace
  end
  local now = vim.uv.now()
  deaths = vim.tbl_filter(function(t)
    return now - t < 180000
  end, deaths)
  deaths[#deaths + 1] = now
  local how = signal ~= 0 and ('signal %d'):format(signal) or ('exit code %d'):format(code)
  if #deaths > 3 then
    local message = 'the server ended unexpectedly (%s), for the fourth time in three minutes: '
      .. 'it stays ended (:Waitline log, :Waitline restart)'
    return text.say(message:format(how), vim.log.levels.ERROR)
  end
  text.say(('the server ended unexpectedly (%s) and is started again (:Waitline log)'):format(how), vim.log.levels.WARN)
  vim.defer_fn(M.start, 100)
end

--- Starts the server for all Go buffers that have none.
function M.start()
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('waitline') then
    return vim.lsp.enable('waitline')
  end
  vim.cmd('silent! doautoall nvim.lsp.enable FileType')
end

return M

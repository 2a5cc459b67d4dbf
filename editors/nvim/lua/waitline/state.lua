--- Which trace each server shows, and who wants to know.
local M = {}

local states = {} --- @type table<integer, waitline.State?> by client
local progress = {} --- @type table<integer, string?>

local function event(name, state)
  vim.api.nvim_exec_autocmds('User', { pattern = name, modeline = false, data = { state = state } })
end

--- @param id integer
--- @param state? waitline.State
function M.set(id, state)
  if state == vim.NIL then
    state = nil
  end
  for key, value in pairs(state or {}) do
    if value == vim.NIL then
      state[key] = nil
    end
  end
  local before = states[id]
  states[id] = state
  if vim.deep_equal(before, state) then
    return
  end
  if state and (not before or before.trace ~= state.trace) then
    event('WaitlineLoaded', state)
  end
  event('WaitlineChanged', state)
  require('waitline.attach').refresh(id)
  vim.cmd.redrawstatus({ bang = true })
end

--- @return waitline.State?
function M.get(id)
  return states[id]
end

--- @param buf? integer
--- @return waitline.State?
function M.of(buf)
  local client = require('waitline.server').client(buf)
  return client and states[client.id]
end

--- Asks a server that may not tell by itself.
--- @param client vim.lsp.Client
--- @param on_state? fun(state?: waitline.State)
function M.ask(client, on_state)
  require('waitline.server').request('waitline/traces', nil, function(answer)
    -- The one that is shown is the first, if any is.
    local state = answer and answer.traces[1]
    if state and state.active == false then
      state = nil
    elseif state then
      state.active = nil
    end
    M.set(client.id, state)
    if on_state then
      on_state(state)
    end
  end, { client = client, on_error = function() end })
end

function M.forget(id)
  states[id], progress[id] = nil, nil
  vim.cmd.redrawstatus({ bang = true })
end

--- What a server says about its work.
function M.progressed(id, value)
  if value.kind == 'end' then
    progress[id] = nil
  else
    local title = value.title or (progress[id] or ''):gsub(' %d+ %%$', '')
    progress[id] = title .. (value.percentage and (' %d %%'):format(value.percentage) or '')
  end
  vim.cmd.redrawstatus({ bang = true })
end

--- @return string
function M.statusline(buf)
  local client = vim.lsp.get_clients({ name = 'waitline', bufnr = buf or 0 })[1]
  if not client then
    return ''
  elseif progress[client.id] then
    return progress[client.id]
  end
  local state = states[client.id]
  if not state then
    return ''
  end
  local text = require('waitline.text')
  local parts = { vim.fs.basename(state.trace) .. ' ' .. text.duration(state.duration) }
  if state.range then
    parts[#parts + 1] = '◔ ' .. M.range(state.range)
  end
  local metric = require('waitline.config').get().metric
  if metric ~= 'impact' then
    parts[#parts + 1] = metric
  end
  if state.findings > 0 then
    parts[#parts + 1] = state.findings .. (state.findings == 1 and ' finding' or ' findings')
  end
  if state.partial then
    parts[#parts + 1] = 'partial'
  end
  return table.concat(parts, ' · ')
end

--- `15.40–19.40 ms`
function M.range(range)
  local unit, of = 's', 1e9
  if range.t1 < 1e9 then
    unit, of = 'ms', 1e6
  end
  return ('%.2f–%.2f %s'):format(range.t0 / of, range.t1 / of, unit)
end

return M

--- Which trace is shown: load, latest, unload, and the range of it that counts.
local server = require('waitline.server')
local state = require('waitline.state')
local text = require('waitline.text')

local M = {}

--- Folders that hold other people's things.
local SKIP = { ['.git'] = true, node_modules = true, vendor = true, target = true, ['.cache'] = true }

--- Whether a file begins as an execution trace does: `*.trace` is other programs' name, too.
local function is_trace(path)
  local file = io.open(path, 'rb')
  if not file then
    return false
  end
  local head = file:read(16) or ''
  file:close()
  return head:find('^go 1%.%d+ trace') ~= nil
end

--- Traces below a folder, the newest first.
--- @param root string
--- @return { path: string, mtime: integer }[]
function M.find(root)
  local found = {}
  local deadline = vim.uv.now() + 700 -- a home folder is not searched to its end
  local skip = function(dir)
    vim.uv.update_time()
    return not SKIP[vim.fs.basename(dir)] and vim.uv.now() < deadline
  end
  vim.uv.update_time()
  deadline = vim.uv.now() + 700
  for _, dir in ipairs({ root, M.folder() }) do
    for name, kind in vim.fs.dir(dir, { depth = 5, skip = skip }) do
      if kind == 'file' and (name:find('%.trace$') or name:find('trace%.out$')) and #found < 500 then
        local path = vim.fs.joinpath(dir, name)
        local stat = vim.uv.fs_stat(path)
        if stat and is_trace(path) then
          found[#found + 1] = { path = path, mtime = stat.mtime.sec + stat.mtime.nsec / 1e9 }
        end
      end
    end
  end
  table.sort(found, function(a, b)
    return a.mtime > b.mtime
  end)
  return found
end

--- Where recorded traces are kept.
function M.folder()
  return vim.fs.joinpath(vim.fn.stdpath('cache'), 'waitline')
end

--- `5 minutes ago`
function M.age(mtime)
  local seconds = math.max(0, os.time() - math.floor(mtime))
  for _, unit in ipairs({ { 86400, 'day' }, { 3600, 'hour' }, { 60, 'minute' } }) do
    local n = math.floor(seconds / unit[1])
    if n >= 1 then
      return ('%d %s%s ago'):format(n, unit[2], n == 1 and '' or 's')
    end
  end
  return 'just now'
end

--- Shows a trace.
--- @param path string
--- @param client? vim.lsp.Client
--- @param on_shown? fun(state: waitline.State)
function M.load(path, client, on_shown)
  path = vim.fs.normalize(vim.fn.fnamemodify(path, ':p'))
  client = client or server.need()
  if not client then
    return
  end
  server.request('waitline/load', { trace = path }, function(shown)
    state.set(client.id, shown)
    if on_shown then
      on_shown(shown)
    end
  end, {
    client = client,
    on_error = function(err)
      text.say(err.message, vim.log.levels.ERROR)
    end,
  })
end

--- @param client? vim.lsp.Client
local function root_of(client)
  return client and client.root_dir or vim.uv.cwd()
end

--- Shows the newest trace of the folder.
function M.latest(client)
  client = client or server.need()
  if not client then
    return
  end
  local newest = M.find(root_of(client))[1]
  if not newest then
    return text.say(
      ('there is no trace below %s: record one with :Waitline record test, or go test -trace trace.out'):format(
        vim.fn.fnamemodify(root_of(client), ':~')
      ),
      vim.log.levels.WARN
    )
  end
  M.load(newest.path, client, function(shown)
    text.say(('%s, recorded %s'):format(shown.summary, M.age(newest.mtime)))
  end)
end

--- Lets a person choose among the traces that are there.
function M.choose()
  local client = server.need()
  if not client then
    return
  end
  local found = M.find(root_of(client))
  if #found == 0 then
    return M.latest(client)
  end
  vim.ui.select(found, {
    prompt = 'Trace to show',
    kind = 'waitline.trace',
    format_item = function(item)
      local shown = vim.fs.relpath and vim.fs.relpath(root_of(client), item.path)
        or vim.fn.fnamemodify(item.path, ':~:.')
      return ('%s, %s'):format(shown or vim.fn.fnamemodify(item.path, ':~'), M.age(item.mtime))
    end,
  }, function(item)
    if item then
      M.load(item.path, client)
    end
  end)
end

local offered = {}

--- What `trace.autoLoad` says, when a server begins without a trace.
function M.offer(client)
  local how = require('waitline.config').get().trace.autoLoad
  if how == 'off' or offered[client.id] then
    return
  end
  offered[client.id] = true
  local newest = M.find(root_of(client))[1]
  if not newest then
    return
  elseif how == 'latest' then
    return M.load(newest.path, client)
  end
  text.say(('%s was recorded %s; :Waitline latest shows it'):format(vim.fs.basename(newest.path), M.age(newest.mtime)))
end

--- Takes the trace away; with `everywhere` that of every server.
function M.unload(everywhere)
  local one = not everywhere and server.need() or nil
  for _, client in ipairs(everywhere and vim.lsp.get_clients({ name = 'waitline' }) or { one }) do
    server.request('waitline/unload', nil, function()
      state.set(client.id, nil)
    end, { client = client })
  end
end

--- Narrows all figures to a time of the trace.
--- @param t0? integer nothing: the whole trace
--- @param t1? integer
function M.range(t0, t1)
  local client = server.need()
  if not client then
    return
  end
  local params = t0 and { t0 = t0, t1 = t1 } or vim.empty_dict()
  server.request('waitline/setRange', params, function(shown)
    if not shown then
      return text.say('there is no trace (:Waitline load)', vim.log.levels.WARN)
    end
    state.set(client.id, shown)
    text.say(shown.range and '◔ ' .. state.range(shown.range) or 'the whole trace counts again')
  end, { client = client })
end

--- A range as a person writes it: `15.4ms 19.4ms`, `15.4-19.4 ms`.
--- @return integer? t0
--- @return integer? t1
function M.parse_range(written)
  local times = {}
  for number, unit in written:gsub('µ', 'u'):gmatch('(%d+%.?%d*)%s*(%a*)') do
    times[#times + 1] = { number, unit }
  end
  if #times ~= 2 then
    return
  end
  local last = times[2][2] ~= '' and times[2][2] or times[1][2]
  local t0 = text.parse_duration(times[1][1] .. (times[1][2] ~= '' and times[1][2] or last))
  local t1 = text.parse_duration(times[2][1] .. last)
  if t0 and t1 and t0 < t1 then
    return t0, t1
  end
end

return M

--- Which trace is shown: load, latest, unload, and the range of it that counts.
local server = require('waitline.server')
local state = require('waitline.state')
local text = require('waitline.text')

local M = {}

--- Where recorded traces of a program are kept.
--- @param root string the program's folder
function M.folder(root)
  return vim.fs.joinpath(vim.fn.stdpath('cache'), 'waitline', vim.fn.sha256(root):sub(1, 16))
end

--- @param client? vim.lsp.Client
--- @return string
function M.root_of(client)
  return client and client.root_dir or assert(vim.uv.cwd())
end

--- Finds the traces of a program, the newest first: those of its folder, by `trace.globs`, and those
--- that were recorded here.
--- @param client vim.lsp.Client
--- @param on_found fun(found: { path: string, mtime: number }[])
function M.find(client, on_found)
  server.request('waitline/found', nil, function(answer)
    local found = vim.tbl_map(function(trace)
      return { path = trace.path, mtime = trace.modified / 1e3 }
    end, answer and answer.traces or {})
    local folder = M.folder(M.root_of(client))
    for name, kind in vim.fs.dir(folder) do
      local path = vim.fs.joinpath(folder, name)
      local stat = kind == 'file' and vim.uv.fs_stat(path)
      if stat then
        found[#found + 1] = { path = path, mtime = stat.mtime.sec + stat.mtime.nsec / 1e9 }
      end
    end
    table.sort(found, function(a, b)
      return a.mtime > b.mtime
    end)
    on_found(found)
  end, { client = client })
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

--- Shows the newest trace of the folder.
function M.latest()
  local client = server.need()
  if not client then
    return
  end
  M.find(client, function(found)
    local newest = found[1]
    if not newest then
      return text.say(
        ('there is no trace below %s: record one with :Waitline record test, or go test -trace trace.out'):format(
          vim.fn.fnamemodify(M.root_of(client), ':~')
        ),
        vim.log.levels.WARN
      )
    end
    M.load(newest.path, client, function(shown)
      text.say(('%s, recorded %s'):format(shown.summary, M.age(newest.mtime)))
    end)
  end)
end

--- Lets a person choose among the traces that are there.
function M.choose()
  local client = server.need()
  if not client then
    return
  end
  M.find(client, function(found)
    if #found == 0 then
      return M.latest()
    end
    vim.ui.select(found, {
      prompt = 'Trace to show',
      kind = 'waitline.trace',
      format_item = function(item)
        local below = vim.fs.relpath(M.root_of(client), item.path)
        return ('%s, %s'):format(below or vim.fn.fnamemodify(item.path, ':~'), M.age(item.mtime))
      end,
    }, function(item)
      if item then
        M.load(item.path, client)
      end
    end)
  end)
end

local offered = {}

--- Tells of a trace that lies there, once, if `trace.autoLoad` is `ask`. (`latest` is the server's: it
--- shows newer ones, too, as they are written.)
--- @param client vim.lsp.Client
function M.offer(client)
  if require('waitline.config').get().trace.autoLoad ~= 'ask' or offered[client.id] then
    return
  end
  offered[client.id] = true
  M.find(client, function(found)
    local newest = found[1]
    if newest then
      local name = vim.fs.basename(newest.path)
      text.say(('%s was recorded %s; :Waitline latest shows it'):format(name, M.age(newest.mtime)))
    end
  end)
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

--- A range as a person writes it: `15.4ms 19.4ms`, `15.4-19.4 ms`. Whether it ends behind its start is for the caller
--- to say.
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
  if t0 and t1 then
    return t0, t1
  end
end

return M

--- Records traces by the server's program (`waitline record`) and shows them.
local server = require('waitline.server')
local text = require('waitline.text')
local trace = require('waitline.trace')

local M = {}

local running --- @type { job: vim.SystemObj, stopped?: boolean }?

--- The test, benchmark or example around the cursor.
--- @return string?
function M.test_at_cursor()
  for line = vim.api.nvim_win_get_cursor(0)[1], 1, -1 do
    local content = vim.fn.getline(line)
    local name = content:match('^func%s+([%w_]+)%s*%(')
    if name then
      return (name:find('^Test') or name:find('^Benchmark') or name:find('^Example') or name:find('^Fuzz')) and name
        or nil
    elseif content:find('^func%s') or content:find('^}') and line < vim.api.nvim_win_get_cursor(0)[1] then
      return nil
    end
  end
end

--- Runs `waitline record ...` and shows what it wrote.
--- @param args string[]
--- @param what string for people
--- @param file string
--- @param opts? { cwd?: string, flags?: string[] } flags are for `go test`
local function record(args, what, file, opts)
  if running then
    return text.say('a recording is under way (:Waitline record stop ends it)', vim.log.levels.WARN)
  end
  local path, how = server.find()
  if not path then
    return text.say(how, vim.log.levels.WARN)
  end
  vim.fn.mkdir(vim.fs.dirname(file), 'p')
  local client = server.client()
  text.say('recording ' .. what)
  local command = vim.list_extend({ path, 'record' }, args)
  vim.list_extend(command, { '-o', file })
  if opts and opts.flags then
    vim.list_extend(vim.list_extend(command, { '--' }), opts.flags)
  end
  local function done(out)
    local stopped = running and running.stopped
    running = nil
    local said = vim.trim((out.stdout or '') .. '\n' .. (out.stderr or ''))
    if stopped or out.signal ~= 0 then
      return text.say('the recording was ended')
    elseif out.code ~= 0 then
      local why = said ~= '' and said or 'exit code ' .. out.code
      return text.say(('%s could not be recorded: %s'):format(what, why), vim.log.levels.ERROR)
    end
    for warning in said:gmatch('warning: ([^\n]+)') do
      text.say(('%s was recorded: %s'):format(what, warning), vim.log.levels.WARN)
    end
    trace.load(file, client, function(shown)
      text.say(shown.summary)
    end)
  end
  local ok, job = pcall(vim.system, command, { text = true, cwd = opts and opts.cwd }, vim.schedule_wrap(done))
  if ok then
    running = { job = job }
  else
    text.say(tostring(job), vim.log.levels.ERROR)
  end
end

local function new_file(name)
  local folder = trace.folder(trace.root_of(server.client()))
  return vim.fs.joinpath(folder, ('%s-%s.trace'):format(name:gsub('[^%w_-]+', '-'), os.date('%Y%m%d-%H%M%S')))
end

--- @param args string[]
function M.run(args)
  local how = args[1]
  if how == 'stop' then
    if not running then
      return text.say('nothing is being recorded')
    end
    running.stopped = true
    return running.job:kill('sigint')
  elseif how == 'url' then
    if not args[2] then
      return text.say(
        'name the address of a program with net/http/pprof: :Waitline record url http://localhost:6060',
        vim.log.levels.WARN
      )
    end
    local seconds = tonumber(args[3] or '2')
    if not seconds or seconds <= 0 then
      return text.say('the third word is a number of seconds', vim.log.levels.WARN)
    end
    return record(
      { 'url', args[2], '--seconds', tostring(seconds) },
      ('%s for %s s'):format(args[2], seconds),
      new_file((args[2]:gsub('^%w+://', '')))
    )
  elseif how == nil or how == 'test' then
    local name = M.test_at_cursor()
    local dir = vim.fs.dirname(vim.api.nvim_buf_get_name(0))
    if not name or not vim.api.nvim_buf_get_name(0):find('_test%.go$') then
      return text.say('the cursor is in no test (:Waitline record url records a running program)', vim.log.levels.WARN)
    end
    local pattern, opts = '^' .. name .. '$', { cwd = dir }
    if name:find('^Benchmark') then
      opts.flags, pattern = { '-bench', pattern }, '^$'
    end
    return record({ 'test', '.', '-run', pattern }, name, new_file(name), opts)
  end
  text.say(':Waitline record test, url URL [SECONDS], or stop', vim.log.levels.WARN)
end

return M

--- Settings: the defaults, then `vim.g.waitline`, then `setup()`, then `vim.lsp.config`, then what
--- commands chose for this session.
local M = {}

--- @type waitline.Options
M.defaults = {
  enable = true,
  server = { path = '', extraEnv = {} },
  trace = { file = '', autoLoad = 'ask', globs = { '**/*.trace', '**/trace.out' }, watch = true },
  metric = 'impact',
  annotations = { enable = true, position = 'eol', maxLength = 40, minDuration = '1ms' },
  heat = { enable = true },
  codeLens = { enable = true },
  stale = { mode = 'mark' },
  findings = { disabled = {}, severity = {}, max = 50 },
  substitutePath = {},
  exclude = {},
}

--- What lines can be coloured by, and what that counts, for people (docs/settings.md).
M.METRICS = {
  { 'impact', 'costly waiting', 'costly waiting and system calls, and help for the collector' },
  { 'block', 'waiting', 'all waiting, also what goes through to other work' },
  { 'sched', 'waiting to run', 'time that goroutines were able to run and had no P' },
  { 'gcAssist', 'help for the collector', 'help for the collector, on the line that allocates' },
  { 'syscall', 'system calls', 'system calls and C code' },
}

--- The words that a setting may be.
local WORDS = {
  metric = vim.tbl_map(function(metric)
    return metric[1]
  end, M.METRICS),
  ['trace.autoLoad'] = { 'off', 'ask', 'latest' },
  ['annotations.position'] = { 'eol', 'rightAlign' },
  ['stale.mode'] = { 'mark', 'hide', 'ignore' },
}

--- Settings whose tables are values.
local VALUES = {
  ['server.extraEnv'] = true,
  ['trace.globs'] = true,
  ['findings.disabled'] = true,
  ['findings.severity'] = true,
  substitutePath = true,
  exclude = true,
}

--- The settings that the server goes by (docs/settings.md).
local OF_SERVER = {
  { 'trace', 'autoLoad' },
  { 'trace', 'globs' },
  { 'trace', 'watch' },
  { 'metric' },
  { 'annotations', 'minDuration' },
  { 'stale', 'mode' },
  { 'findings', 'disabled' },
  { 'findings', 'severity' },
  { 'findings', 'max' },
  { 'substitutePath' },
  { 'exclude' },
}

local given, cached, of_client = nil, nil, nil
local chosen = {} --- @type waitline.Options

--- What is wrong with settings, a sentence each: a typing error that nothing tells about costs an hour.
--- @return string[]
function M.problems(options)
  local found = {}
  local function look(value, default, path)
    if type(value) ~= type(default) then
      found[#found + 1] = ('%s is a %s and not a %s'):format(path, type(default), type(value))
      return
    end
    if type(value) ~= 'table' or VALUES[path] then
      local words = WORDS[path]
      if words and not vim.tbl_contains(words, value) then
        found[#found + 1] = ("%s is one of %s, and not '%s'"):format(path, table.concat(words, ', '), value)
      end
      return
    end
    for key, inner in pairs(value) do
      local at = path == '' and tostring(key) or path .. '.' .. key
      if default[key] == nil then
        found[#found + 1] = ('there is no setting %s (there are %s)'):format(
          at,
          table.concat(vim.fn.sort(vim.tbl_keys(default)), ', ')
        )
      else
        look(inner, default[key], at)
      end
    end
  end
  look(options, M.defaults, '')
  return found
end

--- Settings as a user gave them, without the defaults.
--- @return table
function M.given()
  local global = vim.g.waitline
  if type(global) == 'function' then
    global = global()
  end
  if type(global) ~= 'table' then
    global = {}
  end
  --- @type table
  local all = vim.tbl_deep_extend('force', global, given or {}, of_client or {}, chosen)
  return all
end

--- @return table the settings that hold; what makes no sense in them is as if it were not there
function M.get()
  if cached then
    return cached
  end
  local function sound(value, default, path)
    local kept = vim.deepcopy(default)
    for key, inner in pairs(type(value) == 'table' and value or {}) do
      local at = path .. key
      if type(inner) == type(default[key]) and inner ~= nil then
        if VALUES[at] or type(inner) ~= 'table' then
          if not WORDS[at] or vim.tbl_contains(WORDS[at], inner) then
            kept[key] = inner
          end
        else
          kept[key] = sound(inner, default[key], at .. '.')
        end
      end
    end
    return kept
  end
  cached = sound(M.given(), M.defaults, '')
  return cached
end

--- What the server is told: of its settings those that somebody set.
--- @return table
function M.of_server()
  local settings, user = vim.empty_dict(), M.given()
  for _, path in ipairs(OF_SERVER) do
    local value = vim.tbl_get(user, unpack(path))
    if value ~= nil and #path == 1 then
      settings[path[1]] = value
    elseif value ~= nil then
      settings[path[1]] = settings[path[1]] or {}
      settings[path[1]][path[2]] = value
    end
  end
  return settings
end

--- Tells a server its settings.
--- @param client vim.lsp.Client
function M.push(client)
  local own = vim.tbl_get(client, 'config', 'settings', 'waitline') or {}
  local all = vim.tbl_deep_extend('force', own, M.of_server())
  client.settings = vim.tbl_extend('force', client.settings or {}, { waitline = all })
  client:notify('workspace/didChangeConfiguration', { settings = client.settings })
end

local function push_all()
  cached = nil
  for _, client in ipairs(vim.lsp.get_clients({ name = 'waitline' })) do
    M.push(client)
  end
end

--- @param options? waitline.Options
function M.set(options)
  given = options or {}
  cached = nil
  M.tell()
  push_all()
end

--- Chooses what lines are coloured by, until Neovim ends.
--- @param metric string
function M.choose_metric(metric)
  chosen.metric = metric
  push_all()
end

--- What a metric counts, in a few words.
--- @param name? string default: the one that holds
function M.metric_words(name)
  name = name or M.get().metric
  for _, metric in ipairs(M.METRICS) do
    if metric[1] == name then
      return metric[2]
    end
  end
  return name
end

--- Takes in settings that came by `vim.lsp.config('waitline', { settings = { waitline = ... } })`, and
--- tells a server that has just started all that are its own.
--- @param client vim.lsp.Client
function M.take(client)
  local settings = vim.tbl_get(client, 'config', 'settings', 'waitline')
  of_client = type(settings) == 'table' and settings or nil
  cached = nil
  M.tell()
  if next(M.of_server()) then
    M.push(client)
  end
end

--- Forgets what was read, after `vim.g.waitline` was set anew.
function M.forget()
  cached = nil
end

local told = {}

--- Says once what is wrong.
function M.tell()
  for _, problem in ipairs(M.problems(M.given())) do
    if not told[problem] then
      told[problem] = true
      require('waitline.text').say(problem .. ' (:help waitline-settings)', vim.log.levels.WARN)
    end
  end
end

return M

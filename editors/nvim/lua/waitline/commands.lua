--- `:Waitline`: its subcommands, their completion, and the commands that lenses lead to.
local M = {}

local function say(...)
  require('waitline.text').say(...)
end

local function matching(lead, words)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
end

local function of(words)
  return function(lead)
    return matching(lead, words)
  end
end

local VERDICTS = { 'idle', 'costly', 'through', 'unsure' }

--- @type table<string, waitline.Command>
M.all = {
  load = {
    desc = 'show a trace; without a name, choose among those that are there',
    args = '[FILE]',
    complete = function(lead)
      return vim.fn.getcompletion(lead, 'file')
    end,
    run = function(ctx)
      local trace = require('waitline.trace')
      if #ctx.args == 0 then
        return trace.choose()
      end
      trace.load(vim.fn.expand(table.concat(ctx.args, ' ')))
    end,
  },
  latest = {
    desc = 'show the newest trace of the folder',
    run = function()
      require('waitline.trace').latest()
    end,
  },
  unload = {
    desc = 'take the trace away',
    bang = 'of every program that is open',
    run = function(ctx)
      require('waitline.trace').unload(ctx.bang)
    end,
  },
  record = {
    desc = 'record the test at the cursor, or from the address of a running program, and show it',
    args = 'test, url URL [SECONDS], or stop',
    complete = function(lead, words)
      if #words == 1 then
        return matching(lead, { 'test', 'url', 'stop' })
      end
      return words[2] == 'url' and #words == 2 and matching(lead, { 'http://localhost:6060' }) or {}
    end,
    run = function(ctx)
      require('waitline.record').run(ctx.args)
    end,
  },
  hot = {
    desc = 'list the lines that cost most, of all files or of this one',
    args = '[workspace or file]',
    bang = "the window's own list (location list)",
    complete = of({ 'workspace', 'file' }),
    run = function(ctx)
      require('waitline.lists').hot(ctx.args[1], ctx.bang)
    end,
  },
  next = {
    desc = 'go to the next hot line',
    args = '[COUNT]',
    bang = 'any line with figures',
    run = function(ctx)
      require('waitline.jump').hot(1, tonumber(ctx.args[1]) or 1, ctx.bang)
    end,
  },
  prev = {
    desc = 'go to the hot line before',
    args = '[COUNT]',
    bang = 'any line with figures',
    run = function(ctx)
      require('waitline.jump').hot(-1, tonumber(ctx.args[1]) or 1, ctx.bang)
    end,
  },
  here = {
    desc = 'show the evidence for this line',
    run = function()
      require('waitline.evidence').show()
    end,
  },
  copy = {
    desc = 'copy the evidence for this line, as Markdown',
    args = '[REGISTER]',
    run = function(ctx)
      require('waitline.evidence').copy(ctx.args[1] or '"')
    end,
  },
  waker = {
    desc = 'go to what ended the waits of this line',
    bang = 'the most frequent one, without asking',
    run = function(ctx)
      require('waitline.jump').waker(ctx.bang)
    end,
  },
  worst = {
    desc = 'show the longest wait of this line, at its moment',
    args = '[RANK]',
    run = function(ctx)
      require('waitline.timeline').worst((tonumber(ctx.args[1]) or 1) - 1)
    end,
  },
  stacks = {
    desc = 'list the stacks that waited on this line',
    bang = "the window's own list",
    run = function(ctx)
      require('waitline.lists').stacks(ctx.bang)
    end,
  },
  goroutines = {
    desc = 'list what became of the goroutines of each go statement, or of that on this line',
    args = '[here]',
    bang = "the window's own list",
    complete = of({ 'here' }),
    run = function(ctx)
      require('waitline.lists').goroutines(ctx.args[1] == 'here', ctx.bang)
    end,
  },
  behind = {
    desc = 'list the lines that others wait for, each with who does',
    bang = "the window's own list",
    run = function(ctx)
      require('waitline.lists').behind(ctx.bang)
    end,
  },
  findings = {
    desc = 'list what is worth a look, with its evidence',
    bang = "the window's own list",
    run = function(ctx)
      require('waitline.lists').findings(ctx.bang)
    end,
  },
  explain = {
    desc = 'show what a finding means and what helps: that of this line, or of this code',
    args = '[CODE]',
    complete = function(lead)
      return matching(lead, require('waitline.explain').codes)
    end,
    run = function(ctx)
      require('waitline.explain').run(ctx.args[1])
    end,
  },
  timeline = {
    desc = 'show the timeline as text',
    bang = 'in a browser',
    run = function(ctx)
      require('waitline.timeline').command(ctx.bang)
    end,
  },
  reveal = {
    desc = 'show all waits of this line in the timeline',
    run = function()
      require('waitline.timeline').reveal(require('waitline.server').here())
    end,
  },
  range = {
    desc = 'narrow all figures to a time of the trace; without one, the whole trace counts again',
    args = '[FROM TO]',
    bang = 'the whole trace counts again',
    run = function(ctx)
      local trace = require('waitline.trace')
      if ctx.bang or #ctx.args == 0 then
        return trace.range()
      end
      local t0, t1 = trace.parse_range(table.concat(ctx.args, ' '))
      if not t0 then
        return say('a range is written as 15.4ms 19.4ms', vim.log.levels.WARN)
      elseif t1 <= t0 then
        local times = vim.tbl_map(require('waitline.text').duration, { t1, t0 })
        return say(
          t1 == t0 and 'the range is empty' or ('the range ends at %s, before it starts at %s'):format(unpack(times)),
          vim.log.levels.WARN
        )
      end
      trace.range(t0, t1)
    end,
  },
  idle = {
    desc = 'say what the waiting of this line is: idle (if nothing is named), costly, through or unsure; kept in .waitline.toml for the code of the line; costly takes an idle back',
    args = '[VERDICT]',
    bang = 'take back what was said of this line, or else of its function',
    range = true,
    complete = of(VERDICTS),
    run = function(ctx)
      require('waitline.verdict').set(ctx)
    end,
  },
  map = {
    desc = 'show the recorded folders that are not in the workspace',
    run = function()
      require('waitline.lists').map()
    end,
  },
  metric = {
    desc = 'choose what lines show and are coloured by; without a name, choose from a list',
    args = '[METRIC]',
    complete = function(lead)
      return matching(
        lead,
        vim.tbl_map(function(metric)
          return metric[1]
        end, require('waitline.config').METRICS)
      )
    end,
    run = function(ctx)
      require('waitline.metric').choose(ctx.args[1])
    end,
  },
  toggle = {
    desc = 'show or hide the figures and the lenses',
    args = '[figures or lenses]',
    complete = of({ 'figures', 'lenses' }),
    run = function(ctx)
      local draw, lenses = require('waitline.draw'), require('waitline.lenses')
      if ctx.args[1] == 'lenses' then
        return say(lenses.toggle() and 'lenses are shown' or 'lenses are hidden')
      end
      local on = draw.toggle()
      if ctx.args[1] ~= 'figures' and lenses.on ~= on then
        lenses.toggle()
      end
      say(on and 'figures are shown' or 'figures are hidden')
    end,
  },
  lens = {
    desc = 'run what stands above this line',
    run = function()
      vim.lsp.codelens.run()
    end,
  },
  status = {
    desc = 'say what is shown and by which server',
    run = function()
      require('waitline.status').show()
    end,
  },
  log = {
    desc = "open the server's log",
    run = function()
      require('waitline.status').log()
    end,
  },
  restart = {
    desc = 'end the server and start it again; the trace comes back',
    run = function()
      require('waitline.status').restart()
    end,
  },
  bug = {
    desc = 'gather what a report of a problem should say',
    run = function()
      require('waitline.status').bug()
    end,
  },
}

--- @return string[] sorted
function M.names()
  local names = vim.tbl_keys(M.all)
  table.sort(names)
  return names
end

--- How many letters must change to make one word of the other.
local function distance(a, b)
  local row = vim.fn.range(0, #b)
  for i = 1, #a do
    local before = row[1]
    row[1] = i
    for j = 1, #b do
      local change = before + (a:byte(i) == b:byte(j) and 0 or 1)
      before = row[j + 1]
      row[j + 1] = math.min(change, row[j] + 1, row[j + 1] + 1)
    end
  end
  return row[#b + 1]
end

--- The nearest name of a misspelt one.
local function nearest(name)
  local best, least = nil, 3
  for _, known in ipairs(M.names()) do
    local far = vim.startswith(known, name) and 0 or distance(name, known)
    if far < least then
      best, least = known, far
    end
  end
  return best
end

--- @param args table of nvim_create_user_command
function M.run(args)
  local words = args.fargs
  -- `:Waitline unload!` is what comes to mind, `:Waitline! unload` what Vim's own rules say.
  local name, mark = (words[1] or 'status'):match('^(.-)(!?)$')
  local bang = args.bang or mark == '!'
  local command = M.all[name]
  if not command then
    local meant = nearest(name)
    return say(
      ('there is no :Waitline %s%s'):format(
        name,
        meant and (' (did you mean %s?)'):format(meant) or ' (:help :Waitline)'
      ),
      vim.log.levels.WARN
    )
  end
  if bang and not command.bang then
    return say((':Waitline %s! is no different from :Waitline %s (no !)'):format(name, name), vim.log.levels.WARN)
  end
  if args.range > 0 and not command.range then
    return say((':Waitline %s takes no range of lines'):format(name), vim.log.levels.WARN)
  end
  if #words > 1 and not command.args then
    return say((':Waitline %s takes no argument'):format(name), vim.log.levels.WARN)
  end
  command.run({
    args = vim.list_slice(words, 2),
    bang = bang,
    line1 = args.range > 0 and args.line1 or nil,
    line2 = args.range > 0 and args.line2 or nil,
  })
end

--- @return string[]
function M.complete(lead, line)
  local typed = line:match('Waitline!?%s+(.*)$') or ''
  local words = vim.split(typed, '%s+', { trimempty = true })
  if lead ~= '' then
    table.remove(words)
  end
  if #words == 0 then
    return matching(lead, M.names())
  end
  local command = M.all[(words[1]:gsub('!$', ''))]
  return command and command.complete and command.complete(lead, words) or {}
end

--- What a `<Plug>` map does; `next`, `prev` and `worst` take a count.
function M.plug(name)
  local counts = name == 'next' or name == 'prev' or name == 'worst'
  M.all[name].run({ args = counts and { tostring(vim.v.count1) } or {}, bang = false })
end

--- The commands of lenses and code actions that this client runs itself.
function M.register()
  vim.lsp.commands['waitline.evidence'] = function(command, ctx)
    require('waitline.evidence').of_lens(command, ctx)
  end
  vim.lsp.commands['waitline.explain'] = function(command)
    require('waitline.explain').of(command.arguments[1].code)
  end
end

return M

--- The keys of the timeline's window: those of the page, as far as Vim's own do not stand in
--- their place.
local text = require('waitline.text')
local selection = require('waitline.timeline.select')
local timeline = require('waitline.timeline.view')

local M = {}

local api = vim.api

--- Goes along a wake, or to the span before or after of the same goroutine.
local function follow(what)
  local view = timeline.view()
  local slice = view.slice
  if not slice then
    return
  end
  if what == 'preceding' or what == 'following' then
    if slice[what] then
      return selection.select(vim.tbl_extend('keep', slice[what], { g = slice.g }))
    end
    return text.say(what == 'preceding' and 'this is its first' or 'this is its last')
  end
  local other = slice.waker
  if what ~= 'waker' then
    other = nil
    for _, flow in ipairs(slice.outgoing or {}) do
      if not other and flow.to.g and flow.to.g ~= slice.g then
        other = flow.to
      end
    end
  end
  if other and other.g and other.g ~= slice.g then
    view.notes = { ['g:' .. other.g] = ('%s G%d'):format(what == 'waker' and 'woke' or 'woken by', slice.g or 0) }
    local around = math.max(1000, (slice['end'] - slice.start) / 10)
    return selection.select({ g = other.g, start = other.t - around, ['end'] = other.t + around }, { slice.g })
  end
  text.say(what == 'waker' and 'no goroutine woke this one' or 'this woke no goroutine')
end

--- The first window that shows a file.
local function source_window()
  local before = vim.fn.win_getid(vim.fn.winnr('#'))
  local wins = vim.list_extend({ before }, api.nvim_tabpage_list_wins(0))
  for _, win in ipairs(wins) do
    if win ~= 0 and api.nvim_win_is_valid(win) and vim.bo[api.nvim_win_get_buf(win)].buftype == '' then
      return win
    end
  end
end

--- Shows the line of what is under the cursor, and goes there.
local function code(stay)
  local view = timeline.view()
  local row = timeline.under()
  local place
  if row and row.kind == 'group' then
    if not stay then
      return timeline.toggle_group(row.group)
    end
    place = row.group
  else
    local slice = view.slice
    place = slice and slice.site
    for _, frame in ipairs(not place and slice and slice.startStack or {}) do
      if frame.uri then
        place = frame
        break
      end
    end
    place = place or (slice and slice.startStack or {})[1]
  end
  if not place then
    return text.say('no line is known of this')
  end
  local own, win = api.nvim_get_current_win(), source_window()
  if win then
    api.nvim_set_current_win(win)
  else
    vim.cmd('aboveleft new')
  end
  require('waitline.jump').to(place)
  if stay and api.nvim_win_is_valid(own) then
    api.nvim_set_current_win(own)
  end
end

--- Moves the lanes, where the cursor would leave them.
local function vertical(by)
  local view = timeline.view()
  local win = timeline.window()
  local cursor = api.nvim_win_get_cursor(win)
  local _, _, cell = timeline.under()
  local target = cursor[1] + by
  if target > timeline.HEAD + timeline.height() and view.top + timeline.height() < #view.rows then
    view.top = math.min(view.top + by, #view.rows - timeline.height())
    view.row, view.cell = cursor[1], cell
    return timeline.draw()
  elseif target <= timeline.HEAD and view.top > 0 then
    view.top = math.max(0, view.top + by)
    view.row, view.cell = cursor[1], cell
    return timeline.draw()
  end
  local last = timeline.HEAD + math.min(timeline.height(), #view.rows - view.top)
  timeline.put(math.max(timeline.HEAD + 1, math.min(target, last)), cell)
end

--- The keys and what they do; several for one thing stand together.
--- @return { [1]: string, [2]: string }[]
function M.list()
  local list, by_text = {}, {}
  for _, key in ipairs(M.keys) do
    local at = by_text[key[3]]
    if at then
      list[at][1] = list[at][1] .. ' ' .. key[1]
    else
      list[#list + 1] = { key[1], key[3] }
      by_text[key[3]] = #list
    end
  end
  return list
end

local function keys_help()
  local float = require('waitline.float')
  local it = float.new()
  local list = M.list()
  local lines, width = {}, 0
  for i, key in ipairs(list) do
    lines[i] = text.pad(key[1], 7) .. ' ' .. key[2]
    width = math.max(width, vim.fn.strdisplaywidth(lines[i]))
  end
  -- Two columns where there is room, so that a short screen has all of them.
  local half = math.ceil(#lines / 2)
  if 2 * width + 7 <= vim.o.columns then
    for i = 1, half do
      lines[i] = text.pad(lines[i], width) .. '   ' .. (lines[i + half] or '')
    end
    lines = vim.list_slice(lines, 1, half)
  end
  for _, line in ipairs(lines) do
    float.add(it, (line:gsub('%s+$', '')))
  end
  float.over(it, 'Timeline', '?')
end

--- Keys of the window: those of the page, as far as Vim's own do not stand in their place.
--- @type { [1]: string, [2]: fun(view: waitline.View), [3]: string }[]
M.keys = {
  {
    'j',
    function()
      vertical(vim.v.count1)
    end,
    'next lane',
  },
  {
    'k',
    function()
      vertical(-vim.v.count1)
    end,
    'lane before',
  },
  {
    '<PageDown>',
    function()
      vertical(timeline.height())
    end,
    'lanes further down',
  },
  {
    '<PageUp>',
    function()
      vertical(-timeline.height())
    end,
    'lanes further up',
  },
  {
    'w',
    function()
      timeline.zoom(0.5)
    end,
    'closer, around the cursor',
  },
  {
    's',
    function()
      timeline.zoom(2)
    end,
    'wider',
  },
  {
    '+',
    function()
      timeline.zoom(0.5)
    end,
    'closer, around the cursor',
  },
  {
    '-',
    function()
      timeline.zoom(2)
    end,
    'wider',
  },
  {
    'a',
    function()
      timeline.pan(-0.25)
    end,
    'earlier',
  },
  {
    'd',
    function()
      timeline.pan(0.25)
    end,
    'later',
  },
  {
    '0',
    function(view)
      timeline.go(0, view.info.duration)
    end,
    'the whole trace',
  },
  {
    'f',
    function(view)
      if view.slice then
        timeline.go(
          view.slice.start - (view.slice['end'] - view.slice.start) * 0.1,
          view.slice['end'] + (view.slice['end'] - view.slice.start) * 0.1
        )
      end
    end,
    'what is under the cursor, as large as it can be',
  },
  {
    '<CR>',
    function()
      code(false)
    end,
    'go to the line; open or close a group',
  },
  {
    'o',
    function()
      code(true)
    end,
    'show the line and stay here',
  },
  {
    'n',
    function(view)
      selection.instance((view.instances and view.instances.at or 0) + 1)
    end,
    'the next longest wait of the line',
  },
  {
    'N',
    function(view)
      selection.instance(math.max(1, (view.instances and view.instances.at or 2) - 1))
    end,
    'the longer one before',
  },
  {
    '<Up>',
    function()
      follow('waker')
    end,
    'what woke it',
  },
  {
    'u',
    function()
      follow('waker')
    end,
    'what woke it',
  },
  {
    '<Down>',
    function()
      follow('wakes')
    end,
    'what it woke next',
  },
  {
    '<Left>',
    function()
      follow('preceding')
    end,
    'what this goroutine did before',
  },
  {
    '<Right>',
    function()
      follow('following')
    end,
    'what it did then',
  },
  {
    'p',
    function()
      selection.pin_around()
    end,
    'keep it in view, with what woke it and what it woke',
  },
  {
    '/',
    function()
      vim.ui.input({ prompt = 'Find in the timeline: ' }, function(query)
        if query and query ~= '' then
          selection.find(query)
        end
      end)
    end,
    'find a function, goroutine, line or task',
  },
  {
    'i',
    function(view)
      view.idle = not view.idle
      timeline.draw()
    end,
    'hide or show groups without costly waiting',
  },
  {
    'm',
    function()
      selection.mark()
    end,
    'mark what is under the cursor, or take its mark away',
  },
  {
    't',
    function()
      require('waitline.timeline.spans').open()
    end,
    'the spans that are shown, as a table',
  },
  {
    'r',
    function(view)
      require('waitline.trace').range(math.floor(view.t0), math.floor(view.t1))
    end,
    'narrow all figures to what is shown',
  },
  {
    '<Esc>',
    function()
      require('waitline.trace').range()
    end,
    'all figures are of the whole trace again',
  },
  {
    'c',
    function(view)
      local copied = view.slice and view.slice.text
      if copied then
        vim.fn.setreg('"', copied)
        pcall(vim.fn.setreg, '+', copied)
        text.say('copied')
      end
    end,
    'copy what is under the cursor',
  },
  { '?', keys_help, 'these keys' },
  {
    'q',
    function()
      timeline.close()
    end,
    'close',
  },
}

--- @param buf integer
function M.set(buf)
  for _, key in ipairs(M.keys) do
    local function run()
      local view = timeline.view()
      if view then
        key[2](view)
      end
    end
    -- The page takes T and M in both cases; N is another key than n.
    for _, lhs in ipairs((key[1] == 't' or key[1] == 'm') and { key[1], key[1]:upper() } or { key[1] }) do
      vim.keymap.set('n', lhs, run, { buffer = buf, nowait = true, desc = 'Waitline: ' .. key[3] })
    end
  end
end

return M

--- What is selected in the timeline: a span of a goroutine or of another lane, the waits of a line one
--- after the other, what was found, and what is marked.
local lanes_of = require('waitline.timeline.lanes')
local server = require('waitline.server')
local text = require('waitline.text')
local timeline = require('waitline.timeline.view')

local M = {}

local PINNED = 5 -- goroutines that were asked for, at most

--- The timeline, which is open.
--- @return waitline.View
local function open()
  local view = assert(timeline.view(), 'internal error: no timeline is open')
  return view
end

--- Moves the lanes so that one of them is shown.
local function show_row(i)
  local view = open()
  if i <= view.top or i > view.top + timeline.height() then
    view.top = math.max(0, math.min(i - math.floor(timeline.height() / 2), #view.rows - timeline.height()))
  end
end

--- The row of the buffer that a goroutine has; it is asked for, if it has none.
local function row_of(g)
  local view = open()
  for i, row in ipairs(view.rows) do
    if row.g == g then
      show_row(i)
      return timeline.HEAD + i - view.top
    end
  end
end

--- Puts goroutines to the top of those that were asked for.
function M.pin(list)
  local view = open()
  for i, g in ipairs(list) do
    view.pinned = vim.tbl_filter(function(other)
      return other ~= g
    end, view.pinned)
    table.insert(view.pinned, math.min(i, #view.pinned + 1), g)
  end
  view.pinned = vim.list_slice(view.pinned, 1, PINNED)
  lanes_of.arrange(view, timeline.height())
end

--- Pins the goroutine under the cursor, with those that woke it and that it woke.
function M.pin_around()
  local view = open()
  local slice = view.slice
  if not slice or not slice.g or slice.g == 0 then
    return text.say('no goroutine is under the cursor')
  end
  local list = { slice.g }
  local function add(g)
    if g and g > 0 and not vim.tbl_contains(list, g) then
      list[#list + 1] = g
    end
  end
  add(slice.waker and slice.waker.g)
  for _, flow in ipairs(vim.list_extend(vim.list_extend({}, slice.incoming or {}), slice.outgoing or {})) do
    add(flow.from.g)
    add(flow.to.g)
  end
  M.pin(vim.list_slice(list, 1, PINNED))
  view.row = row_of(slice.g)
  timeline.draw()
end

--- Selects a moment of a goroutine, and shows some time around it.
--- @param ref { g: integer, start: integer, ['end']: integer }
--- @param others? integer[] goroutines to show as well
function M.select(ref, others)
  local view = open()
  view.wish = view.wish + 1
  view.chosen = true
  M.pin(vim.list_extend({ ref.g }, others or {}))
  view.row = row_of(ref.g)
  M.show_span(ref)
end

--- Puts the cursor into the middle of a span of its row, and shows some time around it.
--- @param ref { start: integer, ['end']: integer }
function M.show_span(ref)
  local view = open()
  local length = math.max(ref['end'] - ref.start, 1000)
  local shown = view.t1 - view.t0
  if length * 20 < shown or length > shown or ref.start < view.t0 or ref['end'] > view.t1 then
    timeline.go(ref.start - length * 0.5, ref['end'] + length * 0.6, (ref.start + ref['end']) / 2)
  else
    timeline.go(view.t0, view.t1, (ref.start + ref['end']) / 2)
  end
end

--- Selects a span of a lane that is here, or of a goroutine.
--- @param span waitline.Span
function M.select_span(span)
  local view = open()
  if span.lane:find('^g:') and span.g > 0 then
    return M.select({ g = span.g, start = span.start, ['end'] = span['end'] })
  end
  for i, row in ipairs(view.rows) do
    if row.key == span.lane then
      view.wish = view.wish + 1
      view.chosen = true
      show_row(i)
      view.row = timeline.HEAD + i - view.top
      return M.show_span(span)
    end
  end
end

--- Selects what was selected elsewhere.
--- @param span waitline.Span
function M.follow(span)
  local view = open()
  if view.told ~= timeline.name_of(span) then
    view.told = timeline.name_of(span)
    M.select_span(span)
  end
end

--- Marks what is under the cursor, or the moment where that is nothing; takes away such a mark.
function M.mark()
  local view = open()
  local row, t = timeline.under()
  local slice = view.slice
  local t0, t1 = slice and slice.start or math.floor(t), slice and slice['end'] or math.floor(t)
  local near = (view.t1 - view.t0) / timeline.width()
  local left = vim.tbl_filter(function(mark)
    return math.abs(mark.t0 - t0) > near or math.abs(mark.t1 - t1) > near
  end, view.marks)
  if #left == #view.marks then
    left[#left + 1] = { t0 = t0, t1 = t1 }
  end
  view.marks = left
  -- The row with the marks comes and goes: the cursor stays on its lane.
  lanes_of.arrange(view, timeline.height())
  for i, other in ipairs(view.rows) do
    if row and other.kind == row.kind and other.key == row.key and other.group == row.group then
      view.row = timeline.HEAD + i - view.top
    end
  end
  timeline.draw()
end

--- Shows a wait of the line that was asked for: what it is, what ended it.
--- @param wait table the answer of `waitline/instance`
local function show_instance(wait, number)
  local view = open()
  local of, waker = view.instances, wait.waker
  of.at, of.of = number, wait.of
  view.notes = { ['g:' .. wait.g] = text.duration(wait.ns) .. (wait.open and ', not ended' or '') }
  if waker and waker.g and waker.g ~= wait.g then
    local at = text.place(waker)
    view.notes['g:' .. waker.g] = ('wakes G%d%s'):format(wait.g, at and ' ↑ ' .. at or '')
  end
  M.select({ g = wait.g, start = wait.start, ['end'] = wait.start + wait.ns }, waker and waker.g and { waker.g } or nil)
end

--- Goes to the wait of the line with this number, the longest is 1.
function M.instance(number)
  local view = open()
  local of = view.instances
  if not of then
    return text.say('no line was asked for (:Waitline reveal)')
  end
  view.wish = view.wish + 1
  local wish = view.wish
  server.request('waitline/instance', { uri = of.uri, line = of.line, rank = number - 1 }, function(wait)
    if timeline.view() ~= view or view.wish ~= wish then
      return -- another key was faster
    elseif wait then
      show_instance(wait, number)
    else
      text.say('there is no other wait of this line')
    end
  end, { client = view.client })
end

--- Takes a line whose waits are to be gone through, and shows when they began.
function M.take_line(uri, line)
  local view = open()
  view.instances = { uri = uri, line = line, at = 0, of = 0 }
  view.ticks = nil
  local of = view.instances
  server.request('waitline/timelineInstances', { uri = uri, line = line }, function(answer)
    if timeline.view() == view and view.instances == of and answer then
      local name = vim.fs.basename(vim.uri_to_fname(uri))
      view.ticks = { label = ('%s:%d'):format(name, line + 1), times = answer.ticks }
      -- The lanes below move down by one, and the selection with them.
      if view.row then
        view.row = view.row + 1
      end
      timeline.draw()
    end
  end, { client = view.client, on_error = function() end })
end

--- How many a person can be let choose from. Vim's own list does not scroll: what is more than a screen stops at
--- `-- More --`, and lines that are broken are two.
--- @return integer most
--- @return integer? width of a line
local function room()
  local own = vim.endswith(debug.getinfo(vim.ui.select, 'S').source, 'vim/ui.lua')
  if own then
    return math.max(1, vim.o.lines - 4), vim.o.columns - 6
  end
  return 100
end

--- Looks for a function, a goroutine, a line or a task, and lets a person choose.
function M.find(query)
  local view = open()
  local most, width = room()
  server.request('waitline/timelineFind', { query = query, limit = most }, function(answer)
    if timeline.view() ~= view then
      return
    end
    local found = vim.tbl_filter(function(item)
      return item.g ~= nil
    end, answer and answer.found or {})
    if #found == 0 then
      return text.say(('no goroutine, function, line or task matches "%s"'):format(query))
    end
    vim.ui.select(found, {
      prompt = answer.of > #found
          and ('the longest %d of %s found; a longer word finds fewer'):format(#found, text.count(answer.of))
        or ('%s found, the longest first'):format(text.count(answer.of)),
      kind = 'waitline.timeline',
      format_item = function(item)
        local lasts = text.duration(item['end'] - item.start)
        local line = ('G%d  %s  %s  %s  from %s'):format(
          item.g,
          lasts,
          item.title,
          item.where or '',
          text.instant(item.start)
        )
        return width and text.cut(line, width) or line
      end,
    }, function(item)
      if item and timeline.view() == view then
        M.select(item)
      end
    end)
  end, { client = view.client })
end

return M

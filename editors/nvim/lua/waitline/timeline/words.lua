--- The timeline's words: what is shown, the ruler, and what is under the cursor.
local cells = require('waitline.timeline.cells')
local text = require('waitline.text')

local M = {}

--- `15.40 – 19.40 ms`
local function span_of(t0, t1)
  return require('waitline.state').range({ t0 = t0, t1 = t1 })
end

--- The first of several ways to say something that fits, else the last.
local function fitting(ways, width)
  for _, way in ipairs(ways) do
    if vim.fn.strdisplaywidth(way) <= width then
      return way
    end
  end
  return text.cut(ways[#ways], width)
end

--- What leads from what a goroutine did to a line: of running, the trace tells where it ended and no more.
local function to_line(what)
  return what == 'running' and ' up to ' or ' at '
end

--- What is under the cursor, in so many columns: who ended it and which goroutine that is are said before all else.
local function span_words(slice, width)
  local place = slice.site or (slice.startStack or {})[1]
  local where = place and text.place(place)
  local who = slice.g and 'G' .. slice.g .. ' ' or ''
  local lasts = text.duration(slice['end'] - slice.start)
  local at = where and to_line(slice.title) .. where or ''
  local waits = slice.state == 'waiting'
  local what = who .. (waits and 'waits ' .. lasts or slice.title .. ' ' .. lasts)
  local why = waits and (' (%s)'):format(slice.title) or ''
  local from = ', from ' .. text.instant(slice.start)
  local verdict = slice.verdict and ' · ' .. slice.verdict or ''
  local ended, ended_at = '', ''
  local waker = slice.waker
  if waker then
    local at_line = waker.place and text.place(waker.place)
    ended = (' · %s by %s'):format(
      waker.what == 'created it' and 'created' or 'woken',
      waker.g and 'G' .. waker.g or (waker.what ~= 'woke it' and waker.what or 'the runtime')
    )
    ended_at = at_line and ' at ' .. at_line or ''
  end
  return fitting({
    what .. why .. at .. from .. verdict .. ended .. ended_at,
    what .. why .. at .. from .. ended .. ended_at,
    what .. at .. from .. ended .. ended_at,
    what .. at .. ended .. ended_at,
    what .. at .. ended,
    what .. ended,
  }, width)
end

--- The rows above the lanes, and their colours.
--- @param view waitline.View
--- @param w integer cells
--- @param label integer columns of a lane's name
--- @param height integer rows for lanes
function M.head(view, w, label, height)
  local colours, line = { {}, {} }, 'Timeline  '
  colours[1][1] = { from = 0, to = 8, group = 'WaitlineTitle' }
  local whole = view.t0 <= 0 and view.t1 >= view.info.duration
  line = line
    .. (whole and '' or '◔ ')
    .. span_of(view.t0, view.t1)
    .. ('   %s a cell   '):format(text.duration((view.t1 - view.t0) / w))
  if #view.rows > height then
    line = line .. ('lanes %d–%d of %d   '):format(view.top + 1, view.top + height, #view.rows)
  end
  for _, form in ipairs(cells.legend()) do
    if vim.fn.strdisplaywidth(line) + #form.name + 4 <= label + w then
      colours[1][#colours[1] + 1] = { from = #line, to = #line + #form.char, group = form.group }
      line = line .. form.char .. ' ' .. form.name .. '  '
    end
  end
  local ticks, unit = cells.ruler(view.t0, view.t1, w)
  local ruler = text.pad(unit, label - 1, 'right') .. ' '
  local at = 1
  for _, tick in ipairs(ticks) do
    local name = '|' .. tick.label
    if tick.cell >= at and tick.cell + #name - 1 <= w then
      ruler = ruler .. (' '):rep(tick.cell - at) .. name
      at = tick.cell + #name
    end
  end
  colours[2][1] = { from = 0, to = #ruler, group = 'WaitlineLabel' }
  return { (line:gsub('%s+$', '')), ruler }, colours
end

--- The rows below the lanes: counts at the cursor's time, what is under it, and its waker.
--- @param view waitline.View
--- @param width integer columns
--- @return string[]
function M.foot(view, width)
  local lines = { '', '', '' }
  local at = view.at
  if at then
    lines[1] = ('at %s: running %s · runnable %s · waiting %s · syscall %s'):format(
      text.instant(at.t),
      at.running,
      at.runnable,
      at.waiting,
      at.syscall
    )
    if at.heap then
      lines[1] = lines[1] .. (' · heap %.2f MiB'):format(at.heap / 1048576)
    end
  end
  local slice = view.slice
  if slice then
    lines[2] = span_words(slice, width)
    if slice.meanwhile and #slice.meanwhile > 0 then
      local parts = {}
      for i, part in ipairs(slice.meanwhile) do
        if i <= 4 then
          local there = part.place and text.place(part.place)
          parts[i] = ('%s%s %s'):format(part.what, there and to_line(part.what) .. there or '', text.duration(part.ns))
        end
      end
      lines[3] = ('meanwhile %s was: '):format(slice.waker and slice.waker.g and 'G' .. slice.waker.g or 'it')
        .. table.concat(parts, ', ')
    elseif slice.reason then
      lines[3] = slice.reason
    end
  elseif view.group and not view.group.n then
    local opened = view.open[view.group.id]
    lines[2] = opened and ('tasks: %s are under way in this time'):format(text.count(opened.of))
      or 'tasks, those that are under way in this time'
    lines[3] = opened and '<CR> closes it' or '<CR> opens it'
  elseif view.group then
    local group = view.group
    lines[2] = ('%s: %s goroutines, costly %s, waiting %s, running %s'):format(
      group.name,
      text.count(group.n),
      text.duration(group.costly),
      text.duration(group.waiting),
      text.duration(group.running)
    )
    lines[3] = '<CR> opens it'
  end
  local list = view.instances
  if list and list.at > 0 then
    local name = vim.fs.basename(vim.uri_to_fname(list.uri))
    local which = ('%d of %s on %s:%d (n, N)'):format(list.at, text.count(list.of), name, list.line + 1)
    lines[1] = lines[1] == '' and which or which .. ' · ' .. lines[1] -- a narrow window cuts the end
  end
  if lines[2] == '' and lines[3] == '' then
    lines[3] = '<CR> code   o show it   + - zoom   a d move   n N longest here   ? keys   q close'
  end
  return vim.tbl_map(function(line)
    return text.cut((line:gsub('%c', ' ')), width) -- whatever a trace holds
  end, lines)
end

return M

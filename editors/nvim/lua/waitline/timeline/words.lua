--- The timeline's words: what is shown, the ruler, and what is under the cursor.
local cells = require('waitline.timeline.cells')
local text = require('waitline.text')

local M = {}

--- `15.40 – 19.40 ms`
local function span_of(t0, t1)
  return require('waitline.state').range({ t0 = t0, t1 = t1 })
end

--- The rows above the lanes, and their colours.
--- @param view waitline.View
--- @param w integer cells
--- @param label integer columns of a lane's name
function M.head(view, w, label)
  local colours, line = { {}, {} }, 'Timeline  '
  colours[1][1] = { from = 0, to = 8, group = 'WaitlineTitle' }
  local whole = view.t0 <= 0 and view.t1 >= view.info.duration
  line = line
    .. (whole and '' or '◔ ')
    .. span_of(view.t0, view.t1)
    .. ('   %s a cell   '):format(text.duration((view.t1 - view.t0) / w))
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
--- @return string[]
function M.foot(view)
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
    local place = slice.site or (slice.startStack or {})[1]
    local where = place and text.place(place)
    local who = slice.g and 'G' .. slice.g .. ' ' or ''
    local lasts = text.duration(slice['end'] - slice.start)
    local waits = slice.state == 'waiting' and ('waits %s (%s)'):format(lasts, slice.title)
      or slice.title .. ' ' .. lasts
    lines[2] = ('%s%s%s, from %s'):format(who, waits, where and ' at ' .. where or '', text.instant(slice.start))
    if slice.verdict then
      lines[2] = lines[2] .. ' · ' .. slice.verdict
    end
    local waker = slice.waker
    if waker then
      local at_line = waker.place and text.place(waker.place)
      lines[2] = lines[2]
        .. (' · %s by %s%s'):format(
          waker.what == 'created it' and 'created' or 'woken',
          waker.g and 'G' .. waker.g or (waker.what ~= 'woke it' and waker.what or 'the runtime'),
          at_line and ' at ' .. at_line or ''
        )
    end
    if slice.meanwhile and #slice.meanwhile > 0 then
      local parts = {}
      for i, part in ipairs(slice.meanwhile) do
        if i <= 4 then
          local there = part.place and text.place(part.place)
          parts[i] = ('%s%s %s'):format(part.what, there and ' at ' .. there or '', text.duration(part.ns))
        end
      end
      lines[3] = ('meanwhile %s was: '):format(slice.waker and slice.waker.g and 'G' .. slice.waker.g or 'it')
        .. table.concat(parts, ', ')
    elseif slice.reason then
      lines[3] = slice.reason
    end
  elseif view.group and not view.group.n then
    lines[2] = 'tasks, those that are under way in this time'
    lines[3] = '<CR> opens it'
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
    return (line:gsub('%c', ' ')) -- whatever a trace holds
  end, lines)
end

return M

--- Lanes as characters: one form for each state, so that colour is never alone, and a letter where
--- a wait begins.
---
---   running █   runnable ╱   lock l▆▆   chan c▄▄   net n══   sleep z╌╌   syscall s≡≡
---   collector g▒▒   stopped world █   idle ─   what waits for other work ▁▁
local M = {}

--- @class waitline.Form
--- @field char string
--- @field group string
--- @field letter? string
--- @field name? string as the legend calls it

--- By class (see tile.lua).
--- @type table<integer, waitline.Form>
local FORMS = {
  [1] = { char = '█', group = 'WaitlineRunning', name = 'running' },
  [2] = { char = '╱', group = 'WaitlineRunnable', name = 'runnable' },
  [3] = { char = '▆', group = 'WaitlineLock', letter = 'l', name = 'lock' },
  [4] = { char = '▄', group = 'WaitlineChan', letter = 'c', name = 'chan' },
  [5] = { char = '═', group = 'WaitlineNet', letter = 'n', name = 'net' },
  [6] = { char = '╌', group = 'WaitlineSleep', letter = 'z', name = 'sleep' },
  [7] = { char = '≡', group = 'WaitlineSyscall', letter = 's', name = 'syscall' },
  [8] = { char = '▒', group = 'WaitlineGc', letter = 'g', name = 'GC' },
  [9] = { char = '░', group = 'WaitlineGc', letter = 'g' },
  [10] = { char = '─', group = 'WaitlineHairline' },
  [11] = { char = '▒', group = 'WaitlineGc' },
  [12] = { char = '█', group = 'WaitlineStw' },
  [13] = { char = '░', group = 'WaitlineGc' },
  [14] = { char = '▔', group = 'WaitlineLabel' },
  [15] = { char = '▁', group = 'WaitlineLabel' },
  [16] = { char = '╵', group = 'WaitlineLabel' },
  [17] = { char = '▂', group = 'WaitlineSleep', letter = '?' },
}
local IDLE = { char = '─', group = 'WaitlineHairline', name = 'idle' }
local NOTHING = { char = ' ', group = '' }
local THROUGH, IDLE_VERDICT, UNSURE = 2, 3, 4
local BARS = { '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█' }

--- The legend: a form and its name, in the order of all legends.
--- @return { char: string, group: string, name: string }[]
function M.legend()
  local list = {}
  for class = 1, 8 do
    local form = FORMS[class]
    list[#list + 1] = { char = form.letter or form.char, group = form.group, name = form.name }
  end
  list[#list + 1] = { char = IDLE.char, group = IDLE.group, name = IDLE.name }
  return list
end

--- Calls back for each cell that a rectangle touches, with the share of the cell.
local function touch(rect, width, f)
  local last = math.min(width, math.ceil(rect.x1)) - 1
  for cell = math.max(0, math.floor(rect.x0)), last do
    local share = math.min(rect.x1, cell + 1) - math.max(rect.x0, cell)
    if share > 0 then
      f(cell + 1, share * rect.fill)
    end
  end
end

--- A row of one goroutine, thread, task or of the collector: a cell takes what it is longest,
--- idle only if that is three quarters of it.
--- @param rects waitline.Rect[]
--- @return { [1]: string, [2]: string }[] for each cell its character and group
function M.spans(rects, width)
  local best, idle, owner = {}, {}, {}
  for _, rect in ipairs(rects) do
    local is_idle = rect.verdict == IDLE_VERDICT or rect.class == 10
    touch(rect, width, function(cell, share)
      if is_idle then
        idle[cell] = (idle[cell] or 0) + share
      elseif share > (best[cell] or 0) then
        best[cell], owner[cell] = share, rect
      end
    end)
  end
  local cells = {}
  for cell = 1, width do
    local rect = owner[cell]
    if rect and (idle[cell] or 0) < 0.75 then
      local form = FORMS[rect.class] or FORMS[17]
      local quiet = rect.verdict == THROUGH or rect.verdict == UNSURE
      local char = quiet and form.letter and '▁' or form.char
      -- The first cell that is its own: the one that it begins in may belong to what was before.
      if form.letter and owner[cell - 1] ~= rect and not rect.cut_left and rect.x1 - rect.x0 >= 1 then
        char = form.letter
      end
      cells[cell] = { char, form.group }
    elseif idle[cell] then
      cells[cell] = { IDLE.char, IDLE.group }
    else
      cells[cell] = { NOTHING.char, NOTHING.group }
    end
  end
  return cells
end

--- A row of a P: how busy it was, and in the gaps what was done on it besides.
--- @param rects waitline.Rect[]
function M.processor(rects, width)
  local busy, lower = {}, {}
  --- @type table<integer, waitline.Rect>
  local below = {}
  for _, rect in ipairs(rects) do
    touch(rect, width, function(cell, share)
      if not rect.lower then
        busy[cell] = (busy[cell] or 0) + share
      elseif share > (lower[cell] or 0) then
        lower[cell], below[cell] = share, rect
      end
    end)
  end
  local cells = {}
  for cell = 1, width do
    local height = math.min(8, math.floor((busy[cell] or 0) * 8 + 0.5))
    if below[cell] and lower[cell] > (busy[cell] or 0) then
      local form = FORMS[below[cell].class] or FORMS[17]
      local first = math.floor(below[cell].x0) + 1 == cell
      cells[cell] = { first and form.letter or form.char, form.group }
    elseif height > 0 then
      cells[cell] = { BARS[height], FORMS[1].group }
    else
      cells[cell] = { NOTHING.char, NOTHING.group }
    end
  end
  return cells
end

--- A row of many goroutines: how many did anything but wait idly, in the colour of what most of
--- them did.
--- @param rects waitline.Rect[]
function M.density(rects, width)
  local total, idle, most = {}, {}, {}
  --- @type table<integer, integer>
  local class = {}
  for _, rect in ipairs(rects) do
    touch(rect, width, function(cell, share)
      if rect.verdict == IDLE_VERDICT or rect.class == 10 then
        idle[cell] = true
        return
      end
      total[cell] = (total[cell] or 0) + share
      if share > (most[cell] or 0) then
        most[cell], class[cell] = share, rect.class
      end
    end)
  end
  local cells = {}
  for cell = 1, width do
    if total[cell] and total[cell] > 0 then
      local height = math.max(1, math.min(8, math.floor(total[cell] * 8 + 0.5)))
      cells[cell] = { BARS[height], (FORMS[class[cell]] or FORMS[17]).group }
    elseif idle[cell] then
      cells[cell] = { IDLE.char, IDLE.group }
    else
      cells[cell] = { NOTHING.char, NOTHING.group }
    end
  end
  return cells
end

--- A row that only tells when: a mark in each cell in which something began.
--- @param times number[]
function M.ticks(times, t0, t1, width)
  local cells = {}
  for cell = 1, width do
    cells[cell] = { NOTHING.char, NOTHING.group }
  end
  for _, t in ipairs(times) do
    if t >= t0 and t < t1 then
      cells[math.min(width, math.floor((t - t0) / (t1 - t0) * width) + 1)] = { '╵', 'WaitlineHeat3' }
    end
  end
  return cells
end

--- A row with what was marked: its ends, and what is between them.
--- @param marks { t0: integer, t1: integer }[]
function M.marks(marks, t0, t1, width)
  local cells = {}
  for cell = 1, width do
    cells[cell] = { NOTHING.char, NOTHING.group }
  end
  for _, mark in ipairs(marks) do
    local from = math.floor((mark.t0 - t0) / (t1 - t0) * width) + 1
    local to = math.floor((mark.t1 - t0) / (t1 - t0) * width) + 1
    for cell = math.max(1, from), math.min(width, to) do
      cells[cell] = { (cell == from or cell == to) and '◆' or '━', 'WaitlineTitle' }
    end
  end
  return cells
end

--- Round times for a ruler.
--- @return { cell: integer, label: string }[] cells from 1
--- @return string unit
function M.ruler(t0, t1, width)
  local step = 1
  while (t1 - t0) / step * 12 > width do
    step = step * (tostring(step):sub(1, 1) == '2' and 2.5 or 2)
  end
  local unit, of = 's', 1e9
  if t1 < 1e6 then
    unit, of = 'µs', 1e3
  elseif t1 < 1e9 then
    unit, of = 'ms', 1e6
  end
  local decimals = math.max(0, math.ceil(-math.log10(step / of) - 1e-9))
  local ticks = {}
  for t = math.ceil(t0 / step) * step, t1, step do
    local cell = math.floor((t - t0) / (t1 - t0) * width) + 1
    if cell <= width then
      ticks[#ticks + 1] = { cell = cell, label = (('%%.%df'):format(decimals)):format(t / of) }
    end
  end
  return ticks, unit
end

return M

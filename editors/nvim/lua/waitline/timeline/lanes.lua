--- Which lanes the timeline has, from top to bottom.
local text = require('waitline.text')

local M = {}

--- Columns of a lane's name.
M.LABEL = 18

--- The row that opens into tasks, where a program has them.
M.TASKS = { id = 'tasks', name = 'tasks', costly = 0 }

--- A name that fits: it loses its receiver, then its beginning, never its end.
local function short(name, most)
  if vim.fn.strdisplaywidth(name) > most then
    name = name:gsub('^%b()%.', '')
  end
  name = name:gsub('%c', ' ')
  local n = vim.fn.strchars(name)
  return n > most and '…' .. vim.fn.strcharpart(name, n - most + 1) or name
end

--- The lanes from top to bottom.
--- @param view waitline.View
--- @param height integer rows for lanes
function M.arrange(view, height)
  local rows = {} --- @type waitline.LaneRow[]
  for _, key in ipairs(view.info.lanes) do
    if key == 'gc' then
      rows[#rows + 1] = { key = key, kind = 'gc', label = 'GC' }
    elseif key:find('^p:') then
      rows[#rows + 1] = { key = key, kind = 'p', label = 'P' .. key:sub(3) }
    end
  end
  if view.ticks then
    rows[#rows + 1] = { kind = 'ticks', label = short(view.ticks.label, M.LABEL - 1) }
  end
  if #view.marks > 0 then
    rows[#rows + 1] = { kind = 'marks', label = 'marks' }
  end
  for _, g in ipairs(view.pinned) do
    rows[#rows + 1] = { key = 'g:' .. g, kind = 'g', label = 'G' .. g, g = g }
  end
  local groups = view.info.groups
  if view.info.hasTasks then
    groups = vim.list_extend({ M.TASKS }, groups)
  end
  for _, group in ipairs(groups) do
    local opened = view.open[group.id]
    if view.idle or group.costly > 0 or opened or group == M.TASKS then
      rows[#rows + 1] = {
        key = group ~= M.TASKS and 'group:' .. group.id or nil,
        kind = 'group',
        label = (opened and '▾ ' or '▸ ') .. short(group.name, M.LABEL - 3),
        group = group,
      }
      for _, row in ipairs(opened and opened.rows or {}) do
        rows[#rows + 1] = { key = row.lane, kind = 'g', label = '  ' .. short(row.name, M.LABEL - 3), g = row.g }
      end
      if opened and opened.of > #opened.rows then
        rows[#rows + 1] = { kind = 'note', label = ('  %s more'):format(text.count(opened.of - #opened.rows)) }
      end
    end
  end
  view.rows = rows
  view.top = math.max(0, math.min(view.top, #rows - height))
end

return M

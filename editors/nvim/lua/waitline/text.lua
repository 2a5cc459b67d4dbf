--- Figures and places as text, as the server writes them, and columns.
local M = {}

--- @param message string
--- @param level? integer
function M.say(message, level)
  vim.notify('waitline: ' .. message, level or vim.log.levels.INFO, { title = 'Waitline' })
end

--- Three significant digits.
local function digits(value)
  if value >= 99.95 then
    return ('%.0f'):format(value)
  elseif value >= 9.995 then
    return ('%.1f'):format(value)
  end
  return ('%.2f'):format(value)
end

--- `12.0`, `0.60`
function M.number(value)
  return digits(value)
end

--- `1.21 s`, `840 ms`, `26.0 µs`, `12 ns`.
--- @param ns number
function M.duration(ns)
  if ns < 0 then
    return '-' .. M.duration(-ns)
  elseif ns < 1e3 then
    return ('%d ns'):format(ns)
  elseif ns < 999.5e3 then
    return digits(ns / 1e3) .. ' µs'
  elseif ns < 999.5e6 then
    return digits(ns / 1e6) .. ' ms'
  end
  return digits(ns / 1e9) .. ' s'
end

--- A moment of the trace: `16.332 ms`, to the microsecond.
--- @param ns number
function M.instant(ns)
  if ns >= 1e9 then
    return ('%.6f s'):format(ns / 1e9)
  end
  return ('%.3f ms'):format(ns / 1e6)
end

--- `3,120`; from 100,000 on `128k`.
--- @param n integer
function M.count(n)
  if n >= 1e5 then
    return ('%.0fk'):format(n / 1e3)
  end
  return (tostring(n):reverse():gsub('(%d%d%d)(%d)', '%1,%2'):reverse())
end

--- `38.0 %`
function M.percent(part, whole)
  if not whole or whole <= 0 then
    return '–'
  end
  local share = 100 * part / whole
  return share > 0 and share < 0.01 and '< 0.01 %' or digits(share) .. ' %'
end

--- A duration as a person writes it, in nanoseconds; nil if it is none.
--- @param text string `15.4ms`, `1.2 s`, `300us`
--- @return integer?
function M.parse_duration(text)
  local number, unit = text:gsub('µ', 'u'):match('^(%d+%.?%d*)%s*(%a*)$')
  local units = { ns = 1, us = 1e3, ms = 1e6, s = 1e9 }
  local factor = number and units[unit]
  return factor and math.floor(tonumber(number) * factor + 0.5) or nil
end

--- The function's name as code calls it: without the path of its package.
function M.func(name)
  return ((name or ''):gsub('^.*/', ''):gsub('^[^.(]*%.', ''))
end

--- `db.go:72`, as the line is called now.
--- @param place waitline.Place
function M.place(place)
  if place.uri and place.line then
    return ('%s:%d'):format(vim.fs.basename(vim.uri_to_fname(place.uri)), place.line + 1)
  elseif place.file then
    return ('%s:%d'):format(vim.fs.basename(place.file), place.recorded or 0)
  end
end

--- `db.go:72 (*pool).query.func1`; what has no place is the runtime's doing.
--- @param place waitline.Place
function M.origin(place)
  local at = M.place(place)
  return at and at .. ' ' .. M.func(place.func) or 'the runtime'
end

--- The text in so many columns: `align` 'right' fills at the left.
function M.pad(text, width, align)
  local fill = (' '):rep(width - vim.fn.strdisplaywidth(text))
  return align == 'right' and fill .. text or text .. fill
end

--- The text, with `…` for its end where it is wider than so many columns.
function M.cut(text, width)
  if vim.fn.strdisplaywidth(text) <= width then
    return text
  end
  while text ~= '' and vim.fn.strdisplaywidth(text) >= width do
    text = vim.fn.strcharpart(text, 0, vim.fn.strchars(text) - 1)
  end
  return vim.trim(text) .. '…'
end

--- Rows of cells as lines in columns. A cell that begins with a figure stands at the right.
--- @param rows string[][]
--- @return string[]
function M.columns(rows, gap)
  local widths, figures = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, vim.fn.strdisplaywidth(cell))
      if figures[i] == nil and cell ~= '' then
        figures[i] = cell:find('^[%d<–-]') ~= nil or cell:find('^p99 ') ~= nil or cell:find('^max ') ~= nil
      end
    end
  end
  return vim.tbl_map(function(row)
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = (i == #row and not figures[i]) and cell or M.pad(cell, widths[i], figures[i] and 'right' or 'left')
    end
    return table.concat(cells, gap or '  ')
  end, rows)
end

return M

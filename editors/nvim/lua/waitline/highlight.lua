--- Highlight groups: the product's colours, fitted to the background of the colour scheme, and made
--- anew when that changes. A group that a user or a scheme defines is left alone.
local M = {}

--- For a dark and a light background; `least` is the contrast that the background must give.
--- @type table<string, table>
local COLOURS = {
  WaitlineHeat1 = { '#7C6A3E', '#C49A45', least = 2.5 },
  WaitlineHeat2 = { '#9A7628', '#AE7E1F', least = 3.5 },
  WaitlineHeat3 = { '#CF9426', '#976000', least = 4.5 },
  WaitlineHeat4 = { '#FFC04D', '#7A3A00', least = 6 },
  WaitlineCostly = { '#B8B8B8', '#4F4F4F', least = 5.5 },
  WaitlineThrough = { '#9D9D9D', '#616161', least = 4.5 },
  WaitlinePlain = { '#9D9D9D', '#616161', least = 4.5 },
  WaitlineIdle = { '#7F7F7F', '#757575', least = 4.5, italic = true },
  WaitlineStale = { '#7F7F7F', '#757575', least = 4.5 },
  WaitlineLens = { '#9D9D9D', '#616161', least = 4.5 },
  WaitlineLensSeparator = { '#7F7F7F', '#757575', least = 3 },
  WaitlineTitle = { '#E6E6E6', '#1F1F1F', least = 7, bold = true },
  WaitlineLabel = { '#9D9D9D', '#616161', least = 4.5 },
  WaitlineFinding = { '#F85149', '#C72E0F', least = 4.5 },
  WaitlineRunning = { '#B3C2D1', '#43566A', least = 4.5 },
  WaitlineRunnable = { '#E3C04A', '#8A6A00', least = 4.5 },
  WaitlineLock = { '#E08A3C', '#BF6614', least = 3 },
  WaitlineChan = { '#4F7BE0', '#2F55B5', least = 3 },
  WaitlineNet = { '#6BD0C6', '#189A94', least = 3 },
  WaitlineSleep = { '#A6A6A6', '#7A7A7A', least = 3 },
  WaitlineSyscall = { '#A983E0', '#7B4FC4', least = 3 },
  WaitlineGc = { '#E58CC0', '#B8438A', least = 3 },
  WaitlineStw = { '#FFFFFF', '#000000', least = 4.5 },
  WaitlineHairline = { '#5C5C5C', '#BDBDBD', least = 1.9 },
}

local function rgb(colour)
  return tonumber(colour:sub(2, 3), 16), tonumber(colour:sub(4, 5), 16), tonumber(colour:sub(6, 7), 16)
end

local function hex(r, g, b)
  return ('#%02X%02X%02X'):format(math.floor(r + 0.5), math.floor(g + 0.5), math.floor(b + 0.5))
end

--- The relative luminance of WCAG.
local function luminance(colour)
  local function linear(c)
    c = c / 255
    return c <= 0.03928 and c / 12.92 or ((c + 0.055) / 1.055) ^ 2.4
  end
  local r, g, b = rgb(colour)
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
end

--- The contrast of two colours, 1 to 21.
function M.contrast(a, b)
  local x, y = luminance(a), luminance(b)
  return (math.max(x, y) + 0.05) / (math.min(x, y) + 0.05)
end

--- The colour, taken away from the background as far as it must to be seen on it.
local function fitted(colour, background, least)
  local away = luminance(background) < 0.18 and 255 or 0
  for step = 0, 20 do
    local r, g, b = rgb(colour)
    local t = step / 20
    local moved = hex(r + (away - r) * t, g + (away - g) * t, b + (away - b) * t)
    if M.contrast(moved, background) >= least then
      return moved
    end
  end
  return away == 255 and '#FFFFFF' or '#000000'
end

--- The nearest of the 256 colours of a terminal, from its cube and its greys: the first 16 are
--- whatever the terminal's owner made them.
local function nearest256(colour)
  local r, g, b = rgb(colour)
  local function level(c)
    return c < 48 and 0 or c < 115 and 1 or math.floor((c - 35) / 40)
  end
  local levels = { 0, 95, 135, 175, 215, 255 }
  local function distance(x, y, z)
    return (x - r) ^ 2 + (y - g) ^ 2 + (z - b) ^ 2
  end
  local lr, lg, lb = level(r), level(g), level(b)
  local cube = distance(levels[lr + 1], levels[lg + 1], levels[lb + 1])
  local grey = math.max(0, math.min(23, math.floor(((r + g + b) / 3 - 3) / 10)))
  local value = 8 + 10 * grey
  if distance(value, value, value) < cube then
    return 232 + grey
  end
  return 16 + 36 * lr + 6 * lg + lb
end

--- For terminals of 8 or 16 colours: by name, none for what is only grey.
local FEW = {
  WaitlineHeat1 = 'DarkYellow',
  WaitlineHeat2 = 'DarkYellow',
  WaitlineHeat3 = 'DarkYellow',
  WaitlineHeat4 = 'Yellow',
  WaitlineFinding = 'DarkRed',
  WaitlineRunnable = 'DarkYellow',
  WaitlineLock = 'DarkYellow',
  WaitlineChan = 'DarkBlue',
  WaitlineNet = 'DarkCyan',
  WaitlineSyscall = 'DarkMagenta',
  WaitlineGc = 'DarkMagenta',
}

local ours = {} --- @type table<string, vim.api.keyset.get_hl_info> as Neovim gave them back

--- A group as it is. Whether it is a default is left out: a change of 'background' forgets that.
local function current(name)
  local group = vim.api.nvim_get_hl(0, { name = name })
  group.default = nil
  return group
end

--- The background that text stands on.
local function background()
  local normal = vim.api.nvim_get_hl(0, { name = 'Normal', link = false })
  if normal.bg then
    return ('#%06X'):format(normal.bg)
  end
  return vim.o.background == 'light' and '#FFFFFF' or '#181818'
end

--- Defines the groups, or defines them anew.
function M.define()
  local behind = background()
  local dark = luminance(behind) < 0.18
  local few = not vim.o.termguicolors and (tonumber(vim.api.nvim_eval('&t_Co')) or 256) < 256
  for name, colours in pairs(COLOURS) do
    local now = current(name)
    if next(now) == nil or vim.deep_equal(now, ours[name]) then
      local fg = fitted(colours[dark and 1 or 2], behind, colours.least)
      vim.api.nvim_set_hl(0, name, {
        fg = fg,
        ctermfg = few and (FEW[name] or 'NONE') or nearest256(fg),
        bold = colours.bold,
        italic = colours.italic,
        -- `default` sets nothing that is there: and what is there now is ours, if anything.
        default = next(now) == nil,
      })
      ours[name] = current(name)
    end
  end
end

--- @return string[] the names of all groups
function M.groups()
  local names = vim.tbl_keys(COLOURS)
  table.sort(names)
  return names
end

local is_set_up = false

function M.setup()
  if is_set_up then
    return
  end
  is_set_up = true
  M.define()
  local group = vim.api.nvim_create_augroup('waitline.highlight', {})
  vim.api.nvim_create_autocmd('ColorScheme', { group = group, callback = M.define })
  vim.api.nvim_create_autocmd('OptionSet', {
    group = group,
    pattern = { 'background', 'termguicolors' },
    callback = M.define,
  })
end

return M

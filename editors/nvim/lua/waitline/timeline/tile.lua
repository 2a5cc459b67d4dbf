--- Reads the server's tiles: rectangles of lanes, in octets (docs: "Timeline" in lsp-extensions.md).
local M = {}

--- @class waitline.Rect
--- @field x0 number cells from the left
--- @field x1 number
--- @field class integer see `M.CLASSES`
--- @field verdict integer see `M.VERDICTS`
--- @field joined boolean several spans
--- @field cut_left boolean begins before the window
--- @field cut_right boolean ends after it
--- @field lower boolean the second row of a P
--- @field fill number 0 to 1, the share of its cells that it covers
--- @field g integer goroutine, 0: none

--- @class waitline.Lane
--- @field rects waitline.Rect[]
--- @field peak integer most goroutines at once, in a row of many

--- @class waitline.Tile
--- @field analysis integer
--- @field t0 integer
--- @field t1 integer
--- @field width integer
--- @field lanes waitline.Lane[]

--- By class, from 0.
M.CLASSES = {
  [0] = 'none',
  'running',
  'runnable',
  'lock',
  'chan',
  'net',
  'sleep',
  'syscall',
  'assist',
  'gc wait',
  'system',
  'gc mark',
  'stw',
  'sweep',
  'task',
  'region',
  'instant',
  'unknown',
}
M.VERDICTS = { [0] = 'none', 'costly', 'through', 'idle', 'unsure' }

local HEAD, ENTRY, RECT = 32, 16, 16

local function u16(text, at)
  local a, b = text:byte(at + 1, at + 2)
  return a + b * 256
end

local function u32(text, at)
  local a, b, c, d = text:byte(at + 1, at + 4)
  return a + b * 256 + c * 65536 + d * 16777216
end

--- @param octets string
--- @return waitline.Tile?
--- @return string? problem
function M.read(octets)
  if #octets < HEAD or octets:sub(1, 4) ~= 'WLT2' then
    return nil, 'the server speaks another version of the timeline: build it again, or update the plugin'
  end
  local n = u32(octets, 28)
  --- @type waitline.Tile
  local tile = {
    analysis = u32(octets, 4),
    t0 = u32(octets, 8) + u32(octets, 12) * 4294967296,
    t1 = u32(octets, 16) + u32(octets, 20) * 4294967296,
    width = u32(octets, 24),
    lanes = {},
  }
  if #octets < HEAD + n * ENTRY then
    return nil, 'a tile of the timeline is cut short'
  end
  for i = 0, n - 1 do
    local entry = HEAD + i * ENTRY
    local offset, count = u32(octets, entry), u32(octets, entry + 4)
    if offset + count * RECT > #octets then
      return nil, 'a tile of the timeline is cut short'
    end
    local lane = { peak = u32(octets, entry + 8), rects = {} }
    for r = 0, count - 1 do
      local at = offset + r * RECT
      local class, verdict, flags, fill = octets:byte(at + 5, at + 8)
      lane.rects[r + 1] = {
        x0 = u16(octets, at) / 16,
        x1 = u16(octets, at + 2) / 16,
        class = class,
        verdict = verdict,
        joined = flags % 2 >= 1,
        cut_left = flags % 4 >= 2,
        cut_right = flags % 8 >= 4,
        lower = flags % 16 >= 8,
        fill = fill / 255,
        g = u32(octets, at + 12),
      }
    end
    tile.lanes[i + 1] = lane
  end
  return tile
end

return M

-- Tiles of the timeline, made by hand after their description, read and turned into characters.
local h = require('harness')
h.needs_plugin()

local function le(value, n)
  local out = {}
  for i = 1, n do
    out[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(out)
end

--- @param lanes { peak?: integer, rects: table[] }[] a rect: x0, x1 (cells), class, verdict, flags, fill, g
local function tile(lanes, t0, t1, width)
  local head = 'WLT2' .. le(7, 4) .. le(t0, 8) .. le(t1, 8) .. le(width, 4) .. le(#lanes, 4)
  local entries, rects = '', ''
  local offset = 32 + #lanes * 16
  for _, lane in ipairs(lanes) do
    entries = entries .. le(offset + #rects, 4) .. le(#lane.rects, 4) .. le(lane.peak or 0, 4) .. le(0, 4)
    for _, r in ipairs(lane.rects) do
      rects = rects
        .. le(r[1] * 16, 2)
        .. le(r[2] * 16, 2)
        .. string.char(r[3], r[4] or 0, r[5] or 0, r[6] or 255)
        .. le(0, 4)
        .. le(r[7] or 0, 4)
    end
  end
  return head .. entries .. rects
end

local function line(cells)
  return table.concat(vim.tbl_map(function(cell)
    return cell[1]
  end, cells))
end

h.run(function()
  local read = require('waitline.timeline.tile').read
  local cells = require('waitline.timeline.cells')
  local octets = tile({
    { rects = { { 0, 2, 1 }, { 2, 6, 4, 1, 0, 255, 15 }, { 6, 8, 2 }, { 8, 10, 1 } } },
    { peak = 8, rects = { { 0, 4, 3, 1, 1, 128 }, { 4, 6, 4, 3 } } },
    { rects = {} },
  }, 16000000000, 16000100000, 10)
  local answer = read(octets)
  h.check(
    'the head',
    answer.analysis == 7 and answer.t0 == 16000000000 and answer.t1 == 16000100000 and answer.width == 10,
    answer
  )
  local first = answer.lanes[1].rects[2]
  h.check(
    'a rectangle',
    first.x0 == 2 and first.x1 == 6 and first.class == 4 and first.verdict == 1 and first.g == 15 and first.fill == 1,
    first
  )
  h.check(
    'a row of many',
    answer.lanes[2].peak == 8 and answer.lanes[2].rects[1].joined and #answer.lanes[3].rects == 0
  )
  h.check(
    'running, a wait that begins with its letter, runnable',
    line(cells.spans(answer.lanes[1].rects, 10)) == '██c▄▄▄╱╱██'
  )
  h.check('how many, then idle, then none', line(cells.density(answer.lanes[2].rects, 8)) == '▄▄▄▄──  ')
  h.check('nothing', line(cells.spans({}, 4)) == '    ')

  local function drawn(rects, width)
    return line(cells.spans(read(tile({ { rects = rects } }, 0, 100, width)).lanes[1].rects, width))
  end
  h.check('every state has a form of its own', drawn({
    { 0, 2, 3, 1 },
    { 2, 4, 5, 1 },
    { 4, 6, 6, 1 },
    { 6, 8, 7 },
    { 8, 10, 8, 1 },
    { 10, 12, 4, 3 },
    { 12, 14, 3, 2 },
  }, 14) == 'l▆n═z╌s≡g▒──l▁')
  h.check('what began before has no letter', drawn({ { 0, 3, 4, 1, 2 } }, 3) == '▄▄▄')
  h.check('the longest state of a cell wins', drawn({ { 0, 0.25, 1 }, { 0.25, 1, 3, 1 } }, 1) == '▆')
  h.check(
    'idle only if three quarters are',
    drawn({ { 0, 0.75, 4, 3 }, { 0.75, 1, 1 } }, 1) == '─' and drawn({ { 0, 0.5, 4, 3 }, { 0.5, 1, 1 } }, 1) == '█'
  )
  h.check(
    'a P shows how busy it is, and system calls in the gaps',
    line(
      cells.processor(
        read(
          tile({ { rects = { { 0, 1, 1, 0, 1, 255 }, { 1, 2, 1, 0, 1, 128 }, { 2, 4, 7, 0, 8, 255 } } } }, 0, 100, 5)
        ).lanes[1].rects,
        5
      )
    ) == '█▄s≡ '
  )
  h.check(
    'what is wider than the window is cut',
    #cells.spans(read(tile({ { rects = { { 0, 20, 1 } } } }, 0, 100, 20)).lanes[1].rects, 10) == 10
  )

  for cut = 0, #octets - 1, 7 do
    local got, problem = read(octets:sub(1, cut))
    h.check('cut after ' .. cut .. ' octets: told', got == nil and problem ~= nil)
  end
  h.check('another version is told', select(2, read('WLT9' .. octets:sub(5))):find('another version', 1, true) ~= nil)

  local ticks, unit = cells.ruler(15400000, 19400000, 120)
  h.check(
    'a ruler of round times',
    unit == 'ms' and ticks[1].label == '15.5' and ticks[2].label == '16.0' and ticks[1].cell == 4,
    ticks
  )
  for _, range in ipairs({ { 0, 1000 }, { 0, 2e9 }, { 5e9, 5.0001e9 }, { 0, 85688065 }, { 100, 250 } }) do
    local n = #cells.ruler(range[1], range[2], 80)
    h.check(('a ruler from %d to %d has %d ticks'):format(range[1], range[2], n), n >= 2 and n <= 8)
  end
  h.check('the legend names each form', #cells.legend() == 9)
end)

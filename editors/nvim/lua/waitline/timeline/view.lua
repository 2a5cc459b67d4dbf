--- The window of the timeline: what is in it, and the keys.
---
---   row 1        the time that is shown, and the legend
---   row 2        the ruler
---   row 3...     lanes: the collector, the Ps, goroutines that were asked for, then all by the
---                `go` statement that started them (<CR> opens such a row)
---   the last 3   how many did what at the cursor's time, what is under the cursor, its waker
---
--- The cursor is the selection: its row a lane, its column a time.
local cells = require('waitline.timeline.cells')
local lanes_of = require('waitline.timeline.lanes')
local server = require('waitline.server')
local text = require('waitline.text')
local tile = require('waitline.timeline.tile')
local words = require('waitline.timeline.words')

local M = {}

local api = vim.api
local ns = api.nvim_create_namespace('waitline.timeline')

local LABEL = lanes_of.LABEL
--- Rows above and below the lanes.
M.HEAD = 2
local HEAD, FOOT = M.HEAD, 3
local ROWS = 50 -- goroutines of an open group

--- @class waitline.LaneRow
--- @field key? string the server's name of it; nil: a row of words
--- @field kind 'gc'|'p'|'g'|'group'|'ticks'|'marks'|'note'
--- @field label string
--- @field g? integer
--- @field group? table of `waitline/timelineInfo`

--- A span of a lane, as timelines tell each other.
--- @class waitline.Span
--- @field lane string
--- @field g integer 0: of no goroutine
--- @field start integer
--- @field ['end'] integer

--- @class waitline.View
--- @field buf integer
--- @field client vim.lsp.Client
--- @field info table of `waitline/timelineInfo`
--- @field t0 number
--- @field t1 number
--- @field rows waitline.LaneRow[]
--- @field top integer the rows above the first that is shown
--- @field pinned integer[] goroutines that were asked for
--- @field open table<string, table> rows of open groups, by the group's id
--- @field asked integer
--- @field notes table<string, string> words behind a lane
--- @field ticks? { label: string, times: integer[] } when the waits of the line began, the longest 1,000
--- @field slice? table what is under the cursor
--- @field instances? { uri: string, line: integer, at: integer, of: integer } the line whose waits `n` goes through
--- @field wish integer counts what was asked for: the last one counts
--- @field lanes table<string, waitline.Lane> what was drawn last, by the server's name
--- @field written? waitline.LaneRow[] the rows that stand in the buffer
--- @field row integer the cursor's row of the buffer
--- @field cell integer and its cell
--- @field t? number the moment that it was put on
--- @field stands? integer[] where this module has put the cursor
--- @field chosen? boolean whether somebody has selected anything: at first the cursor only stands somewhere
--- @field told? string the span that timelines elsewhere have selected, as far as is known here
--- @field marks { t0: integer, t1: integer }[] what was marked
--- @field idle boolean whether groups that only wait idly are shown
local view --- @type waitline.View?

--- The window that shows it, or nil.
function M.window()
  return view and vim.fn.bufwinid(view.buf) ~= -1 and vim.fn.bufwinid(view.buf) or nil
end

--- Cells of a lane.
function M.width()
  local win = M.window()
  return math.max(20, (win and api.nvim_win_get_width(win) or vim.o.columns) - LABEL - 1)
end

--- Rows for lanes.
function M.height()
  local win = M.window()
  return math.max(3, (win and api.nvim_win_get_height(win) or 16) - HEAD - FOOT)
end

local function per_cell()
  return (view.t1 - view.t0) / M.width()
end

--- Cells as a line and its colours, which begin at a column of bytes.
local function paint(line, colours, row)
  for _, cell in ipairs(row) do
    local last = colours[#colours]
    if cell[2] ~= '' then
      if last and last.group == cell[2] and last.to == #line then
        last.to = last.to + #cell[1]
      else
        colours[#colours + 1] = { from = #line, to = #line + #cell[1], group = cell[2] }
      end
    end
    line = line .. cell[1]
  end
  return line
end

--- Writes all that is known.
--- @param lanes table<string, waitline.Lane> by the server's name
local function write(lanes)
  local lines, colours = words.head(view, M.width(), LABEL, M.height())
  for i = view.top + 1, math.min(#view.rows, view.top + M.height()) do
    local row = view.rows[i]
    local label = text.pad(row.label, LABEL - 1) .. ' '
    local marks = { { from = 0, to = #label, group = row.kind == 'group' and 'WaitlineTitle' or 'WaitlineLabel' } }
    local lane = row.key and lanes[row.key]
    local line = label
    if lane then
      local drawn
      if row.kind == 'p' then
        drawn = cells.processor(lane.rects, M.width())
      elseif row.kind == 'group' then
        drawn = cells.density(lane.rects, M.width())
      else
        local rects = lane.rects
        if row.kind == 'gc' and lanes.stw then
          rects = vim.list_extend(vim.list_extend({}, rects), lanes.stw.rects)
        end
        drawn = cells.spans(rects, M.width())
      end
      line = paint(label, marks, drawn)
    -- Those of another line are on their way.
    elseif row.kind == 'ticks' and view.ticks then
      line = paint(label, marks, cells.ticks(view.ticks.times, view.t0, view.t1, M.width()))
    elseif row.kind == 'marks' then
      line = paint(label, marks, cells.marks(view.marks, view.t0, view.t1, M.width()))
    end
    lines[#lines + 1] = line
    colours[#lines] = marks
  end
  while #lines < HEAD + M.height() do
    lines[#lines + 1] = ''
  end
  vim.list_extend(lines, words.foot(view, LABEL + M.width()))
  local win = M.window()
  local cursor = win and api.nvim_win_get_cursor(win)
  view.written = vim.list_slice(view.rows, view.top + 1, view.top + M.height())
  vim.bo[view.buf].modifiable = true
  api.nvim_buf_set_lines(view.buf, 0, -1, false, lines)
  vim.bo[view.buf].modifiable = false
  api.nvim_buf_clear_namespace(view.buf, ns, 0, -1)
  for i, marks in pairs(colours) do
    for _, mark in ipairs(marks) do
      if mark.to > mark.from then
        api.nvim_buf_set_extmark(view.buf, ns, i - 1, mark.from, { end_col = mark.to, hl_group = mark.group })
      end
    end
  end
  for i = view.top + 1, math.min(#view.rows, view.top + M.height()) do
    local note = view.rows[i].key and view.notes[view.rows[i].key]
    if note then
      local used = vim.fn.strdisplaywidth(note) + 2
      api.nvim_buf_set_extmark(view.buf, ns, HEAD + i - view.top - 1, 0, {
        virt_text = { { ' ' .. note .. ' ', 'WaitlineTitle' } },
        virt_text_win_col = math.max(LABEL, LABEL + M.width() - used),
      })
    end
  end
  if cursor and win then
    pcall(api.nvim_win_set_cursor, win, cursor)
    if view.cell then
      M.put(view.row or cursor[1], view.cell)
    end
  end
end

--- Writes the last rows only.
local function write_foot()
  local lines = words.foot(view, LABEL + M.width())
  local from = HEAD + M.height()
  vim.bo[view.buf].modifiable = true
  api.nvim_buf_set_lines(view.buf, from, from + FOOT, false, lines)
  vim.bo[view.buf].modifiable = false
  api.nvim_buf_clear_namespace(view.buf, ns, from, -1)
  api.nvim_buf_set_extmark(view.buf, ns, from, 0, { end_col = #lines[1], hl_group = 'WaitlineLabel' })
end

--- Puts the cursor on a row of the buffer and a cell, from 1.
function M.put(row, cell)
  local win = M.window()
  if not win then
    return
  end
  local line = api.nvim_buf_get_lines(view.buf, row - 1, row, false)[1] or ''
  local column = vim.str_byteindex(line, 'utf-32', math.min(LABEL + cell - 1, vim.fn.strchars(line)), false)
  view.row, view.cell = row, cell
  pcall(api.nvim_win_set_cursor, win, { row, column })
  view.stands = api.nvim_win_get_cursor(win)
end

--- Asks for the lanes that are shown, and writes them.
function M.draw()
  if not view or not M.window() then
    return
  end
  lanes_of.arrange(view, M.height())
  view.asked = view.asked + 1
  view.stands = api.nvim_win_get_cursor(M.window())
  local asked, lanes = view.asked, {}
  for i = view.top + 1, math.min(#view.rows, view.top + M.height()) do
    lanes[#lanes + 1] = view.rows[i].key
  end
  if vim.tbl_contains(lanes, 'gc') and vim.tbl_contains(view.info.lanes, 'stw') then
    lanes[#lanes + 1] = 'stw'
  end
  local params = {
    analysis = view.info.analysis,
    t0 = math.floor(view.t0),
    t1 = math.floor(view.t1),
    width = M.width(),
    lanes = lanes,
  }
  server.request('waitline/timeline', params, function(answer)
    if not view or view.asked ~= asked or not answer then
      return
    end
    local read, problem = tile.read(vim.base64.decode(answer.data))
    if not read then
      return text.say(problem, vim.log.levels.ERROR)
    end
    local by_key = {}
    for i, lane in ipairs(read.lanes) do
      by_key[lanes[i]] = lane
    end
    view.lanes = by_key
    write(by_key)
    M.look()
  end, { client = view.client })
end

--- The lane and the time under the cursor.
--- @return waitline.LaneRow?
--- @return number t
--- @return integer cell
function M.under()
  local win = M.window()
  local cursor = win and api.nvim_win_get_cursor(win) or { 1, 0 }
  local line = api.nvim_buf_get_lines(view.buf, cursor[1] - 1, cursor[1], false)[1] or ''
  local cell = vim.str_utfindex(line, 'utf-32', math.min(cursor[2], #line), false) - LABEL
  cell = math.max(0, math.min(cell, M.width() - 1))
  local index = cursor[1] - HEAD
  -- The rows of the buffer: others may have been asked for since.
  local row = index >= 1 and view.written and view.written[index] or nil
  -- A moment that was asked for may be a small part of its cell.
  local exact = view.t and vim.deep_equal(view.stands, cursor) and view.t
  return row, exact or view.t0 + (cell + 0.5) * per_cell(), cell + 1
end

--- What a span is known by in timelines elsewhere.
--- @param span waitline.Span
function M.name_of(span)
  return ('%s@%d'):format(span.g and span.g > 0 and span.g or span.lane, span.start)
end

--- Pages follow what is selected here, if it is not what they have said.
local function tell(slice)
  if not slice or not view.chosen or view.told == M.name_of(slice) then
    return
  end
  view.told = M.name_of(slice)
  local span = { lane = slice.lane, g = slice.g or 0, start = slice.start, ['end'] = slice['end'], from = 'neovim' }
  server.request('waitline/select', span, function() end, { client = view.client, on_error = function() end })
end

--- Asks what is under the cursor.
function M.look()
  local row, t = M.under()
  view.looked = (view.looked or 0) + 1
  local looked = view.looked
  local function current()
    return view and view.looked == looked and M.window()
  end
  view.group = row and row.kind == 'group' and row.group or nil
  if not row or not row.key or row.kind == 'group' then
    view.slice = nil
    write_foot()
  else
    server.request('waitline/timelineSlice', { lane = row.key, t = math.floor(t) }, function(answer)
      if current() then
        view.slice = answer and answer.slice
        write_foot()
        tell(view.slice)
      end
    end, { client = view.client, on_error = function() end })
  end
  server.request('waitline/timelineAt', { t = math.floor(t) }, function(answer)
    if current() then
      view.at = answer
      write_foot()
    end
  end, { client = view.client, on_error = function() end })
end

--- Shows another time, the cursor on a moment of it, if one is named.
--- @param t0 number
--- @param t1 number
--- @param t? number
function M.go(t0, t1, t)
  local most = view.info.duration
  local length = math.max(100, math.min(t1 - t0, most))
  t0 = math.max(0, math.min(t0, most - length))
  view.t0, view.t1 = t0, t0 + length
  view.t = t
  if t then
    view.cell = math.max(1, math.min(M.width(), math.floor((t - t0) / per_cell()) + 1))
  end
  M.draw()
end

--- Zooms around the cursor: it stays on its moment.
function M.zoom(factor)
  local _, t, cell = M.under()
  view.row, view.cell = api.nvim_win_get_cursor(M.window())[1], cell
  local share = (t - view.t0) / (view.t1 - view.t0)
  local length = (view.t1 - view.t0) * factor
  M.go(t - share * length, t + (1 - share) * length, t)
end

--- Moves by a part of what is shown.
function M.pan(part)
  local by = (view.t1 - view.t0) * part
  M.go(view.t0 + by, view.t1 + by)
end

--- Opens or closes the goroutines of a `go` statement, or the tasks.
function M.toggle_group(group)
  if view.open[group.id] then
    view.open[group.id] = nil
    return M.draw()
  end
  local params = {
    group = group.id,
    t0 = math.floor(view.t0),
    t1 = math.floor(view.t1),
    offset = 0,
    limit = ROWS,
    sort = 'costly',
  }
  local method = group == lanes_of.TASKS and 'waitline/timelineTasks' or 'waitline/timelineRows'
  server.request(method, params, function(answer)
    if view and answer then
      view.open[group.id] = { rows = answer.rows, of = answer.of }
      M.draw()
    end
  end, { client = view.client })
end

function M.close()
  require('waitline.timeline.spans').close()
  local win = M.window()
  view = nil
  if win then
    api.nvim_win_close(win, true)
  end
end

--- @param client vim.lsp.Client
--- @param info table of `waitline/timelineInfo`
function M.show(client, info)
  require('waitline.highlight').setup()
  if M.window() then
    -- A range of the same trace leaves all as it is.
    local same = view.info.trace == info.trace and view.info.duration == info.duration
    view.client, view.info = client, info
    if not same then
      view.open, view.notes, view.marks = {}, {}, {}
      view.instances, view.ticks, view.told = nil, nil, nil
      view.t0, view.t1 = math.min(view.t0, info.duration), math.min(view.t1, info.duration)
      if view.t1 - view.t0 < 100 then
        view.t0, view.t1 = 0, info.duration
      end
    end
    api.nvim_set_current_win(M.window())
    return
  end
  local lanes = #info.groups + #info.lanes
  vim.cmd(('botright %dnew'):format(math.max(10, math.min(lanes + HEAD + FOOT, math.floor(vim.o.lines * 0.4)))))
  local buf, win = api.nvim_get_current_buf(), api.nvim_get_current_win()
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.bo[buf].undolevels = -1
  pcall(api.nvim_buf_set_name, buf, 'waitline://timeline')
  vim.bo[buf].filetype = 'waitline-timeline'
  for option, value in pairs({
    number = false,
    relativenumber = false,
    wrap = false,
    signcolumn = 'no',
    foldcolumn = '0',
    list = false,
    cursorline = true,
    spell = false,
    winfixheight = true,
    scrolloff = 0,
    sidescrolloff = 0,
    statuscolumn = '',
  }) do
    vim.wo[win][option] = value
  end
  view = {
    buf = buf,
    client = client,
    info = info,
    t0 = 0,
    t1 = info.duration,
    rows = {},
    top = 0,
    pinned = {},
    open = {},
    asked = 0,
    wish = 0,
    notes = {},
    marks = {},
    lanes = {},
    idle = true,
    row = HEAD + 1,
    cell = 1,
  }
  require('waitline.timeline.keys').set(buf)
  api.nvim_create_autocmd('CursorMoved', {
    buffer = buf,
    callback = function()
      -- What this module itself has done is told later, when it may wish for another place already.
      if not view or view.buf ~= buf or vim.deep_equal(view.stands, api.nvim_win_get_cursor(0)) then
        return
      end
      view.stands, view.t, view.chosen = nil, nil, true
      local _, _, cell = M.under()
      view.row, view.cell = api.nvim_win_get_cursor(0)[1], cell
      local moved = (view.moved or 0) + 1
      view.moved = moved
      vim.defer_fn(function()
        if view and view.moved == moved and M.window() then
          M.look()
        end
      end, 60)
    end,
  })
  local group = api.nvim_create_augroup('waitline.timeline', {})
  api.nvim_create_autocmd({ 'WinResized', 'VimResized' }, {
    group = group,
    callback = function()
      if view and view.buf == buf and M.window() then
        vim.schedule(M.draw)
      end
    end,
  })
  api.nvim_create_autocmd('User', {
    group = group,
    pattern = 'WaitlineChanged',
    callback = function(event)
      if not view or view.buf ~= buf then
        return
      elseif not event.data.state then
        return M.close()
      end
      require('waitline.timeline').again(view.client)
    end,
  })
  api.nvim_create_autocmd('BufWipeout', {
    buffer = buf,
    callback = function()
      api.nvim_del_augroup_by_id(group)
      if view and view.buf == buf then
        view = nil
      end
    end,
  })
end

--- @return waitline.View?
function M.view()
  return view
end

return M

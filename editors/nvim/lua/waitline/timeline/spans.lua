--- The spans that the timeline shows as a table, over its window: for screen readers, and for who
--- reads better in words.
local text = require('waitline.text')
local tile = require('waitline.timeline.tile')
local timeline = require('waitline.timeline.view')

local M = {}

local api = vim.api
local ns = api.nvim_create_namespace('waitline.spans')

--- More than a person goes through.
local MOST = 500

--- @class waitline.SpanRow: waitline.Span
--- @field row string the lane's name
--- @field what string
--- @field verdict string
--- @field cut string `‹` and `›` where it begins before or ends after what is shown

local opened --- @type { win: integer, buf: integer }?

--- What is shown, lane by lane.
--- @param view waitline.View
--- @return waitline.SpanRow[]
--- @return integer of how many there are
function M.list(view)
  local list, of = {}, 0
  for i = view.top + 1, math.min(#view.rows, view.top + timeline.height()) do
    local row = view.rows[i]
    local lane = row.key and row.kind ~= 'group' and view.lanes[row.key]
    for _, rect in ipairs(lane and lane.rects or {}) do
      of = of + 1
      if #list < MOST then
        local a_cell = (view.t1 - view.t0) / timeline.width()
        list[#list + 1] = {
          lane = row.key,
          g = rect.g,
          start = math.floor(view.t0 + rect.x0 * a_cell),
          ['end'] = math.floor(view.t0 + rect.x1 * a_cell),
          row = vim.trim(row.label),
          what = tile.CLASSES[rect.class]
            .. (row.kind == 'p' and rect.g > 0 and ' G' .. rect.g or '')
            .. (rect.joined and ', several' or ''),
          verdict = rect.verdict > 0 and tile.VERDICTS[rect.verdict] or '',
          cut = (rect.cut_left and '‹' or '') .. (rect.cut_right and '›' or ''),
        }
      end
    end
  end
  return list, of
end

function M.close()
  if opened and api.nvim_win_is_valid(opened.win) then
    api.nvim_win_close(opened.win, true)
  end
  opened = nil
end

--- Shows the table. `<CR>` selects the span of a row, in the lanes.
function M.open()
  local view, win = timeline.view(), timeline.window()
  if not view or not win then
    return
  end
  M.close()
  local list, of = M.list(view)
  local cells = { { 'lane', 'state', 'cost', 'start', 'length', '' } }
  for i, span in ipairs(list) do
    local start, length = text.instant(span.start), text.duration(span['end'] - span.start)
    cells[i + 1] = { span.row, span.what, span.verdict, start, length, span.cut }
  end
  local lines = text.columns(cells)
  local n = of > #list and ('the first %s of %s: zoom in for fewer'):format(text.count(#list), text.count(of))
    or text.count(of)
  local heads = table.remove(lines, 1)
  table.insert(lines, 1, ('Spans in view: %s   <CR> selects one   t lanes'):format(n))
  lines = vim.tbl_map(function(line)
    return (line:gsub('%c', ' '):gsub('%s+$', ''))
  end, lines)

  local buf = api.nvim_create_buf(false, true)
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].modifiable, vim.bo[buf].bufhidden, vim.bo[buf].filetype = false, 'wipe', 'waitline-spans'
  api.nvim_buf_set_extmark(buf, ns, 0, 0, { end_col = #lines[1], hl_group = 'WaitlineTitle' })
  local over = api.nvim_open_win(buf, true, {
    relative = 'win',
    win = win,
    row = 0,
    col = 0,
    width = api.nvim_win_get_width(win),
    height = api.nvim_win_get_height(win),
    style = 'minimal',
    border = 'none',
  })
  opened = { win = over, buf = buf }
  vim.wo[over].cursorline, vim.wo[over].wrap = true, false
  vim.wo[over].winbar = '%#WaitlineLabel#' .. heads -- the rows move under it
  -- The row of what is selected, if it is there.
  local slice, at = view.slice, 2
  for i, span in ipairs(list) do
    if slice and span.lane == slice.lane and math.abs(span.start - slice.start) < 1 + (view.t1 - view.t0) / 1e3 then
      at = i + 1
      break
    end
  end
  api.nvim_win_set_cursor(over, { math.min(at, #lines), 0 })
  for _, key in ipairs({ 'q', 't', 'T', '<Esc>' }) do
    vim.keymap.set('n', key, M.close, { buffer = buf, nowait = true, desc = 'Waitline: back to the lanes' })
  end
  vim.keymap.set('n', '<CR>', function()
    local span = list[api.nvim_win_get_cursor(0)[1] - 1]
    if span then
      M.close()
      require('waitline.timeline.select').select_span(span)
    end
  end, { buffer = buf, nowait = true, desc = 'Waitline: select this span' })
  api.nvim_create_autocmd('WinLeave', { buffer = buf, once = true, callback = vim.schedule_wrap(M.close) })
end

return M

--- A window over the text, for evidence and the like: `q` closes it, `<CR>` goes to the place on
--- its line.
local M = {}

local ns = vim.api.nvim_create_namespace('waitline.float')

--- @class waitline.Float
--- @field lines string[]
--- @field places table<integer, waitline.Place> by line, from 1
--- @field marks { line: integer, from: integer, to: integer, group: string }[] lines from 1, bytes from 0

--- @return waitline.Float
function M.new()
  return { lines = {}, places = {}, marks = {} }
end

--- Adds a line, with one group for all of it and the place it leads to.
--- @param float waitline.Float
function M.add(float, line, group, place)
  line = line:gsub('[%c]', ' ') -- a line is one line, whatever a trace holds
  float.lines[#float.lines + 1] = line
  local n = #float.lines
  if group then
    float.marks[#float.marks + 1] = { line = n, from = 0, to = #line, group = group }
  end
  if place and (place.uri or place.file) then
    float.places[n] = place
  end
end

local function border()
  return vim.fn.exists('&winborder') == 1 and vim.o.winborder ~= '' and vim.o.winborder or 'rounded'
end

--- @param float waitline.Float
--- @param title? string
--- @return integer buf
--- @return integer win
function M.open(float, title)
  local width = 1
  for _, line in ipairs(float.lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  local source = vim.api.nvim_get_current_win()
  local buf, win = vim.lsp.util.open_floating_preview(float.lines, '', {
    focus_id = 'waitline',
    border = border(),
    title = title and ' ' .. title .. ' ' or nil,
    wrap = true,
    max_width = math.max(40, math.min(width, vim.o.columns - 6)),
    max_height = math.max(8, vim.o.lines - 8),
    close_events = { 'CursorMoved', 'CursorMovedI', 'InsertCharPre' },
  })
  if vim.api.nvim_get_current_win() == win then
    return buf, win -- it was there already, and now has the focus
  end
  vim.wo[win].linebreak = true
  vim.wo[win].winhighlight = 'NormalFloat:NormalFloat,FloatTitle:WaitlineTitle'
  for _, mark in ipairs(float.marks) do
    vim.api.nvim_buf_set_extmark(buf, ns, mark.line - 1, mark.from, { end_col = mark.to, hl_group = mark.group })
  end
  local function close()
    if vim.api.nvim_win_is_valid(win) then
      vim.api.nvim_win_close(win, true)
    end
  end
  vim.keymap.set('n', 'q', close, { buffer = buf, nowait = true, desc = 'Close' })
  vim.keymap.set('n', '<CR>', function()
    local place = float.places[vim.api.nvim_win_get_cursor(0)[1]]
    if place then
      close()
      if vim.api.nvim_win_is_valid(source) then
        vim.api.nvim_set_current_win(source)
      end
      require('waitline.jump').to(place)
    end
  end, { buffer = buf, nowait = true, desc = 'Go to the line' })
  return buf, win
end

--- Opens it in the middle, and goes there, for what is read as a whole. `q`, `<Esc>` and the key that it
--- was asked for by close it.
--- @param float waitline.Float
--- @param title string
--- @param key string
function M.over(float, title, key)
  local width = 1
  for _, line in ipairs(float.lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  width = math.max(1, math.min(width, vim.o.columns - 4))
  local height = math.max(1, math.min(#float.lines, vim.o.lines - 5))
  local buf = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, float.lines)
  vim.bo[buf].modifiable, vim.bo[buf].bufhidden = false, 'wipe'
  local win = vim.api.nvim_open_win(buf, true, {
    relative = 'editor',
    width = width,
    height = height,
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2) - 1,
    style = 'minimal',
    border = border(),
    title = ' ' .. title .. ' ',
  })
  vim.wo[win].winhighlight = 'NormalFloat:NormalFloat,FloatTitle:WaitlineTitle'
  local function close()
    if vim.api.nvim_win_is_valid(win) then
      vim.api.nvim_win_close(win, true)
    end
  end
  for _, lhs in ipairs({ 'q', '<Esc>', key }) do
    vim.keymap.set('n', lhs, close, { buffer = buf, nowait = true, desc = 'Close' })
  end
  vim.api.nvim_create_autocmd('WinLeave', { buffer = buf, once = true, callback = vim.schedule_wrap(close) })
end

return M

--- A window over the text, for evidence and the like: `q` closes it, `<CR>` goes to the place on
--- its line.
local M = {}

local ns = vim.api.nvim_create_namespace('waitline.float')

--- @class waitline.Float
--- @field lines string[]
--- @field places table<integer, waitline.Place> by line, from 1
--- @field marks { line: integer, from: integer, to: integer, group: string }[] whole lines, from 1, bytes from 0

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

--- Where a text is broken so that its beginning fits: behind a word, and never between a figure and its unit.
--- @param text string
--- @param width integer
--- @return integer bytes of the beginning, with the space behind it
local function break_of(text, width)
  local at
  for before, behind in text:gmatch('%S()%s+()%S') do
    if vim.fn.strdisplaywidth(text:sub(1, before - 1)) > width then
      break
    elseif not (text:find('^%d', before - 1) and text:find('^[µ%a%%]', behind)) then
      at = behind - 1
    end
  end
  return at or #text -- what is longer is left to the window
end

--- The same in a width, each line with all that was said of it, and further in where it goes on. The window would break
--- numbers, names and paths, too, behind their marks.
--- @param float waitline.Float
--- @param width integer
--- @return waitline.Float
local function wrapped(float, width)
  local it, groups = M.new(), {}
  for _, mark in ipairs(float.marks) do
    groups[mark.line] = mark.group -- of whole lines
  end
  for i, line in ipairs(float.lines) do
    local indent = line:match('^ *') .. '  '
    while vim.fn.strdisplaywidth(line) > width do
      local at = break_of(line, width)
      if at == #line then
        break
      end
      M.add(it, (line:sub(1, at):gsub('%s+$', '')), groups[i], float.places[i])
      line = indent .. line:sub(at + 1)
    end
    M.add(it, line, groups[i], float.places[i])
  end
  return it
end

--- Says at the lower edge how many lines are below what is seen, and how they are reached.
local function tell_rest(win, lines)
  local left = lines - vim.fn.line('w$', win)
  local inside = vim.api.nvim_get_current_win() == win
  local says = left > 0 and (' %d more%s '):format(left, inside and '' or ', the same command goes there') or ''
  vim.api.nvim_win_set_config(win, { footer = says, footer_pos = 'right' })
end

--- @param float waitline.Float
--- @param title? string
--- @return integer buf
--- @return integer win
function M.open(float, title)
  float = wrapped(float, math.max(20, vim.o.columns - 6))
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
  vim.wo[win].winhighlight = 'NormalFloat:NormalFloat,FloatTitle:WaitlineTitle,FloatFooter:WaitlineLabel'
  if border() ~= 'none' then
    tell_rest(win, #float.lines)
    local group = vim.api.nvim_create_augroup('waitline.float', {})
    vim.api.nvim_create_autocmd({ 'WinScrolled', 'WinEnter' }, {
      group = group,
      callback = function()
        if vim.api.nvim_win_is_valid(win) then
          tell_rest(win, #float.lines)
        end
      end,
    })
    vim.api.nvim_create_autocmd('WinClosed', {
      group = group,
      pattern = tostring(win),
      callback = function()
        vim.api.nvim_del_augroup_by_id(group)
      end,
    })
  end
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

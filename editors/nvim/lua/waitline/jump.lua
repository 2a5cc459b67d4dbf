--- Ways through the source: to a place, along the hot lines, to a waker, to the worst wait.
local draw = require('waitline.draw')
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

--- Goes to a place. Says why not, where it is not in the workspace.
--- @param place waitline.Place
--- @return boolean
function M.to(place)
  local uri, line = place.uri, place.line
  if not uri and place.file and vim.uv.fs_stat(place.file) then
    uri, line = vim.uri_from_fname(place.file), place.recorded - 1 -- Go's own sources, on this machine
  end
  if not uri then
    local at = text.place(place)
    text.say(
      at and ('%s is not in the workspace (:Waitline map)'):format(at) or 'it is the runtime itself',
      vim.log.levels.WARN
    )
    return false
  elseif not line then
    text.say(('that line of %s was edited away'):format(vim.fs.basename(vim.uri_to_fname(uri))), vim.log.levels.WARN)
    return false
  end
  local at = { line = line, character = 0 }
  vim.lsp.util.show_document(
    { uri = uri, range = { start = at, ['end'] = at } },
    'utf-16',
    { reuse_win = true, focus = true }
  )
  vim.cmd('normal! ^zv')
  return true
end

--- The window that a place is shown in: one that has the file, else the current one, else the first
--- with a file in it. A list or a timeline is never replaced.
--- @param buf integer
--- @return integer
local function window_for(buf)
  local function holds_file(win)
    return vim.bo[vim.api.nvim_win_get_buf(win)].buftype == '' and vim.api.nvim_win_get_config(win).relative == ''
  end
  local current, first = vim.api.nvim_get_current_win(), nil
  for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.api.nvim_win_get_buf(win) == buf then
      return win
    elseif holds_file(win) then
      first = first or win
    end
  end
  return holds_file(current) and current or first or current
end

--- What the server's wish to show a document does: a click in the browser's timeline, or a lens.
--- Neovim's own handler opens a new window whenever the focus is to stay.
--- @param params lsp.ShowDocumentParams
--- @return lsp.ShowDocumentResult
function M.show_document(params)
  local buf = vim.uri_to_bufnr(params.uri)
  vim.fn.bufload(buf)
  vim.bo[buf].buflisted = true
  local win = window_for(buf)
  vim.api.nvim_win_call(win, function()
    vim.cmd("normal! m'")
    if vim.api.nvim_win_get_buf(win) ~= buf then
      vim.api.nvim_win_set_buf(win, buf)
    end
    local at = params.selection and params.selection.start
    if at then
      local line = math.min(at.line + 1, vim.api.nvim_buf_line_count(buf))
      vim.api.nvim_win_set_cursor(win, { line, 0 })
      vim.cmd('normal! ^zv')
    end
  end)
  if params.takeFocus ~= false then
    vim.api.nvim_set_current_win(win)
  end
  return { success = true }
end

--- The next line that costs, `count` times; all that have figures with `any`.
--- @param direction 1|-1
function M.hot(direction, count, any)
  local lines = {}
  for _, cost in ipairs(draw.costs(0)) do
    if any or cost.heat > 0 then
      lines[#lines + 1] = cost.line + 1
    end
  end
  if #lines == 0 then
    local shown = require('waitline.state').of(0)
    return text.say(
      not shown and 'there is no trace (:Waitline load)'
        or any and 'nothing of this file is in the trace'
        or 'nothing costly in this file (:Waitline hot lists those of all files)'
    )
  end
  local at = vim.api.nvim_win_get_cursor(0)[1]
  local target
  for _ = 1, count do
    local found
    for i = direction > 0 and 1 or #lines, direction > 0 and #lines or 1, direction do
      if (lines[i] - at) * direction > 0 then
        found = lines[i]
        break
      end
    end
    found = found or (vim.o.wrapscan and (direction > 0 and lines[1] or lines[#lines]))
    if not found then
      break
    end
    target, at = found, found
  end
  if not target then
    return text.say(direction > 0 and 'no hot line below' or 'no hot line above')
  end
  vim.cmd("normal! m'")
  vim.api.nvim_win_set_cursor(0, { target, 0 })
  vim.cmd('normal! ^zv')
end

--- To what ended the waits of this line; asks which, if several did and `first` is not wanted.
function M.waker(first)
  server.request('waitline/wakers', server.here(), function(answer)
    local wakers = vim.tbl_filter(function(waker)
      return waker.func ~= nil
    end, answer and answer.wakers or {})
    if #wakers == 0 then
      return text.say(
        answer and #answer.wakers > 0 and 'the runtime ended these waits: a timer, the network or the collector'
          or 'the trace has no waits on this line'
      )
    elseif #wakers == 1 or first then
      M.to(wakers[1])
      return
    end
    vim.ui.select(wakers, {
      prompt = 'Woken from',
      kind = 'waitline.waker',
      format_item = function(waker)
        return ('%s  %s×'):format(text.origin(waker), text.count(waker.n))
      end,
    }, function(waker)
      if waker then
        M.to(waker)
      end
    end)
  end, { buf = vim.api.nvim_get_current_buf() })
end

return M

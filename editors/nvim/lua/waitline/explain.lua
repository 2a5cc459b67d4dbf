--- `:Waitline explain`: what a finding means, how it is found, what helps, as its page has it.
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

--- All codes (docs/findings).
M.codes = {
  'chan-backpressure',
  'convoy',
  'fine-handoff',
  'gave-up',
  'gc-assist-hot',
  'goroutine-churn',
  'leak-suspect',
  'lock-contention',
  'lock-held-while-waiting',
  'one-at-a-time',
  'serial-fanout',
  'sleep-in-path',
  'slots-exhausted',
  'starved',
  'straggler',
  'stuck-lock',
  'stuck-send',
  'stw-stall',
  'syscall-in-path',
  'threads-starved',
  'wakeup-slow',
}

--- The codes of the findings that are shown, those on the cursor's line first.
--- @return string[] codes
--- @return integer here how many of them stand on the cursor's line
local function codes()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local list, seen, here = {}, {}, 0
  local function take(diagnostics)
    for _, diagnostic in ipairs(diagnostics) do
      -- Of the trace itself, too, there are diagnostics; these have no page.
      local data = vim.tbl_get(diagnostic, 'user_data', 'lsp', 'data')
      local code = diagnostic.code
      if diagnostic.source == 'waitline' and type(data) == 'table' and data.page and not seen[code] then
        seen[code] = true
        list[#list + 1] = code
      end
    end
  end
  take(vim.diagnostic.get(0, { lnum = line }))
  here = #list
  take(vim.diagnostic.get())
  return list, here
end

--- Closes the page; where it is all there is, the buffer before it comes back, or an empty one.
local function close()
  if not pcall(vim.cmd.close) then
    vim.cmd.bdelete()
  end
end

--- A window of its own, as help has one; `q` closes it. A page that is shown already is gone to.
local function open(code, page)
  for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(win)) == 'waitline://' .. code then
      return vim.api.nvim_set_current_win(win)
    end
  end
  vim.cmd('botright new')
  local buf, win = vim.api.nvim_get_current_buf(), vim.api.nvim_get_current_win()
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.split(vim.trim(page), '\n', { plain = true }))
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.bo[buf].modifiable, vim.bo[buf].filetype = false, 'markdown'
  pcall(vim.api.nvim_buf_set_name, buf, 'waitline://' .. code)
  vim.wo[win][0].wrap, vim.wo[win][0].linebreak, vim.wo[win][0].conceallevel = true, true, 2
  vim.wo[win][0].number, vim.wo[win][0].relativenumber, vim.wo[win][0].spell = false, false, false
  vim.keymap.set('n', 'q', close, { buffer = buf, nowait = true, desc = 'Close' })
end

--- @param code string
function M.of(code)
  server.request('waitline/explain', { code = code }, function(answer)
    if answer then
      open(answer.code, answer.page)
    end
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- @param code? string default: that of the finding on the cursor's line, or one is chosen
function M.run(code)
  if code then
    return M.of(code)
  end
  local list, here = codes()
  if #list == 0 then
    return text.say('no findings are shown; :Waitline explain CODE tells of any')
  end
  if here == 1 or #list == 1 then
    return M.of(list[1])
  end
  vim.ui.select(list, { prompt = 'What it means', kind = 'waitline.finding' }, function(chosen)
    if chosen then
      M.of(chosen)
    end
  end)
end

return M

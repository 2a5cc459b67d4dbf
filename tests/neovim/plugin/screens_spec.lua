-- The screens that the plugin's README and docs/neovim.md show: each stands behind a line
-- `<!-- screen NAME ... -->` as it was on the screen. WAITLINE_UPDATE=1 writes them anew.
local h = require('harness')
h.needs_plugin()

local ROOT = vim.fs.dirname(vim.fs.dirname(vim.env.WAITLINE_PLUGIN))
local FILES = { ROOT .. '/editors/nvim/README.md', ROOT .. '/docs/neovim.md' }

--- The screen without its empty rows at the end and the row of messages.
local function screen(first, last)
  local rows = vim.list_slice(h.rows(), first or 1, last or vim.o.lines - 1)
  while rows[#rows] == '' do
    table.remove(rows)
  end
  return rows
end

h.run(function()
  vim.o.columns, vim.o.lines = 122, 34
  vim.o.statusline = ' %t %l  %{v:lua.require("waitline").statusline()}'
  vim.o.laststatus = 2
  local made = {}
  h.open('webmix/db.go', { trace = { file = h.traces .. '/g126/webmix.trace' } })
  h.top(70)
  h.wait('figures, lenses and the status line', function()
    return h.row_has(70, 'chan 444 ms') and h.sees('444 ms waiting') and h.sees('webmix.trace 85.7 ms · 1 finding')
  end)
  local source = vim.api.nvim_get_current_win()
  vim.fn.winrestview({ lnum = 70, topline = 69, col = 0, topfill = 1 })
  made.lines = screen(1, 17)

  vim.cmd('Waitline here')
  h.wait('evidence', function()
    return h.sees('Waiting here') and h.sees('really waited for')
  end)
  made.evidence = screen(1, 28)
  h.close_floats()

  vim.cmd('Waitline hot')
  h.wait('hot lines', function()
    return vim.bo.buftype == 'quickfix' and h.sees('client.go|25 chan|')
  end)
  made.hot = vim.api.nvim_buf_get_lines(0, 0, 8, false)
  vim.cmd.cclose()

  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline worst')
  h.wait('the longest wait of the line, with its waker', function()
    return h.sees('G15 waits 1.93 ms (select) at db.go:70') and h.sees('wakes G15 ↑ db.go:72') and h.sees('at 17.')
  end, 60000)
  vim.api.nvim_win_call(source, function()
    vim.fn.winrestview({ lnum = 70, topline = 69, col = 0, topfill = 1 })
  end)
  h.wait('when all waits of the line began', function()
    return h.sees('db.go:70          ')
  end)
  made.timeline = screen()

  local seen = {}
  for _, file in ipairs(FILES) do
    local lines, written, i = vim.fn.readfile(file), {}, 1
    while i <= #lines do
      written[#written + 1] = lines[i]
      local name = lines[i]:match('^<!%-%- screen (%w+)')
      i = i + 1
      if name then
        h.check('there is a screen ' .. name, made[name] ~= nil)
        seen[name] = true
        local stands = {}
        assert(lines[i] == '```text', file .. ': no block stands behind the screen ' .. name)
        i = i + 1
        while lines[i] ~= '```' do
          stands[#stands + 1] = lines[i]
          i = i + 1
        end
        local shown = vim.tbl_map(function(row)
          return (row:gsub('%s+$', ''))
        end, made[name])
        if not vim.env.WAITLINE_UPDATE then
          h.check(
            vim.fs.basename(file) .. ' shows the screen ' .. name .. ' as it is (WAITLINE_UPDATE=1 writes it)',
            vim.deep_equal(stands, shown),
            shown
          )
        end
        written[#written + 1] = '```text'
        vim.list_extend(written, shown)
      end
    end
    if vim.env.WAITLINE_UPDATE then
      vim.fn.writefile(written, file)
    end
  end
  for name in pairs(made) do
    h.check('somebody shows the screen ' .. name, seen[name])
  end
end)

-- A finding in an editor: the diagnostic on its line, the hover that begins with it, and an edit
-- that withdraws it.
--
-- In testdata/traces/g126/webmix.trace the pool of webmix/db.go has too few connections.
local h = require('harness')

--- `select {` in (*pool).query, and the function's own line.
local LINE, FUNC = 70, 69
local CODE = 'slots-exhausted'

h.run(function()
  vim.cmd.edit(h.programs .. '/webmix/db.go')
  local buf = vim.api.nvim_get_current_buf()
  vim.bo[buf].filetype = 'go'
  h.top(FUNC)
  h.start({ trace = h.traces .. '/g126/webmix.trace' })

  local function found()
    return vim.diagnostic.get(buf)
  end
  h.wait('a diagnostic', function()
    return #found() == 1
  end)
  local first = found()[1]
  h.check('on the line that waits', first.lnum == LINE - 1 and first.col == 1, first)
  h.check('with its code', first.code == CODE and first.source == 'waitline', first)
  h.check('as information', first.severity == vim.diagnostic.severity.INFO, first)
  h.check('that says what it waits for', first.message:find('for a free slot', 1, true) ~= nil, first)

  h.wait_looking(buf, 'a lens', function()
    return h.sees('444 ms waiting · 974×')
  end)
  h.wait_looking(buf, 'a hint', function()
    return h.row_has(LINE, 'chan 444 ms · 974×')
  end)

  vim.api.nvim_win_set_cursor(0, { LINE, 2 })
  vim.lsp.buf.hover()
  h.wait('a hover', function()
    return h.floats():find('Waiting here', 1, true) ~= nil
  end)
  local hover = h.floats()
  local at, waiting = hover:find(CODE, 1, true), hover:find('Waiting here', 1, true)
  h.check('that begins with the finding', at and at < waiting and at <= 5, hover)
  h.close_floats()

  vim.api.nvim_buf_set_lines(buf, 0, 0, false, { '// A new first line.' })
  h.wait('it moves with its line', function()
    return #found() == 1 and found()[1].lnum == LINE
  end)
  local text = vim.api.nvim_buf_get_lines(buf, LINE, LINE + 1, true)[1]
  vim.o.undolevels = vim.o.undolevels -- what follows is a step of its own for undo
  vim.api.nvim_buf_set_lines(buf, LINE, LINE + 1, true, { (text:gsub('select', 'selects')) })
  h.wait('an edit of the line withdraws it', function()
    return #found() == 0
  end)
  vim.cmd('silent undo')
  h.wait('undo brings it back', function()
    return #found() == 1 and found()[1].lnum == LINE
  end)

  vim.api.nvim_buf_set_lines(buf, LINE, LINE, true, { '\t//waitline:ignore ' .. CODE .. ' it is so' })
  h.wait('a comment above it silences it', function()
    return #found() == 0
  end)
  vim.cmd('silent undo')
  h.wait('undo again', function()
    return #found() == 1
  end)
  h.check('unload is answered', h.command(buf, 'waitline.unload', {}) == nil)
  h.wait('without the trace there is none', function()
    return #found() == 0
  end)
end)

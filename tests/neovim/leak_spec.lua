-- The bundled program `leak` beside its trace: lenses, hints and hovers on the right lines, after
-- edits too, and without the trace.
--
-- The figures are those of testdata/traces/g126/leak.json.gz (`lines_user`): what ended, what was
-- still under way at the end, and what was under way before the beginning, together. The trace lasts
-- 303.4 ms.
local h = require('harness')

local trace = h.traces .. '/g126/leak.trace'

--- Lines of leak/main.go as recorded, and what is drawn behind them.
local RECEIVE, RECEIVE_HINT = 84, 'idle 1.51 s' -- 1,474.2 ms in 133 that ended and 32.2 ms in 4 open ones
local SLEEP, SLEEP_HINT = 113, 'sleep 297 ms · 133×' -- 296.9 ms, all ended
--- `func worker`: lines 84 and 85 together.
local WORKER, WORKER_LENS = 83, '1.51 s idle'

h.run(function()
  vim.cmd.edit(h.programs .. '/leak/main.go')
  local buf = vim.api.nvim_get_current_buf()
  vim.bo[buf].filetype = 'go'
  h.top(WORKER)
  h.start({ trace = trace })

  h.wait_looking(buf, 'a lens with the waiting of its function', function()
    return h.sees(WORKER_LENS)
  end)
  h.wait_looking(buf, 'hints at the ends of lines that wait', function()
    return h.row_has(RECEIVE, RECEIVE_HINT) and h.row_has(SLEEP, SLEEP_HINT)
  end)
  h.check('the hint stands behind the text', h.row(SLEEP):find('Millisecond%).*sleep 297 ms') ~= nil, h.row(SLEEP))
  h.check('a line that never waits has none', h.row_has(112, '<-results') and not h.row_has(110, '×'), h.row(110))

  vim.api.nvim_win_set_cursor(0, { SLEEP, 3 })
  vim.lsp.buf.hover()
  h.wait('a hover that tells where it waits', function()
    return h.sees('Waiting here')
  end)
  local hover = h.floats()
  h.check('its time and number', hover:find('297 ms in 133 waits', 1, true) ~= nil, hover)
  -- 296.9 of 303.4 ms
  h.check('its waiters on average', hover:find('0.98 waiting on average', 1, true) ~= nil, hover)
  h.check('what it waits for', hover:find('sleep', 1, true) ~= nil, hover)
  h.close_floats()

  -- A line above: figures move with their lines.
  vim.api.nvim_buf_set_lines(buf, 0, 0, false, { '// A new first line.' })
  h.wait_looking(buf, 'the hint moves down with its line', function()
    return h.row_has(SLEEP + 1, SLEEP_HINT) and not h.row_has(SLEEP, SLEEP_HINT)
  end)
  h.wait_looking(buf, 'and so does the lens', function()
    return h.sees(WORKER_LENS)
  end)
  vim.api.nvim_win_set_cursor(0, { SLEEP + 1, 3 })
  vim.lsp.buf.hover()
  h.wait('and the hover', function()
    return h.floats():find('297 ms in 133 waits', 1, true) ~= nil
  end)
  h.close_floats()

  -- The line itself: what it waits for now, no trace has seen.
  local text = vim.api.nvim_buf_get_lines(buf, SLEEP, SLEEP + 1, true)[1]
  vim.o.undolevels = vim.o.undolevels -- what follows is a step of its own for undo
  vim.api.nvim_buf_set_lines(buf, SLEEP, SLEEP + 1, true, { (text:gsub('2', '20')) })
  h.wait_looking(buf, 'an edited line loses its hint', function()
    return h.row_has(SLEEP + 1, '20 * time') and not h.row_has(SLEEP + 1, 'sleep 297 ms')
  end)
  h.check('its neighbours keep theirs', h.row_has(RECEIVE + 1, RECEIVE_HINT), h.row(RECEIVE + 1))
  vim.cmd('silent undo')
  h.check('undo', vim.api.nvim_buf_get_lines(buf, SLEEP, SLEEP + 1, true)[1] == text)
  h.wait_looking(buf, 'undo brings it back', function()
    return h.row_has(SLEEP + 1, SLEEP_HINT)
  end)

  -- Without the trace there is nothing to say.
  local before = h.refreshes['workspace/inlayHint/refresh'] or 0
  h.check('unload is answered', h.command(buf, 'waitline.unload', {}) == nil)
  h.wait('the server asks for a new look', function()
    return (h.refreshes['workspace/inlayHint/refresh'] or 0) > before
  end)
  h.wait_looking(buf, 'lenses and hints vanish', function()
    return not h.sees(WORKER_LENS) and not h.row_has(SLEEP + 1, 'sleep 297 ms')
  end)

  local problem = h.command(buf, 'waitline.load', { { trace = trace } })
  h.check('load is answered', problem == nil, problem)
  h.wait_looking(buf, 'and they are back', function()
    return h.sees(WORKER_LENS) and h.row_has(SLEEP + 1, SLEEP_HINT)
  end)

  -- A bad trace never takes away the good one. Whether the error comes as the answer, as a message,
  -- or as both is the server's business; that one is shown is not.
  problem = h.command(buf, 'waitline.load', { { trace = h.traces .. '/broken/not-a-trace.trace' } })
  local shown = {}
  h.wait('a bad trace is told about', function()
    vim.list_extend(shown, h.take_errors())
    vim.list_extend(shown, { vim.fn.execute('messages') })
    return problem or table.concat(shown, '\n'):find('not%-a%-trace')
  end)
  h.look_again(buf)
  h.wait_looking(buf, 'and the good one stays', function()
    return h.sees(WORKER_LENS) and h.row_has(SLEEP + 1, SLEEP_HINT)
  end)
  -- The message may come after the answer.
  vim.wait(300, function()
    return false
  end)
  h.take_errors()
end)

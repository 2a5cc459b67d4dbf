-- The timeline as text, from a real trace: lanes, ruler and legend; the longest wait of a line with
-- its waker; zoom, pan, wakes; groups; to the code; a range; and what happens when the trace goes.
local h = require('harness')
h.needs_plugin()

h.run(function()
  vim.o.columns, vim.o.lines = 140, 50
  local _, buf = h.open('webmix/db.go', { trace = { file = h.traces .. '/g126/webmix.trace' } })
  h.top(69)
  h.wait('figures', function()
    return h.row_has(70, 'chan 444 ms')
  end)
  local source = vim.api.nvim_get_current_win()

  --- The timeline's rows.
  local function lines()
    local view = require('waitline.timeline.view').view()
    return view and vim.api.nvim_buf_get_lines(view.buf, 0, -1, false) or {}
  end
  local function text()
    return table.concat(lines(), '\n')
  end
  local function lane(label)
    for i, line in ipairs(lines()) do
      if vim.startswith(vim.trim(line), label .. ' ') then
        return line, i
      end
    end
    return ''
  end
  local function has(what)
    return text():find(what, 1, true) ~= nil
  end
  local function foot(n)
    local all = lines()
    return all[#all - 3 + n] or ''
  end

  -- The whole trace.
  vim.cmd('Waitline timeline')
  h.wait('a window with the timeline', function()
    return vim.bo.filetype == 'waitline-timeline' and has('Timeline  0.00–85.69 ms')
  end, 60000)
  h.check('on the screen', h.sees('Timeline  0.00–85.69 ms'))
  h.check('with a legend', has('█ running  ╱ runnable  l lock  c chan  n net  z sleep  s syscall'))
  h.check('and a ruler', lines()[2]:find('ms |0') ~= nil and lines()[2]:find('|40', 1, true) ~= nil, lines()[2])
  h.check('the collector', lane('GC'):find('▒') ~= nil, lane('GC'))
  h.check('both Ps, which are busy', lane('P0'):find('[▆▇█]') and lane('P1'):find('[▆▇█]'), lane('P0'))
  h.check(
    'goroutines by what they do',
    has('▸ report.func1.1') or has('▸ (*server).report') or has('▸ main.func3') or has('▸ '),
    text()
  )
  h.wait('counts at the cursor', function()
    return foot(1):find('^at 0%.%d+ ms: running %d+ · runnable %d+ · waiting %d+ · syscall %d+') ~= nil
  end)
  local view = require('waitline.timeline.view')
  local _, gc_row = lane('GC')
  local at = h.colour and vim.api.nvim_win_get_cursor(0)
  h.check('the cursor stands on the first lane', at[1] == gc_row, at)

  -- The longest wait of a line: 1,934,528 ns of goroutine 15 from 16,331,840 ns, ended by
  -- goroutine 308 at db.go:72 (waitline/instance says the same).
  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline worst')
  h.wait('the longest wait', function()
    return foot(2):find('G15 waits 1.93 ms (select) at db.go:70, from 16.332 ms', 1, true) ~= nil
  end)
  h.check('who ended it', foot(2):find('woken by G308 at db.go:72', 1, true) ~= nil, foot(2))
  h.check(
    'what that one did meanwhile',
    foot(3):find('meanwhile G308 was: network at db.go:83', 1, true) ~= nil,
    foot(3)
  )
  h.wait('which of how many, and the counts at that time', function()
    return foot(1):find('^1 of 974 on db.go:70 %(n, N%) · at 17%.') ~= nil
  end)
  local wait = lane('G15')
  h.check('as a bar that begins with its letter', wait:find('c▄▄▄▄▄') ~= nil, wait)
  h.wait('when all waits of the line began', function()
    return lane('db.go:70'):find('╵', 1, true) ~= nil
  end)
  local _, wait_row = lane('G15')
  h.check('the cursor is on it', vim.api.nvim_win_get_cursor(0)[1] == wait_row)
  h.check('its waker stands below', select(2, lane('G308')) == wait_row + 1, text())
  h.check('with a note', h.sees('wakes G15 ↑ db.go:72') and h.sees('1.93 ms'))
  h.check('some time around it', lines()[1]:find('◔ 15.%d+–19.%d+ ms') ~= nil, lines()[1])

  -- Keys.
  local function at_time()
    local _, t = view.under()
    return t
  end
  local before = view.view().t1 - view.view().t0
  local t = at_time()
  h.keys('w')
  h.wait('w zooms in', function()
    return math.abs((view.view().t1 - view.view().t0) / before - 0.5) < 0.01 and lane('G15') ~= ''
  end)
  h.check('around the cursor', math.abs(at_time() - t) < before / 50, { at_time(), t })
  h.keys('s')
  h.wait('s zooms out', function()
    return math.abs((view.view().t1 - view.view().t0) / before - 1) < 0.01
  end)
  local t0 = view.view().t0
  h.keys('d')
  h.wait('d moves on', function()
    return math.abs(view.view().t0 - t0 - before / 4) < 10
  end)
  h.keys('a')
  h.wait('a moves back', function()
    return math.abs(view.view().t0 - t0) < 10
  end)
  h.keys('n')
  h.wait('n goes to the next longest', function()
    return foot(1):find('^2 of ') ~= nil and foot(2):find('^G182 waits .* at db.go:70') ~= nil
  end)
  local second = tonumber(foot(2):match('waits ([%d.]+) ms'))
  h.check('which is not longer', second <= 1.93, foot(2))
  h.keys('N')
  h.wait('N goes back', function()
    return foot(1):find('^1 of ') ~= nil and foot(2):find('^G15 waits 1.93 ms') ~= nil
  end)
  h.keys('u')
  h.wait('u goes to the waker', function()
    return foot(2):find('^G308 ') ~= nil and vim.api.nvim_win_get_cursor(0)[1] == select(2, lane('G308'))
  end)
  h.keys('<Left>')
  h.wait('<Left> to what it did before', function()
    return foot(2):find('^G308 ') ~= nil
  end)
  h.keys('n')
  h.wait('n leads on', function()
    return foot(1):find('^2 of ') ~= nil
  end)
  h.keys('N')
  h.wait('and N back', function()
    return foot(2):find('^G15 waits 1.93 ms') ~= nil
  end)

  -- To the code, with and without the focus.
  local own = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_cursor(source, { 1, 0 })
  h.keys('o')
  h.check('o shows the line', vim.api.nvim_win_get_cursor(source)[1] == 70 and vim.api.nvim_get_current_win() == own)
  vim.api.nvim_win_set_cursor(source, { 1, 0 })
  h.keys('<CR>')
  h.check(
    '<CR> goes there',
    vim.api.nvim_get_current_win() == source and vim.fn.line('.') == 70 and vim.api.nvim_get_current_buf() == buf
  )
  vim.api.nvim_set_current_win(own)

  -- A range: what is shown counts, in the source, too.
  h.keys('r')
  h.said('◔ 15.')
  h.wait('r narrows the figures', function()
    return not h.sees('chan 444 ms') and h.sees('◔ chan 12.2 ms · 27×')
  end)
  vim.api.nvim_set_current_win(own)
  h.keys('<Esc>')
  h.said('the whole trace counts again')
  h.wait('<Esc> ends it', function()
    return h.sees('chan 444 ms')
  end)

  -- Groups.
  vim.api.nvim_set_current_win(own)
  h.keys('0')
  h.wait('0 shows the whole trace', function()
    return lines()[1]:find('Timeline  0.00–85.69 ms', 1, true) ~= nil
  end)
  local group_row
  for i, line in ipairs(lines()) do
    group_row = group_row or (vim.startswith(line, '▸ report.func1') and i)
  end
  h.check('there is a group', group_row ~= nil, text())
  h.keys(group_row .. 'G')
  vim.api.nvim_exec_autocmds('CursorMoved', { buffer = 0 }) -- keys of a script do not send it
  h.wait('it tells what it is', function()
    return foot(2):find('goroutines, costly') ~= nil
  end)
  h.keys('<CR>')
  h.wait('<CR> opens it', function()
    return (lines()[group_row] or ''):find('^▾ ') ~= nil and (lines()[group_row + 1] or ''):find('^  [G%d]') ~= nil
  end)
  local label = vim.trim(lines()[group_row + 1]:sub(1, 18))
  h.keys('j')
  h.wait('j goes to its goroutines', function()
    return vim.api.nvim_win_get_cursor(0)[1] == group_row + 1
  end)
  h.keys('k')
  h.keys('<CR>')
  h.wait('<CR> closes it', function()
    return (lines()[group_row] or ''):find('^▸ ') ~= nil
      and vim.trim((lines()[group_row + 1] or ''):sub(1, 18)) ~= label
  end)
  h.keys('?')
  h.wait('? tells the keys', function()
    return h.floats():find('what it woke next', 1, true) ~= nil
  end)
  h.close_floats()

  -- Lanes that do not fit, and those that are kept in view.
  h.keys('<PageDown>')
  h.wait('<PageDown> shows lanes further down', function()
    return view.view().top > 0 and lane('GC') == ''
  end)
  h.keys('<PageUp>')
  h.wait('<PageUp> those above', function()
    return view.view().top == 0 and lane('GC') ~= ''
  end)

  -- A mark, and the spans as a table.
  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline worst')
  -- The row of the line's beginnings may come after the wait itself, and moves the rows below it.
  h.wait('the longest wait again', function()
    return foot(2):find('^G15 waits 1.93 ms') ~= nil and lane('db.go:70') ~= ''
  end)
  view.view().pinned = { 15 }
  h.keys('p')
  h.wait('p keeps it in view with those that woke it, and that it woke', function()
    return #view.view().pinned > 1
      and lane('db.go:70') ~= ''
      and lane('G308') ~= ''
      and foot(2):find('^G15 waits 1.93 ms') ~= nil
  end)
  h.check('it stands first', view.view().pinned[1] == 15, view.view().pinned)
  local row_before = vim.api.nvim_win_get_cursor(0)[1]
  h.keys('m')
  h.wait('m marks it', function()
    return lane('marks'):find('◆━━━━━', 1, true) ~= nil
  end)
  local function column(of, what, last)
    local line, byte = lane(of), 0
    repeat
      local found = line:find(what, byte + 1, true)
      byte = found or byte
    until not found or not last
    return vim.fn.strdisplaywidth(line:sub(1, byte - 1))
  end
  local a_cell = (view.view().t1 - view.view().t0) / view.width()
  h.check(
    'from its beginning to its end',
    math.abs(column('marks', '◆') - column('G15', 'c▄▄▄▄▄')) <= 1
      and math.abs((column('marks', '◆', true) - column('marks', '◆')) * a_cell - 1934528) < 80000,
    { lane('marks'), lane('G15') }
  )
  h.wait('and the cursor stays on its lane', function()
    return vim.api.nvim_win_get_cursor(0)[1] == row_before + 1 and foot(2):find('^G15 waits 1.93 ms') ~= nil
  end)
  h.keys('t')
  h.check('t shows the spans as a table', vim.bo.filetype == 'waitline-spans')
  local spans = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  h.check(
    'with a head',
    spans[1]:find('^Spans in view: %d+') and spans[2]:find('^GC ') ~= nil,
    vim.list_slice(spans, 1, 3)
  )
  h.check(
    'the cursor on the selected one',
    vim.api.nvim_get_current_line():find('^G15%s+chan%s+costly%s+16.33%d ms%s+1.9%d ms') ~= nil,
    vim.api.nvim_get_current_line()
  )
  h.wait('on the screen, below its heads', function()
    return h.sees('lane  state') and h.sees('G15   chan               costly  16.330 ms  1.93 ms')
  end)
  vim.fn.search([[^G308\s\+net]])
  local chosen = vim.api.nvim_get_current_line()
  h.keys('<CR>')
  h.wait('<CR> selects another', function()
    return vim.bo.filetype == 'waitline-timeline' and foot(2):find('^G308 waits ') ~= nil
  end)
  -- The table's figures are those of the tile: a sixteenth of a cell is 2 µs here.
  local start, exact = chosen:match('(%d+%.%d+) ms'), foot(2):match('from (%d+%.%d+) ms')
  h.check('that one', math.abs(start - exact) < 0.01, { chosen, foot(2) })
  h.keys('T')
  h.check('T is the same', vim.bo.filetype == 'waitline-spans')
  h.keys('T')
  h.check('and leads back', vim.bo.filetype == 'waitline-timeline')
  h.keys('N')
  h.wait('back to the mark', function()
    return foot(2):find('^G15 waits 1.93 ms') ~= nil
  end)
  h.keys('M')
  h.wait('M takes it away', function()
    return lane('marks') == '' and foot(2):find('^G15 waits 1.93 ms') ~= nil
  end)
  h.keys('?')
  h.wait('? tells of both, on the screen', function()
    return h.sees('m       mark what is under the cursor') and h.sees('t       the spans that are shown')
  end)
  h.keys('?')
  h.check('and goes by the same key', h.floats() == '' and vim.bo.filetype == 'waitline-timeline')

  -- Find.
  vim.api.nvim_set_current_win(own)
  local input, select = vim.ui.input, vim.ui.select
  local choices
  vim.ui.input = function(_, on_text)
    on_text('(*dbConn).query')
  end
  vim.ui.select = function(items, options, on_choice)
    choices = vim.tbl_map(options.format_item, items)
    on_choice(items[1], 1)
  end
  h.keys('/')
  h.wait('/ finds spans of a function', function()
    return choices
      and choices[1]:find('^G%d+  ') ~= nil
      and foot(2):find('^G' .. choices[1]:match('^G(%d+)') .. ' ') ~= nil
  end)
  vim.ui.input = function(_, on_text)
    on_text('nothing of that name')
  end
  h.keys('/')
  h.said('no goroutine, function, line or task matches "nothing of that name"')
  vim.ui.input, vim.ui.select = input, select

  -- Another size.
  vim.api.nvim_set_current_win(own)
  vim.o.columns = 100
  h.wait('it fits another width', function()
    return #lines() > 5 and vim.fn.strdisplaywidth(lane('P0')) <= 100 and lane('P0') ~= ''
  end)

  vim.o.columns = 80
  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline worst')
  h.wait('a narrow one says who ended a wait before all else', function()
    local words = 'G15 waits 1.93 ms at db.go:70, from 16.332 ms · woken by G308 at db.go:72'
    return foot(2) == words
  end)
  h.check('what is cut says so', vim.endswith(foot(3), '…') and vim.fn.strdisplaywidth(foot(3)) <= 80, foot(3))
  h.check('and how many lanes there are', lines()[1]:find('lanes %d+–%d+ of %d+') ~= nil, lines()[1])
  vim.o.columns = 100

  -- Vim's own list does not scroll: no more than a screen is asked for.
  vim.ui.input = function(_, on_text)
    on_text('order')
  end
  local offered
  local inputlist = vim.fn.inputlist
  vim.fn.inputlist = function(all)
    offered = all
    return 0
  end
  h.keys('/')
  h.wait('/ offers a screenful at most', function()
    return offered and #offered <= vim.o.lines - 3 and offered[1]:find('^the longest %d+ of [%d,]+ found') ~= nil
  end)
  vim.ui.input, vim.fn.inputlist = input, inputlist

  -- Reveal, from the source.
  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 83, 1 })
  vim.cmd('Waitline reveal')
  h.wait(':Waitline reveal shows the waits of a line', function()
    return foot(1):find('^1 of [%d,]+ on db.go:83') ~= nil
  end)
  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  vim.cmd('Waitline worst')
  h.said('the trace has no such wait on this line')

  -- Without a trace there is no timeline.
  vim.cmd('Waitline unload')
  h.wait('it goes with the trace', function()
    return view.window() == nil
  end)
  vim.cmd('Waitline timeline')
  h.said('there is no trace')
  vim.cmd('Waitline load ' .. h.traces .. '/g126/webmix.trace')
  h.top(69)
  h.wait('figures again', function()
    return require('waitline').state() and h.sees('chan 444 ms')
  end)
  vim.cmd('Waitline timeline')
  h.wait('and a timeline', function()
    return vim.bo.filetype == 'waitline-timeline' and has('P0')
  end)
  -- What the server wishes to show (a click in the browser) takes the place of no list.
  own = vim.api.nvim_get_current_win()
  local client = vim.lsp.get_clients({ name = 'waitline' })[1]
  local show = client.handlers['window/showDocument']
  local place = { uri = vim.uri_from_fname(h.programs .. '/webmix/server.go'), takeFocus = false }
  place.selection = { start = { line = 106, character = 1 }, ['end'] = { line = 106, character = 1 } }
  h.check('a click shows a line', show(nil, place, { client_id = client.id }).success)
  h.check(
    'beside, and the focus stays',
    vim.api.nvim_get_current_win() == own and vim.api.nvim_win_get_cursor(source)[1] == 107
  )
  h.check(
    'in the window of the code',
    vim.fs.basename(vim.api.nvim_buf_get_name(vim.api.nvim_win_get_buf(source))) == 'server.go'
  )
  place.takeFocus, place.selection.start.line = true, 9999999
  show(nil, place, { client_id = client.id })
  h.check(
    'a double click goes there',
    vim.api.nvim_get_current_win() == source and vim.fn.line('.') == vim.fn.line('$')
  )
  vim.api.nvim_set_current_win(own)

  -- The page.
  local opened
  vim.ui.open = function(path)
    opened = path
    local done = {
      wait = function()
        return { code = 0 }
      end,
    }
    return done
  end
  vim.cmd('Waitline timeline!')
  h.wait('the page is opened in a browser', function()
    return opened ~= nil
  end)
  local launch = table.concat(vim.fn.readfile((opened:gsub('^file://', ''))), '\n')
  h.check('on this machine only', launch:find('http://127.0.0.1:%d+/') ~= nil, launch)

  -- A program with tasks.
  vim.cmd('Waitline load ' .. h.traces .. '/g126/annot.trace')
  h.wait('another trace is shown', function()
    return has('Timeline  0.00–14.04 ms') and has('▸ tasks')
  end)
  vim.fn.search('▸ tasks')
  h.keys('<CR>')
  h.wait('<CR> opens its tasks', function()
    return has('▾ tasks') and text():find('\n  coffee%s+▔') ~= nil or text():find('\n  %a+%s+.-▔') ~= nil
  end)

  h.keys('q')
  h.check('q closes it', view.window() == nil and vim.bo.filetype ~= 'waitline-timeline')
end)

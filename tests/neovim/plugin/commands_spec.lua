-- `:Waitline`: every subcommand, its completion, and what it says where it cannot do it.
local h = require('harness')
h.needs_plugin()

local trace = h.traces .. '/g126/webmix.trace'

--- A folder of its own, with the programs' sources: commands may write `.waitline.toml`.
local function copy_of(program)
  local dir = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/' .. program
  vim.fn.mkdir(dir, 'p')
  for name, kind in vim.fs.dir(h.programs .. '/' .. program) do
    if kind == 'file' then
      assert(vim.uv.fs_copyfile(h.programs .. '/' .. program .. '/' .. name, dir .. '/' .. name))
    end
  end
  vim.fn.writefile({ 'module example.com/' .. program, '', 'go 1.22' }, dir .. '/go.mod')
  return dir
end

local function quickfix()
  local list = vim.fn.getqflist({ title = 0, items = 0 })
  return list.title, list.items, vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

h.run(function()
  -- Before any Go file.
  vim.g.waitline = { server = { path = vim.env.WAITLINE } }
  local completion = vim.fn.getcompletion('Waitline ', 'cmdline')
  h.check('every subcommand is offered', vim.deep_equal(completion, require('waitline.commands').names()), completion)
  h.check('those that begin so', vim.deep_equal(vim.fn.getcompletion('Waitline st', 'cmdline'), { 'stacks', 'status' }))
  h.check('arguments, too', vim.deep_equal(vim.fn.getcompletion('Waitline hot f', 'cmdline'), { 'file' }))
  h.check('with !', vim.deep_equal(vim.fn.getcompletion('Waitline! hot w', 'cmdline'), { 'workspace' }))
  h.check('on either side', vim.deep_equal(vim.fn.getcompletion('Waitline hot! w', 'cmdline'), { 'workspace' }))
  h.check('and with a range', vim.deep_equal(vim.fn.getcompletion('1,3Waitline idle th', 'cmdline'), { 'through' }))
  h.check('verdicts', #vim.fn.getcompletion('Waitline idle ', 'cmdline') == 4)
  h.check(
    'what to record',
    vim.deep_equal(vim.fn.getcompletion('Waitline record ', 'cmdline'), { 'test', 'url', 'stop' })
  )
  h.check('what to toggle', vim.deep_equal(vim.fn.getcompletion('Waitline toggle l', 'cmdline'), { 'lenses' }))
  -- Each command, by what it says that it takes.
  local commands = require('waitline.commands')
  for _, name in ipairs(commands.names()) do
    local offered = vim.fn.getcompletion('Waitline ' .. name .. ' ', 'cmdline')
    local takes = commands.all[name].args
    h.check(
      ('%s: %s'):format(name, takes and 'completes ' .. takes or 'takes nothing and offers nothing'),
      takes == nil and #offered == 0 or takes ~= nil and (#offered > 0) == (commands.all[name].complete ~= nil),
      offered
    )
    h.check('  and is completed itself', vim.tbl_contains(vim.fn.getcompletion('Waitline ' .. name, 'cmdline'), name))
  end
  for name, command in pairs(commands.all) do
    -- Words can be offered, numbers and names of registers cannot.
    local words = command.args and not command.args:find('^%[%u+%]$') and not command.args:find('^%[FROM')
    h.check(name .. ' offers its words', not words or command.complete ~= nil, command.args)
  end
  vim.cmd('Waitline hot')
  h.said('open a file of the Go program first')
  vim.cmd('Waitline hott')
  h.said('did you mean hot?')
  vim.cmd('Waitline! status')
  h.said('no !')
  vim.cmd('Waitline status now')
  h.said('takes no argument')
  vim.cmd('1Waitline hot')
  h.said('takes no range')

  local dir = copy_of('webmix')
  vim.cmd.cd(dir)
  h.check('files for load', vim.tbl_contains(vim.fn.getcompletion('Waitline load d', 'cmdline'), 'db.go'))
  local _, buf = h.open(dir .. '/db.go')
  h.top(69)

  -- Without a trace.
  for _, name in ipairs({ 'hot', 'goroutines', 'findings', 'map', 'here', 'next', 'stacks' }) do
    vim.cmd('Waitline ' .. name)
    h.said('there is no trace')
  end
  vim.cmd('Waitline latest')
  h.said('there is no trace below')
  assert(vim.uv.fs_copyfile(trace, dir .. '/trace.out'))
  vim.fn.writefile({ 'not one' }, dir .. '/notes.trace')
  vim.cmd('Waitline latest')
  h.said('trace.out · 85.7 ms · Go 1.26 or newer, recorded')
  h.wait('figures', function()
    return h.row_has(70, 'chan 444 ms')
  end)
  local offered
  local select = vim.ui.select
  vim.ui.select = function(items, options, on_choice)
    offered = vim.tbl_map(options.format_item, items)
    on_choice(items[1], 1)
  end
  vim.cmd('Waitline load')
  local before = require('waitline').state().analysis
  h.wait('load asks which, and shows it', function()
    return offered ~= nil and require('waitline').state().analysis > before
  end)
  h.check('and offers what is a trace', #offered == 1 and offered[1]:find('^trace.out, ') ~= nil, offered)

  -- Lists.
  vim.cmd('Waitline hot')
  h.wait('a list', function()
    return vim.bo.buftype == 'quickfix'
  end)
  local title, items, lines = quickfix()
  h.check('with its title', title == 'Waitline: hot lines, of 1.20 s costly waiting', title)
  h.check(
    'in columns',
    lines[1]:find('^db.go|70 chan|%s+444 ms%s+974×%s+p99 1.25 ms%s+37.2 %%  select {') ~= nil,
    lines[1]
  )
  local column = lines[1]:find('p99', 1, true)
  h.check(
    'that stand below each other',
    lines[2]:find('p99', 1, true) == column and lines[3]:find('p99', 1, true) == column,
    lines
  )
  h.check('on the screen', h.sees('db.go|70 chan|'))
  h.check('the dearest first', items[1].lnum == 70 and items[2].lnum == 25)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  h.keys('<CR>')
  h.check(
    '<CR> goes to the line',
    vim.api.nvim_get_current_buf() == buf and vim.fn.line('.') == 70 and vim.fn.col('.') == 2
  )
  vim.cmd.cclose()
  vim.cmd('Waitline! hot file')
  h.wait("the window's own list, of this file", function()
    return vim.bo.buftype == 'quickfix'
  end)
  local own = vim.fn.getloclist(0, { items = 0 }).items
  h.check('has lines of this file only', #own > 3 and #vim.tbl_filter(function(item)
    return item.bufnr ~= buf
  end, own) == 0)
  vim.cmd.lclose()

  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline stacks')
  h.wait('stacks', function()
    return vim.bo.buftype == 'quickfix'
  end)
  title, items, lines = quickfix()
  h.check('of the line', title == 'Waitline: stacks of db.go:70', title)
  h.check(
    'each with its figures, then its frames',
    lines[1]:find('chan %d+ ms · %d+×') and items[1].valid == 0 and #lines > 6,
    lines
  )
  local function frame_of(name)
    for i, line in ipairs(lines) do
      if line:find(name, 1, true) and items[i].valid == 1 then
        return i
      end
    end
  end
  local caller = frame_of('report.func1.1')
  h.check('that lead to callers', caller ~= nil, lines)
  vim.api.nvim_win_set_cursor(0, { caller, 0 })
  h.keys('<CR>')
  h.check('in their files', vim.fn.expand('%:t') == 'server.go' and vim.fn.line('.') == 104, vim.fn.line('.'))
  vim.cmd.cclose()
  vim.cmd.buffer(buf)

  vim.cmd('Waitline goroutines')
  h.wait('goroutines', function()
    return vim.bo.buftype == 'quickfix'
  end)
  _, items, lines = quickfix()
  h.check(
    'by what started them',
    #lines > 5 and lines[1]:find('%d started  ') and lines[1]:find('alive at most') and lines[1]:find('%% waiting'),
    lines[1]
  )
  vim.cmd.cclose()
  vim.cmd.edit(dir .. '/server.go')
  vim.api.nvim_win_set_cursor(0, { 102, 1 })
  vim.cmd('Waitline goroutines here')
  h.wait('those of this line', function()
    return vim.bo.buftype == 'quickfix'
  end)
  _, items, lines = quickfix()
  h.check('are its own only', #lines == 1 and items[1].lnum == 102 and lines[1]:find('584 started', 1, true), lines)
  vim.cmd.cclose()
  vim.cmd.buffer(buf)

  vim.cmd('Waitline behind')
  h.wait('lines that others wait for', function()
    return vim.bo.buftype == 'quickfix'
  end)
  title, items, lines = quickfix()
  h.check('of all that is costly', title == 'Waitline: others wait for these lines, of 1.20 s costly', title)
  h.check(
    'each with who does',
    items[1].lnum == 83
      and lines[1]:find('db.go|83 network|%s+239 ms%s+20.0 %%%s+return c.r.ReadString') ~= nil
      and items[2].lnum == 70
      and lines[2]:find('db.go|70 chan|') ~= nil,
    lines
  )
  vim.cmd.cclose()

  vim.cmd('Waitline findings')
  h.wait('findings', function()
    return vim.bo.buftype == 'quickfix'
  end)
  title, items, lines = quickfix()
  h.check(
    'with their evidence',
    title == 'Waitline: 1 finding' and lines[1]:find('db.go|70 information|%s+slots%-exhausted: Waits') and #lines > 3,
    lines
  )
  vim.cmd.cclose()

  -- What it means, on its line and by name; a code action leads there, and to who gives back.
  vim.api.nvim_win_set_cursor(0, { 70, 0 })
  local pages = {}
  for name in vim.fs.dir(vim.fs.dirname(vim.fs.dirname(h.programs)) .. '/docs/findings') do
    pages[#pages + 1] = name:match('^(%l.*)%.md$')
  end
  table.sort(pages)
  local codes = vim.fn.getcompletion('Waitline explain ', 'cmdline')
  h.check('every page is offered', #pages > 10 and vim.deep_equal(codes, pages), codes)
  vim.cmd('Waitline explain')
  h.wait('its page', function()
    return vim.api.nvim_buf_get_name(0) == 'waitline://slots-exhausted'
  end)
  h.check('from its beginning', vim.api.nvim_get_current_line() == '# slots-exhausted')
  local windows = #vim.api.nvim_list_wins()
  vim.cmd.wincmd('p')
  vim.cmd('Waitline explain slots-exhausted')
  h.wait('the same page again', function()
    return vim.api.nvim_buf_get_name(0) == 'waitline://slots-exhausted'
  end)
  h.check('is one window', #vim.api.nvim_list_wins() == windows)
  vim.cmd.normal('q')
  h.check('q closes it', vim.api.nvim_get_current_buf() == buf)
  local params = vim.tbl_extend('error', vim.lsp.util.make_range_params(0, 'utf-16'), {
    context = { diagnostics = { vim.diagnostic.get(buf)[1].user_data.lsp } },
  })
  local client = vim.lsp.get_clients({ name = 'waitline' })[1]
  local actions = assert(client:request_sync('textDocument/codeAction', params, 60000, buf)).result
  local by = {}
  for _, action in ipairs(actions) do
    by[action.title] = action
  end
  client:exec_cmd(by['What slots-exhausted means'].command, { bufnr = buf })
  h.wait('the page, by its action', function()
    return vim.api.nvim_buf_get_name(0) == 'waitline://slots-exhausted'
  end)
  vim.cmd.close()
  client:exec_cmd(by['Go to db.go:72: goroutine 308 ended it here'].command, { bufnr = buf })
  h.wait('the line that ended the longest wait', function()
    return vim.api.nvim_get_current_buf() == buf and vim.api.nvim_win_get_cursor(0)[1] == 72
  end)

  -- Another metric: figures, colours, lenses and the list follow.
  h.check(
    'metrics are offered',
    vim.deep_equal(
      vim.fn.getcompletion('Waitline metric ', 'cmdline'),
      { 'impact', 'block', 'sched', 'gcAssist', 'syscall' }
    )
  )
  h.check(
    'those that begin so',
    vim.deep_equal(vim.fn.getcompletion('Waitline metric s', 'cmdline'), { 'sched', 'syscall' })
  )
  h.top(69)
  h.wait('at first line 80 is no hot line of system calls', function()
    return h.row_has(80, 'syscall') and h.sees('444 ms waiting')
  end)
  vim.cmd('Waitline metric syscall')
  h.said('lines show system calls (metric syscall)')
  h.wait('figures follow', function()
    return h.row_has(80, 'syscall') and h.row(80):find('^▌') ~= nil and not h.row_has(70, 'chan')
  end)
  h.wait('and lenses', function()
    return h.sees('in system calls ·') and not h.sees('444 ms waiting')
  end)
  h.check('the status line says so', require('waitline').statusline():find('· syscall', 1, true) ~= nil)
  vim.cmd('Waitline hot')
  h.wait('and the list of hot lines', function()
    return vim.bo.buftype == 'quickfix'
  end)
  title, items, lines = quickfix()
  h.check('with its own title', title:find('^Waitline: hot lines, of [%d.]+ ms system calls$') ~= nil, title)
  h.check('of system calls only', #vim.tbl_filter(function(line)
    return not line:find('syscall|', 1, true)
  end, lines) == 0, lines)
  vim.cmd.cclose()
  vim.cmd.buffer(buf)
  vim.cmd('Waitline status')
  h.wait('status says it', function()
    return h.floats():find('metric%s+syscall') ~= nil
  end)
  h.close_floats()
  vim.cmd('Waitline restart')
  h.wait('a server that is started anew knows it', function()
    return require('waitline').state() and h.row(80):find('^▌') ~= nil and not h.row_has(70, 'chan')
  end)
  vim.ui.select = function(metrics, options, on_choice)
    offered = vim.tbl_map(options.format_item, metrics)
    on_choice(metrics[1], 1)
  end
  vim.cmd('Waitline metric')
  h.wait('without a name one chooses', function()
    return offered and h.row_has(70, 'chan 444 ms') and h.sees('444 ms waiting')
  end)
  h.check('and reads what each is', #offered == 5 and offered[5]:find('^syscall %(now%): system calls'), offered)
  vim.cmd('Waitline metric cost')
  h.said("there is no metric 'cost' (there are impact, block, sched, gcAssist, syscall)")

  -- Along the hot lines of this file: 70, 80, 83.
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  local function after(command)
    vim.cmd(command)
    return vim.fn.line('.')
  end
  h.check('next', after('Waitline next') == 70)
  h.check('the next two', after('Waitline next 2') == 83)
  h.check('around the end', after('Waitline next') == 70)
  h.check('prev', after('Waitline prev') == 83)
  h.check('any line with figures', after('Waitline! next') == 21)
  vim.keymap.set('n', ']h', '<Plug>(waitline-next)')
  h.keys('2]h')
  h.check('<Plug>(waitline-next) takes a count', vim.fn.line('.') == 80, vim.fn.line('.'))
  h.keys('<C-o>')
  h.check('the way back is in the jump list', vim.fn.line('.') == 21, vim.fn.line('.'))
  vim.o.wrapscan = false
  vim.api.nvim_win_set_cursor(0, { 83, 0 })
  vim.cmd('Waitline next')
  h.said('no hot line below')
  vim.o.wrapscan = true

  -- Evidence.
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline here')
  h.wait('evidence', function()
    return h.sees('Waiting here · chan · 444 ms in 974 waits · 5.19 waiting on average')
  end)
  local shown = h.floats()
  h.check('who called', shown:find('server.go:104 (*server).report.func1.1  281 ms  578×', 1, true) ~= nil, shown)
  h.check('who woke', shown:find('db.go:72 (*pool).query.func1  444 ms  974×', 1, true) ~= nil, shown)
  h.check(
    'what was really waited for',
    shown:find('really waited for%s+db.go:83 %(%*dbConn%).query, network%s+228 ms%s+51.3 %%') ~= nil,
    shown
  )
  local function close()
    for _, win in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(win).relative ~= '' then
        vim.api.nvim_win_close(win, true)
      end
    end
  end
  close()
  local size = { vim.o.columns, vim.o.lines }
  vim.o.columns, vim.o.lines = 80, 24
  vim.cmd('Waitline here')
  h.wait('on a small screen it says that there is more', function()
    return h.sees(' more, the same command goes there ')
  end)
  shown = h.floats()
  h.check('and its figures are whole', shown:find('max 1.93 ms (goroutine 15 at\n  16.3 ms)', 1, true) ~= nil, shown)
  close()
  vim.o.columns, vim.o.lines = unpack(size)
  vim.cmd('Waitline here')
  h.wait('evidence again', function()
    return h.sees('Waiting here · chan · 444 ms in 974 waits')
  end)
  vim.cmd('Waitline here')
  h.wait('a second time goes into it', function()
    return vim.api.nvim_win_get_config(0).relative ~= ''
  end)
  vim.fn.search('server.go:70')
  h.keys('<CR>')
  h.check('<CR> goes to the caller', vim.fn.expand('%:t') == 'server.go' and vim.fn.line('.') == 70)
  h.check('and the window is gone', h.floats() == '')
  vim.cmd.buffer(buf)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  vim.cmd('Waitline here')
  h.said('the trace has nothing on this line')
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline copy a')
  h.said('in register a')
  h.check(
    'as Markdown',
    vim.fn.getreg('a'):find('^`db.go:70` `main') and vim.fn.getreg('a'):find('**Waiting here**', 1, true),
    vim.fn.getreg('a')
  )

  -- Wakers: one, and several.
  vim.cmd('Waitline waker')
  h.wait('to the only waker', function()
    return vim.fn.line('.') == 72
  end)
  offered = nil
  vim.cmd.edit(dir .. '/server.go')
  vim.api.nvim_win_set_cursor(0, { 107, 1 })
  h.wait('figures in the other file', function()
    return h.sees('→') or h.row_has(107, 'group')
  end)
  vim.cmd('Waitline! waker')
  h.wait('to the most frequent one', function()
    return vim.fn.line('.') ~= 107
  end)
  h.check('without asking', offered == nil, offered)
  vim.cmd.buffer(buf)
  vim.ui.select = select

  -- A range.
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline range 15.4ms 19.4ms')
  h.said('◔ 15.40–19.40 ms')
  h.wait('narrows the figures', function()
    return h.row_has(70, '◔ ') and not h.row_has(70, 'chan 444 ms')
  end)
  h.check(
    'and is told in the status line',
    require('waitline').statusline():find('◔ 15.40–19.40 ms', 1, true) ~= nil,
    require('waitline').statusline()
  )
  vim.cmd('Waitline range soon')
  h.said('a range is written as')
  vim.cmd('Waitline range 0.2s 100ms')
  h.said('the range ends at 100 ms, before it starts at 200 ms')
  vim.cmd('Waitline range 5s 6s')
  h.said('is behind its end')
  vim.cmd('Waitline range!')
  h.said('the whole trace counts again')
  h.wait('and it is the whole trace again', function()
    return h.row_has(70, 'chan 444 ms')
  end)
  local parse = require('waitline.trace').parse_range
  for written, want in pairs({
    ['15.4ms 19.4ms'] = { 15400000, 19400000 },
    ['15.4-19.4 ms'] = { 15400000, 19400000 },
    ['15.4–19.4ms'] = { 15400000, 19400000 },
    ['0 1.5s'] = { 0, 1500000000 },
    ['300us 0.5 ms'] = { 300000, 500000 },
    ['5ms 1ms'] = { 5000000, 1000000 },
    ['5 6'] = {},
    ['1ms'] = {},
  }) do
    h.check('a range written ' .. written, vim.deep_equal({ parse(written) }, want), { parse(written) })
  end

  -- A person's word.
  vim.cmd('Waitline idle')
  h.said('db.go:70 is treated as idle now (.waitline.toml)')
  h.wait('is kept', function()
    return vim.uv.fs_stat(dir .. '/.waitline.toml') and h.row_has(70, 'idle')
  end)
  vim.cmd('Waitline! idle')
  h.said('taken back')
  h.wait('is taken back', function()
    return h.row_has(70, 'chan 444 ms')
  end)
  vim.cmd('69,71Waitline idle through')
  h.said('db.go:70 is treated as through now')
  h.wait('for a range of lines', function()
    return h.row_has(70, '→')
  end)
  vim.cmd('69,71Waitline! idle')
  h.said('taken back')
  vim.cmd('1,2Waitline idle')
  h.said('none of these lines has figures')

  -- Quick fixes of a finding are Neovim's own.
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  h.wait('the finding again', function()
    return #vim.diagnostic.get(buf) == 1
  end)
  local titles
  vim.ui.select = function(actions, options, on_choice)
    titles = vim.tbl_map(options.format_item, actions)
    for i, name in ipairs(titles) do
      if name:find('Treat this line as idle', 1, true) then
        return on_choice(actions[i], i)
      end
    end
  end
  vim.lsp.buf.code_action()
  h.wait('a code action treats the line as idle', function()
    return titles and h.row_has(70, 'idle') and #vim.diagnostic.get(buf) == 0
  end)
  h.check(
    'there were others, too',
    #titles == 7 and table.concat(titles):find('Silence slots%-exhausted on this line'),
    titles
  )
  vim.ui.select = select
  vim.cmd('Waitline idle!')
  h.said('taken back')
  h.wait('and it is back', function()
    return h.row_has(70, 'chan 444 ms')
  end)

  -- What is going on.
  vim.cmd('Waitline status')
  h.wait('status', function()
    return h.floats():find('trace.out · 85.7 ms', 1, true) ~= nil
  end)
  h.check('with what costs', h.floats():find('costly%s+1.20 s, 14.0 on average') ~= nil, h.floats())
  h.close_floats()
  vim.cmd('Waitline map')
  h.said('every recorded folder with waiting in it is in the workspace')
  vim.cmd('Waitline load ' .. h.traces .. '/g126/leak.trace')
  h.wait('a trace of another program', function()
    return require('waitline').state().trace:find('leak') ~= nil
  end)
  vim.cmd('Waitline map')
  h.wait('map names its folder', function()
    return h.floats():find('%d %%  [%d.]+ m?s  /home/gopher/workloads/leak') ~= nil
  end)
  h.close_floats()
  vim.cmd('Waitline load trace.out')
  h.wait('ours again', function()
    return require('waitline').state().trace:find('trace.out', 1, true) ~= nil
  end)
  vim.cmd('Waitline bug')
  local report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  h.check(
    'a report names versions',
    report:find('Neovim 0%.%d+%.%d+') and report:find('waitline 0.1.0') and report:find('85.7 ms'),
    report
  )
  h.check("and is nobody's file", vim.bo.buftype == 'nofile')
  vim.cmd.close()
  vim.cmd('Waitline log')
  h.check('the log', vim.api.nvim_buf_get_name(0):find('lsp.log', 1, true) ~= nil, vim.api.nvim_buf_get_name(0))
  vim.cmd.close()
  vim.cmd('Waitline record test')
  h.said('the cursor is in no test')
  vim.cmd('Waitline record stop')
  h.said('nothing is being recorded')
  vim.cmd('Waitline record url')
  h.said('name the address')
  vim.cmd('Waitline record what')
  h.said(':Waitline record test, url URL [SECONDS], or stop')
end)

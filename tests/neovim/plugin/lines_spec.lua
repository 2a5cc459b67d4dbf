-- What stands on lines: figures, heat, lenses, hovers; after edits and undo; in two windows; in
-- other colours; and taken away.
--
-- The figures are those of webmix.trace (testdata/traces/g126/webmix.json.gz).
local h = require('harness')
h.needs_plugin()

--- Lines of webmix/db.go as recorded.
local ACCEPT, SELECT, WRITE, READ, QUERY = 21, 70, 80, 83, 69
local SELECT_TEXT = 'chan 444 ms · 974× · p99 1.25 ms'

h.run(function()
  local client, buf = h.open('webmix/db.go', { trace = { file = h.traces .. '/g126/webmix.trace' } })
  h.top(QUERY)
  h.wait('figures at the ends of lines', function()
    return h.row_has(SELECT, SELECT_TEXT) and h.row_has(READ, 'net 136 ms · 993× · others wait 239 ms')
  end)
  h.check('behind the text', h.row(SELECT):find('select {   chan') ~= nil, h.row(SELECT))
  h.check(
    'a sign that tells the heat',
    h.row(SELECT):find('^▌') and h.row(READ):find('^▍') and h.row(WRITE):find('^▏')
  )
  h.check('no sign where nothing costs', h.row(QUERY):find('^ ') ~= nil, h.row(QUERY))
  h.check('the line number has its colour', h.colour(SELECT, '70') == h.group('WaitlineHeat4'), h.colour(SELECT, '70'))
  h.check('a cooler line another', h.colour(READ, '83') == h.group('WaitlineHeat3'))
  h.check('the figures are quiet', h.colour(SELECT, 'chan 444') == h.group('WaitlineCostly'))
  h.wait('lenses above functions', function()
    return h.sees('444 ms waiting · 974× · p99 1.25 ms | woken from (*pool).query.func1 100 %')
  end)
  h.check('no inlay hints besides', #vim.lsp.inlay_hint.get({ bufnr = buf }) == 0)
  h.wait('one finding', function()
    return #vim.diagnostic.get(buf) == 1
  end)

  -- Lines that wait idly.
  h.top(ACCEPT)
  h.wait('idle is said', function()
    return h.row_has(ACCEPT, 'idle 85.7 ms · 1 goroutine')
  end)
  local colour, slanted = h.colour(ACCEPT, 'idle 85.7')
  h.check('and dim', colour == h.group('WaitlineIdle') and slanted, { colour, slanted })
  h.check('without heat', h.row(ACCEPT):find('^ ') ~= nil, h.row(ACCEPT))
  h.top(QUERY)

  -- Hover and lenses are Neovim's own.
  vim.api.nvim_win_set_cursor(0, { SELECT, 2 })
  vim.lsp.buf.hover()
  h.wait('a hover', function()
    return h.floats():find('444 ms in 974 waits', 1, true) ~= nil
  end)
  h.check(
    'without a table or a link',
    not h.floats():find('|', 1, true) and not h.floats():find('](', 1, true),
    h.floats()
  )
  h.close_floats()
  local titles
  local select = vim.ui.select
  vim.ui.select = function(items, options, on_choice)
    titles = vim.tbl_map(options.format_item, items)
    on_choice(items[1], 1)
  end
  vim.api.nvim_win_set_cursor(0, { QUERY, 2 })
  vim.lsp.codelens.run()
  h.wait('running a lens shows the evidence', function()
    return h.floats():find('called from', 1, true) ~= nil
  end)
  h.check('there were two to choose from', #titles == 2 and titles[1]:find('444 ms waiting', 1, true) ~= nil, titles)
  h.close_floats()
  vim.ui.select = function(items, _, on_choice)
    on_choice(items[2], 2)
  end
  vim.lsp.codelens.run()
  h.wait('the other goes to the waker', function()
    return vim.api.nvim_win_get_cursor(0)[1] == 72
  end)
  vim.ui.select = select

  -- Two windows on one buffer.
  vim.cmd('split')
  h.top(ACCEPT)
  h.check('both windows show their lines', h.sees(SELECT_TEXT) and h.sees('idle 85.7 ms'))
  vim.api.nvim_buf_set_lines(buf, 0, 0, false, { '// A new first line.' })
  h.check('both move at once', h.row_has(SELECT + 1, SELECT_TEXT) and h.row_has(ACCEPT + 1, 'idle 85.7 ms'))
  vim.cmd('only')
  vim.cmd('silent undo')
  h.top(QUERY)
  h.check('and back by undo', h.row_has(SELECT, SELECT_TEXT))

  -- A line right above, as `O` makes it: nothing may stand on it, not even for a moment.
  vim.o.undolevels = vim.o.undolevels
  vim.api.nvim_win_set_cursor(0, { SELECT, 1 })
  h.keys('O// above<Esc>')
  h.check(
    'a new line above takes nothing',
    h.row_has(SELECT + 1, SELECT_TEXT) and h.row(SELECT):find('^%s+70%s+// above$') ~= nil,
    h.row(SELECT)
  )
  vim.cmd('silent undo')
  h.check('undo, at once', h.row_has(SELECT, SELECT_TEXT))
  vim.o.undolevels = vim.o.undolevels
  vim.api.nvim_win_set_cursor(0, { SELECT, 1 })
  h.keys('o// below<Esc>')
  h.check('nor does one below', h.row_has(SELECT, SELECT_TEXT) and h.row(SELECT + 1):find('// below$') ~= nil)
  vim.cmd('silent undo')

  -- Edits of the line itself.
  local text = vim.api.nvim_buf_get_lines(buf, SELECT - 1, SELECT, true)[1]
  vim.o.undolevels = vim.o.undolevels -- what follows is a step of its own for undo
  vim.api.nvim_buf_set_lines(buf, SELECT - 1, SELECT, true, { text .. ' // now' })
  h.check('an edited line loses its figures and its heat', h.row(SELECT):find('^%s+70 .*// now$') ~= nil, h.row(SELECT))
  h.wait('a comment makes it no other line: they come back, marked', function()
    return h.row(SELECT):find('^▌.*// now   ~ chan 444 ms') ~= nil
  end)
  h.check('its neighbour keeps them', h.row_has(READ, 'net 136 ms'))
  vim.cmd('silent undo')
  h.wait('undo brings them back', function()
    return h.row_has(SELECT, SELECT_TEXT) and h.row(SELECT):find('^▌') ~= nil
  end)
  local read = vim.api.nvim_buf_get_lines(buf, READ - 1, READ, true)[1]
  vim.o.undolevels = vim.o.undolevels
  vim.api.nvim_buf_set_lines(buf, READ - 1, READ, true, { (read:gsub('\\n', '\\r')) })
  h.wait('an edit of what waits makes it doubtful: dim, and without heat', function()
    return h.row(READ):find('^ .*   %? net 136 ms') ~= nil
      and h.colour(READ, 'net 136') == h.group('WaitlineStale')
      and h.colour(READ, '83') ~= h.group('WaitlineHeat3')
  end)
  vim.cmd('silent undo')
  h.wait('undo makes it sure', function()
    return h.row(READ):find('^▍.*   net 136 ms') ~= nil
  end)
  vim.o.undolevels = vim.o.undolevels
  vim.cmd('silent ' .. SELECT .. 'delete')
  h.check('a deleted line takes its figures with it', not h.sees('chan 444 ms ·'))
  h.check('those below move up', h.row_has(READ - 1, 'net 136 ms'))
  vim.cmd('silent undo')
  h.wait('undo brings them back, in their places', function()
    return h.row_has(SELECT, SELECT_TEXT) and h.row_has(READ, 'net 136 ms')
  end)
  -- Formatting replaces all lines by the same ones: nothing may flicker.
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.api.nvim_buf_get_lines(buf, 0, -1, false))
  h.check(
    'what is replaced by itself keeps its figures',
    h.row_has(SELECT, SELECT_TEXT) and h.row_has(READ, 'net 136 ms')
  )
  h.keys('gg=G')
  vim.cmd('silent! undo')
  vim.cmd('edit!')
  h.top(QUERY)
  h.wait('reading the file anew keeps them, too', function()
    return h.row_has(SELECT, SELECT_TEXT)
  end)
  -- Typing as a person does: a line above, with Enter in insert mode.
  h.top(QUERY)
  vim.api.nvim_win_set_cursor(0, { QUERY, 0 })
  h.keys('O// typed<CR>// and more<Esc>')
  h.wait('what is typed above moves them', function()
    return h.row_has(SELECT + 2, SELECT_TEXT) and h.sees('444 ms waiting · 974×')
  end)
  vim.cmd('edit!')
  h.top(QUERY)

  -- Colours.
  local dark = h.group('WaitlineHeat4')
  vim.cmd('set background=light')
  h.check('a light background gives others', h.group('WaitlineHeat4') ~= dark)
  h.wait('on the screen, too', function()
    return h.colour(SELECT, '70') == h.group('WaitlineHeat4')
  end)
  vim.cmd('set background=dark')
  h.check('and back', h.group('WaitlineHeat4') == dark)
  vim.cmd.colorscheme('morning')
  h.check('another colour scheme gives others', vim.o.background == 'light' and h.group('WaitlineHeat4') ~= dark)
  local highlight = require('waitline.highlight')
  local behind = ('#%06X'):format(h.group('Normal') and vim.api.nvim_get_hl(0, { name = 'Normal' }).bg)
  for _, name in ipairs(highlight.groups()) do
    local hl = vim.api.nvim_get_hl(0, { name = name })
    local least = (name:find('Heat1') or name:find('Hairline')) and 1.9 or name:find('Heat') and 3 or 2.9
    h.check(
      name .. ' is seen on it',
      hl.default and hl.ctermfg ~= nil and highlight.contrast(('#%06X'):format(hl.fg), behind) >= least,
      hl
    )
  end
  h.wait('and the screen follows', function()
    return h.colour(SELECT, '70') == h.group('WaitlineHeat4')
  end)
  vim.api.nvim_set_hl(0, 'WaitlineHeat4', { fg = '#123456' })
  vim.cmd.colorscheme('habamax')
  vim.api.nvim_set_hl(0, 'WaitlineHeat4', { fg = '#123456' })
  vim.o.background = 'dark'
  highlight.define()
  h.check("a user's own group is left alone", h.group('WaitlineHeat4') == 0x123456)
  vim.o.termguicolors = false
  local cterm = vim.api.nvim_get_hl(0, { name = 'WaitlineHeat3' }).ctermfg
  h.check('without termguicolors there is a colour, too', type(cterm) == 'number' and cterm >= 16, cterm)

  -- Hidden, and shown.
  vim.cmd('Waitline toggle')
  h.said('figures are hidden')
  h.check(
    ':Waitline toggle hides all',
    not h.sees('chan 444 ms') and not h.sees('444 ms waiting') and not h.sees('▌')
  )
  vim.cmd('Waitline toggle')
  h.check('and shows it', h.row_has(SELECT, SELECT_TEXT) and h.sees('444 ms waiting'))
  vim.cmd('Waitline toggle lenses')
  h.check('lenses alone', h.row_has(SELECT, SELECT_TEXT) and not h.sees('444 ms waiting'))
  vim.cmd('Waitline toggle lenses')

  -- Without the trace.
  local loaded, changed = 0, 0
  vim.api.nvim_create_autocmd('User', {
    pattern = 'WaitlineLoaded',
    callback = function(event)
      loaded = loaded + (event.data.state.events == 62474 and 1 or 0)
    end,
  })
  vim.api.nvim_create_autocmd('User', {
    pattern = 'WaitlineChanged',
    callback = function()
      changed = changed + 1
    end,
  })
  h.check(
    'the status line names it',
    require('waitline').statusline() == 'webmix.trace 85.7 ms · 1 finding',
    require('waitline').statusline()
  )
  vim.cmd('Waitline unload')
  h.wait(':Waitline unload takes all away', function()
    return not h.sees('chan 444 ms') and not h.sees('444 ms waiting') and #vim.diagnostic.get(buf) == 0
  end)
  h.check('the status line is empty', require('waitline').statusline() == '' and require('waitline').state() == nil)
  vim.cmd('Waitline load ' .. h.traces .. '/g126/webmix.trace')
  h.wait(':Waitline load brings it back', function()
    return h.row_has(SELECT, SELECT_TEXT) and h.sees('444 ms waiting')
  end)
  -- Only loads that take a while are told of, and this one did not: so the server's words are put in
  -- its mouth.
  local told = {}
  vim.api.nvim_create_autocmd('LspProgress', {
    callback = function(event)
      told[#told + 1] = event.data.params.value.kind .. ': ' .. require('waitline').statusline()
    end,
  })
  local function progress(value)
    vim.lsp.handlers['$/progress'](nil, { token = 'x', value = value }, { client_id = client.id })
  end
  progress({ kind = 'begin', title = 'Loading big.trace', percentage = 0 })
  progress({ kind = 'report', percentage = 42 })
  progress({ kind = 'end' })
  h.check(
    'LspProgress and the status line tell of a load',
    vim.deep_equal(told, {
      'begin: Loading big.trace 0 %',
      'report: Loading big.trace 42 %',
      'end: webmix.trace 85.7 ms · 1 finding',
    }),
    told
  )
  h.check('configurations are told', loaded == 1 and changed >= 2, { loaded, changed })
  h.check('one server did all that', #vim.lsp.get_clients({ name = 'waitline' }) == 1 and not client:is_stopped())
end)

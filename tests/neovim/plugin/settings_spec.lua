-- Settings, from each place that they may come from.
local h = require('harness')
h.needs_plugin()

local trace = h.traces .. '/g126/webmix.trace'

--- Starts anew with settings.
local function again(options)
  local client = vim.lsp.get_clients({ name = 'waitline' })[1]
  if client then
    require('waitline.attach').expect_end(client.id)
    client:stop(true)
    h.wait('the server ends', function()
      return #vim.lsp.get_clients({ name = 'waitline' }) == 0
    end)
  end
  vim.cmd('silent! %bwipeout!')
  return h.open(options.file or 'webmix/db.go', options)
end

h.run(function()
  -- A trace in the folder: told of, or shown.
  local dir = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/webmix'
  vim.fn.mkdir(dir .. '/.git', 'p')
  assert(vim.uv.fs_copyfile(h.programs .. '/webmix/db.go', dir .. '/db.go'))
  assert(vim.uv.fs_copyfile(trace, dir .. '/old.trace'))
  assert(vim.uv.fs_utime(dir .. '/old.trace', os.time() - 7200, os.time() - 7200))
  assert(vim.uv.fs_copyfile(trace, dir .. '/trace.out'))
  assert(vim.uv.fs_utime(dir .. '/trace.out', os.time() - 300, os.time() - 300))
  vim.fn.mkdir(dir .. '/node_modules', 'p')
  assert(vim.uv.fs_copyfile(trace, dir .. '/node_modules/newer.trace'))
  h.open(dir .. '/db.go', { trace = { autoLoad = 'ask' } })
  h.said('trace.out was recorded 5 minutes ago; :Waitline latest shows it')
  h.check('but not shown', require('waitline').state() == nil)
  again({ file = dir .. '/db.go', trace = { autoLoad = 'latest' } })
  local function shows(name)
    local state = require('waitline').state()
    return state ~= nil and state.trace == dir .. '/' .. name
  end
  h.wait('the latest is shown', function()
    return shows('trace.out')
  end)
  -- Newer ones are followed, as they are written.
  assert(vim.uv.fs_copyfile(h.traces .. '/g126/leak.trace', dir .. '/newer.trace'))
  assert(vim.uv.fs_utime(dir .. '/newer.trace', os.time(), os.time()))
  h.wait('a newer one is followed', function()
    return shows('newer.trace')
  end)
  vim.cmd('Waitline load ' .. dir .. '/old.trace')
  h.wait('an older one by hand', function()
    return shows('old.trace')
  end)
  vim.cmd('write')
  vim.wait(1500, function()
    return false
  end)
  h.check('stays, whatever else is written', shows('old.trace'), require('waitline').state())
  assert(vim.uv.fs_copyfile(trace, dir .. '/newest.trace'))
  assert(vim.uv.fs_utime(dir .. '/newest.trace', os.time() + 5, os.time() + 5))
  h.wait('until one is newer than all', function()
    return shows('newest.trace')
  end)
  again({ file = dir .. '/db.go', trace = { file = 'old.trace', autoLoad = 'latest' } })
  h.wait('one that is named comes first', function()
    return require('waitline').state() and require('waitline').state().trace == dir .. '/old.trace'
  end)
  vim.wait(500, function()
    return false
  end)
  h.check('and stays', require('waitline').state().trace == dir .. '/old.trace')

  -- How lines are drawn.
  again({
    trace = { file = trace },
    annotations = { position = 'rightAlign', maxLength = 24 },
    codeLens = { enable = false },
  })
  h.top(69)
  h.wait('figures at the right, cut to the first', function()
    return h.row(70):find('select {%s+chan 444 ms · 974×$') ~= nil
  end)
  h.check('in the last columns', vim.fn.strdisplaywidth(h.row(70)) == vim.o.columns, h.row(70))
  h.check('no lenses', not h.sees('444 ms waiting'))
  again({ trace = { file = trace }, annotations = { enable = false } })
  h.top(69)
  h.wait('heat without figures', function()
    return h.row(70):find('^▌') ~= nil and not h.row_has(70, 'chan')
  end)
  again({ trace = { file = trace }, heat = { enable = false } })
  h.top(69)
  h.wait('figures without heat', function()
    return h.row_has(70, 'chan 444 ms') and h.row(70):find('^▌') == nil
  end)

  -- By setup(), by a function, and by vim.lsp.config.
  require('waitline').setup({ heat = { enable = true }, annotations = { enable = false } })
  require('waitline.draw').again()
  h.check('setup() comes on top', h.row(70):find('^▌') and not h.row_has(70, 'chan'), h.row(70))
  require('waitline').setup()
  vim.lsp.config(
    'waitline',
    { settings = { waitline = { annotations = { maxLength = 18 }, trace = { file = trace } } } }
  )
  again({})
  h.top(69)
  h.wait("vim.lsp.config's settings hold", function()
    return h.row(70):find('chan 444 ms · 974×$') ~= nil
  end)
  vim.g.waitline = function()
    return { annotations = { maxLenght = 3 }, stale = { mode = 'none' } }
  end
  require('waitline').setup()
  h.said('there is no setting annotations.maxLenght (there are enable, maxLength, minDuration, position)')
  h.said("stale.mode is one of mark, hide, ignore, and not 'none'")
  h.check('what makes no sense is as if it were not there', require('waitline.config').get().stale.mode == 'mark')

  -- The server's own settings go through, and count at once.
  require('waitline').setup({ findings = { disabled = { 'slots-exhausted' } }, annotations = { minDuration = '100ms' } })
  h.wait('a finding that is not wanted goes', function()
    return #vim.diagnostic.get(0, { severity = vim.diagnostic.severity.INFO }) == 0
  end)
  h.wait('and so do figures of little cost', function()
    return h.row_has(70, 'chan 444 ms') and not h.row_has(80, 'syscall')
  end)
  require('waitline').setup({})
  h.wait('and they come back', function()
    return #vim.diagnostic.get(0) == 1 and h.row_has(80, 'syscall')
  end)

  -- Not started by itself.
  local client = vim.lsp.get_clients({ name = 'waitline' })[1]
  require('waitline.attach').expect_end(client.id)
  vim.lsp.enable('waitline', false)
  h.wait('switched off', function()
    return #vim.lsp.get_clients({ name = 'waitline' }) == 0
  end)
  vim.g.waitline = { enable = false }
  require('waitline.config').forget()
  require('waitline').enable()
  vim.wait(300, function()
    return false
  end)
  h.check('enable = false starts nothing', not vim.lsp.is_enabled('waitline') and #vim.lsp.get_clients() == 0)
end)

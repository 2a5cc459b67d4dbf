-- The pickers, in a real Telescope. Needs TELESCOPE: folders of telescope.nvim and plenary.nvim,
-- separated by a comma; left out without.
local h = require('harness')
h.needs_plugin()
if not vim.env.TELESCOPE or vim.env.TELESCOPE == '' then
  io.stdout:write('   skipped: TELESCOPE is not set (folders of telescope.nvim and plenary.nvim)\n')
  vim.cmd('qall!')
end

h.run(function()
  vim.o.runtimepath = vim.env.TELESCOPE .. ',' .. vim.o.runtimepath
  vim.cmd('runtime plugin/telescope.lua')
  vim.o.columns, vim.o.lines = 140, 40
  h.open('webmix/db.go', { trace = { file = h.traces .. '/g126/webmix.trace' } })
  h.wait('figures', function()
    return require('waitline').state() ~= nil
  end)
  local telescope = require('telescope')
  telescope.load_extension('waitline')

  local function prompt()
    return vim.bo.filetype == 'TelescopePrompt'
  end
  vim.cmd('Telescope waitline hot')
  h.wait('a picker of hot lines', function()
    return prompt() and h.sees('Hot lines, of 1.20 s costly waiting') and h.sees('db.go:70 chan')
  end)
  h.check('in columns', h.sees('444 ms') and h.sees('37.2 %'))
  local picker = require('telescope.actions.state').get_current_picker(vim.api.nvim_get_current_buf())
  h.check('all of them', picker.manager:num_results() > 20)
  -- The first entry is db.go:70.
  local entry = picker.manager:get_entry(1)
  h.check('each leads to its line', entry.filename == h.programs .. '/webmix/db.go' and entry.lnum == 70, entry)
  vim.wait(200, function()
    return false
  end)
  picker:set_selection(picker:get_row(1))
  local map = vim.fn.maparg('<C-s>', 'n', false, true)
  h.check('<C-s> is there', map.callback ~= nil)
  map.callback()
  local prompt_buf = vim.api.nvim_get_current_buf()
  h.wait('callers inside the picker', function()
    return prompt() and h.sees('Called from: db.go:70') and h.sees('server.go:104')
  end)
  h.check(
    'which is the same one',
    vim.api.nvim_get_current_buf() == prompt_buf and #picker.manager:get_entry(1).display > 0
  )
  h.check('and has these only', not h.sees('37.2 %') and picker.manager:get_entry(1).lnum == 104, {
    picker.manager:get_entry(1).display,
  })
  vim.fn.maparg('<C-o>', 'n', false, true).callback()
  h.wait('<C-o> leads back', function()
    return h.sees('Hot lines, of 1.20 s costly waiting') and h.sees('37.2 %')
  end)
  vim.wait(200, function()
    return false
  end)
  picker:set_selection(picker:get_row(1))
  vim.fn.maparg('<C-w>', 'n', false, true).callback()
  h.wait('wakers, too', function()
    return h.sees('Woken from: db.go:70') and h.sees('db.go:72')
  end)
  vim.fn.maparg('<C-o>', 'n', false, true).callback()
  vim.wait(300, function()
    return false
  end)
  picker:set_selection(picker:get_row(1))
  vim.fn.maparg('<C-s>', 'n', false, true).callback()
  h.wait('and callers again', function()
    return h.sees('Called from: db.go:70')
  end)
  require('telescope.actions').select_default(picker.prompt_bufnr)
  h.wait('<CR> goes to the caller', function()
    return vim.fn.expand('%:t') == 'server.go' and vim.fn.line('.') == 104
  end)
  vim.cmd('stopinsert')

  vim.cmd('Telescope waitline goroutines')
  h.wait('goroutines', function()
    return prompt() and h.sees('584 started')
  end)
  require('telescope.actions').close(vim.api.nvim_get_current_buf())
  vim.cmd('Telescope waitline findings')
  h.wait('findings', function()
    return prompt() and h.sees('slots-exhausted: Waits')
  end)
  require('telescope.actions').close(vim.api.nvim_get_current_buf())
  vim.cmd('silent checkhealth waitline')
  h.check(
    'checkhealth knows it',
    table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'):find('Telescope is there', 1, true) ~= nil
  )
end)

-- Defines the command, the <Plug> maps and what starts the server; loads nothing else. What this
-- file costs every Neovim at its start is measured by tests/neovim/startup_spec.lua.
if vim.g.loaded_waitline then
  return
end
vim.g.loaded_waitline = true

if vim.fn.has('nvim-0.11') == 0 then
  local message =
    'waitline needs Neovim 0.11 or newer; docs/neovim.md of its repository says how to use the server without the plugin'
  vim.api.nvim_create_user_command('Waitline', function()
    vim.notify(message, vim.log.levels.WARN)
  end, { nargs = '*', bang = true, range = true, desc = 'Waitline (needs Neovim 0.11)' })
  return
end

vim.api.nvim_create_user_command('Waitline', function(args)
  require('waitline.commands').run(args)
end, {
  nargs = '*',
  bang = true,
  range = true,
  desc = 'Where this Go program waits',
  complete = function(...)
    return require('waitline.commands').complete(...)
  end,
})

for _, name in ipairs({
  'next',
  'prev',
  'here',
  'waker',
  'worst',
  'stacks',
  'hot',
  'timeline',
  'reveal',
  'toggle',
  'goroutines',
  'lens',
}) do
  vim.keymap.set('n', '<Plug>(waitline-' .. name .. ')', function()
    require('waitline.commands').plug(name)
  end, { desc = 'Waitline: ' .. name })
end

local group = vim.api.nvim_create_augroup('waitline', {})
-- vim.lsp itself costs more than this whole file: nobody loads it who opens no Go file.
vim.api.nvim_create_autocmd('FileType', {
  group = group,
  pattern = 'go',
  once = true,
  callback = function()
    require('waitline').enable()
  end,
})

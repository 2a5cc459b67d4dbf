-- The plugin in a Neovim that is too old for it: a clear message, and nothing else.
local h = require('harness')
h.run(function()
  if vim.fn.has('nvim-0.11') == 1 then
    return io.stdout:write('   left out: this Neovim is new enough\n')
  end
  vim.cmd.edit(h.programs .. '/webmix/db.go')
  vim.cmd('Waitline')
  h.said('waitline needs Neovim 0.11 or newer')
  vim.cmd('1,2Waitline! hot file')
  h.said('waitline needs Neovim 0.11 or newer')
  h.check('no part of it is loaded', not package.loaded['waitline'] and not package.loaded['waitline.server'])
  h.check('no server is started', #vim.lsp.get_clients() == 0)
  h.check('the file is as it was', vim.bo.filetype == 'go' and not vim.bo.modified)
  vim.cmd('checkhealth waitline')
  local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  h.check('checkhealth says it, too', health:find('Neovim 0.10.%d+ is too old') ~= nil, health)
end)

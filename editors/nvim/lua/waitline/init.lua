--- What other configurations may use. All else is free to change.
local M = {}

--- Settings; needed only by who wants others than the defaults and does not set `vim.g.waitline`.
--- @param options? waitline.Options
function M.setup(options)
  require('waitline.config').set(options)
end

--- Starts the server for Go buffers, those that are open and those to come.
function M.enable()
  if not require('waitline.config').get().enable or vim.lsp.is_enabled and vim.lsp.is_enabled('waitline') then
    return
  end
  if vim.v.vim_did_enter == 1 then
    -- Not now: who calls is the FileType event that vim.lsp.enable() would send again.
    vim.schedule(function()
      vim.lsp.enable('waitline')
    end)
  else
    -- Before that vim.lsp.enable() does not look at the buffers that are open.
    vim.api.nvim_create_autocmd('VimEnter', {
      group = 'waitline',
      once = true,
      callback = function()
        vim.lsp.enable('waitline')
      end,
    })
  end
end

--- The trace that is shown for a buffer, or nil.
--- @param buf? integer
--- @return waitline.State?
function M.state(buf)
  return require('waitline.state').of(buf)
end

--- A few words for a status line: `webmix.trace 85.7 ms · 1 finding`; empty where nothing is shown.
--- @param buf? integer
--- @return string
function M.statusline(buf)
  if not package.loaded['waitline.state'] then
    return '' -- a status line is drawn long before anybody opens a Go file
  end
  return require('waitline.state').statusline(buf)
end

return M

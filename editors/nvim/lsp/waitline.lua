-- Found by vim.lsp.config('waitline') and vim.lsp.enable('waitline') of Neovim 0.11.
return require('waitline.server').config()

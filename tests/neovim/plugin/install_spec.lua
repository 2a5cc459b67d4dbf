-- Installed as docs/neovim.md says, as a package of Neovim, in a Neovim of its own that is given a
-- Go file on its command line: the server attaches, with nothing in init.lua but where it is.
local h = require('harness')
h.needs_plugin()

--- Starts a Neovim with an init.lua, and gives back what it wrote, as lines.
local function child(home, init, file)
  vim.fn.mkdir(home .. '/config/nvim', 'p')
  local result = home .. '/result'
  local look = {
    "vim.api.nvim_create_autocmd('VimEnter', { callback = function() vim.schedule(function()",
    '  local function client()',
    "    local it = vim.lsp.get_clients({ name = 'waitline', bufnr = 0 })[1]",
    '    return it and it.initialized and it',
    '  end',
    '  vim.wait(15000, client, 30)',
    "  local shown = vim.wait(15000, function() return require('waitline').state() ~= nil end, 30)",
    "  vim.fn.writefile({ client() and client().root_dir or 'none', tostring(shown), require('waitline').statusline(),",
    ("    vim.fn.execute('messages') }, '%s')"):format(result),
    '  vim.cmd.qall({ bang = true })',
    'end) end })',
  }
  vim.fn.writefile(vim.list_extend(vim.deepcopy(init), look), home .. '/config/nvim/init.lua')
  vim
    .system({ vim.v.progpath, '--headless', file }, {
      stdin = 'x',
      timeout = 60000,
      env = {
        XDG_CONFIG_HOME = home .. '/config',
        XDG_DATA_HOME = home .. '/data',
        XDG_STATE_HOME = home .. '/state',
        XDG_CACHE_HOME = home .. '/cache',
      },
    })
    :wait()
  return vim.uv.fs_stat(result) and vim.fn.readfile(result) or {}
end

h.run(function()
  local home = vim.fn.tempname()
  local packages = home .. '/data/nvim/site/pack/waitline/start'
  vim.fn.mkdir(packages, 'p')
  assert(vim.uv.fs_symlink(vim.env.WAITLINE_PLUGIN, packages .. '/waitline'))
  local file = h.programs .. '/webmix/db.go'
  local trace = h.traces .. '/g126/webmix.trace'

  local seen = child(home, {
    ("vim.g.waitline = { server = { path = '%s' }, trace = { file = '%s' } }"):format(vim.env.WAITLINE, trace),
  }, file)
  h.check('the server attaches to a file of the command line', seen[1] == h.programs, seen)
  h.check('and shows the trace', seen[2] == 'true' and seen[3] == 'webmix.trace 85.7 ms · 1 finding', seen)
  h.check('without a word', vim.trim(table.concat(vim.list_slice(seen, 4), '')) == '', seen)

  -- By vim.lsp.enable() in init.lua, as other servers are.
  seen = child(home, {
    ("vim.g.waitline = { trace = { file = '%s' } }"):format(trace),
    ("vim.lsp.config('waitline', { cmd = { '%s', 'lsp' } })"):format(vim.env.WAITLINE),
    "vim.lsp.enable('waitline')",
  }, file)
  h.check('vim.lsp.config and vim.lsp.enable do, too', seen[1] == h.programs and seen[2] == 'true', seen)

  -- By setup(), as plugin managers call it.
  seen = child(home, {
    ("require('waitline').setup({ server = { path = '%s' }, trace = { file = '%s' } })"):format(
      vim.env.WAITLINE,
      trace
    ),
  }, file)
  h.check('and setup()', seen[1] == h.programs and seen[2] == 'true', seen)
end)

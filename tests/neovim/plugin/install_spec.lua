-- Installed as docs/neovim.md says, as a package of Neovim, in a Neovim of its own that is given a
-- Go file on its command line: the server attaches, with nothing in init.lua but where it is.
-- By plugin managers, too, where MANAGERS names a folder that holds lazy.nvim, vim-plug and mini.deps.
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

  local managers = vim.env.MANAGERS
  if not managers or managers == '' then
    io.stdout:write('   skipped: MANAGERS is not set (a folder with lazy.nvim, vim-plug and mini.deps)\n')
    return
  end
  --- By a manager, without the package: what its users write into init.lua.
  local function by(name, lines)
    local own = vim.fn.tempname()
    local options = "vim.g.waitline = { server = { path = '%s' }, trace = { file = '%s' } }"
    local init = { options:format(vim.env.WAITLINE, trace) }
    for _, line in ipairs(lines) do
      init[#init + 1] = (line:gsub('%$(%u+)', { HOME = own, MANAGERS = managers, PLUGIN = vim.env.WAITLINE_PLUGIN }))
    end
    local found = child(own, init, file)
    h.check('by ' .. name, found[1] == h.programs and found[2] == 'true', found)
    -- A manager may talk of its own work.
    local said = table.concat(vim.list_slice(found, 4), '\n'):gsub('%(mini%.deps%)[^\n]*', '')
    h.check('  without an error', not said:find('E%d+:') and not said:find('[Ee]rror'), found)
  end
  local lazy = "require('lazy').setup({ { dir = '$PLUGIN'%s } }, { change_detection = { enabled = false } })"
  by('lazy.nvim', { "vim.opt.rtp:prepend('$MANAGERS/lazy.nvim')", lazy:format('') })
  by('lazy.nvim, with the first Go file', { "vim.opt.rtp:prepend('$MANAGERS/lazy.nvim')", lazy:format(", ft = 'go'") })
  by('vim-plug', {
    "vim.cmd.source('$MANAGERS/vim-plug/plug.vim')",
    "vim.fn['plug#begin']('$HOME/plugged')",
    "vim.fn['plug#']('$PLUGIN')",
    "vim.fn['plug#end']()",
  })
  -- It clones: a repository that holds the plugin where ours does.
  local source = vim.fn.tempname()
  vim.fn.mkdir(source .. '/editors', 'p')
  assert(vim.system({ 'cp', '-r', vim.env.WAITLINE_PLUGIN, source .. '/editors/nvim' }):wait().code == 0)
  for _, arguments in ipairs({ { 'init', '-q' }, { 'add', '.' }, { 'commit', '-q', '-m', 'x' } }) do
    local git = { 'git', '-C', source, '-c', 'user.name=x', '-c', 'user.email=x@example.com' }
    local out = vim.system(vim.list_extend(git, arguments)):wait()
    assert(out.code == 0, out.stderr)
  end
  by('mini.deps', {
    "vim.opt.rtp:prepend('$MANAGERS/mini.deps')",
    "require('mini.deps').setup({ path = { package = '$HOME/deps' }, silent = true })",
    ("MiniDeps.add({ source = 'file://%s', name = 'waitline' })"):format(source),
    "vim.opt.rtp:append('$HOME/deps/pack/deps/opt/waitline/editors/nvim')",
  })
end)

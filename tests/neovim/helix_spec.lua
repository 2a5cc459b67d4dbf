-- Another editor, without a plugin: Helix in a terminal of Neovim, with what docs/other-editors.md says.
-- HX names its program; left out without.
local h = require('harness')
if not vim.env.HX or vim.env.HX == '' then
  io.stdout:write('   skipped: HX is not set (the program of Helix)\n')
  vim.cmd('qall!')
elseif vim.fn.has('nvim-0.11') == 0 then
  io.stdout:write('   left out: one Neovim is enough as a terminal for it\n')
  vim.cmd('qall!')
end

h.run(function()
  vim.o.columns, vim.o.lines = 110, 40
  local dir = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/webmix'
  vim.fn.mkdir(dir .. '/config/helix', 'p')
  for name, kind in vim.fs.dir(h.programs .. '/webmix') do
    if kind == 'file' then
      assert(vim.uv.fs_copyfile(h.programs .. '/webmix/' .. name, dir .. '/' .. name))
    end
  end
  vim.fn.writefile({ 'module example.com/webmix', '', 'go 1.22' }, dir .. '/go.mod')
  assert(vim.uv.fs_copyfile(h.traces .. '/g126/webmix.trace', dir .. '/trace.out'))

  -- The configuration is the page's own.
  local page = table.concat(vim.fn.readfile(vim.env.WAITLINE_PLUGIN .. '/../../docs/other-editors.md'), '\n')
  for _, name in ipairs({ 'languages.toml', 'config.toml' }) do
    local block = page:match('`~/%.config/helix/' .. name:gsub('%.', '%%.') .. '`.-```toml\n(.-)```')
    h.check('the page has a ' .. name, block ~= nil)
    vim.fn.writefile(vim.split(block, '\n'), dir .. '/config/helix/' .. name)
  end
  local bin = dir .. '/bin'
  vim.fn.mkdir(bin, 'p')
  assert(vim.uv.fs_symlink(vim.uv.fs_realpath(vim.env.WAITLINE), bin .. '/waitline'))
  local path = bin .. ':' .. (vim.env.GOPLS and vim.fs.dirname(vim.env.GOPLS) .. ':' or '') .. vim.env.PATH

  local buf = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_set_current_buf(buf)
  local job = vim.fn.jobstart({ vim.env.HX, 'db.go:70' }, {
    term = true,
    cwd = dir,
    env = { XDG_CONFIG_HOME = dir .. '/config', XDG_CACHE_HOME = dir .. '/cache', PATH = path, TERM = 'xterm-256color' },
  })
  local function shown()
    return table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), '\n')
  end
  local function sees(what)
    h.wait('Helix shows: ' .. what, function()
      return shown():find(what, 1, true) ~= nil
    end, 60000)
  end
  --- Types, with a pause: an escape and a key at once are a key with Alt.
  local function type(keys)
    vim.fn.chansend(job, keys)
    vim.wait(400, function()
      return false
    end)
  end
  local ok, problem = pcall(function()
    sees('select {')
    -- Hints that come later than the text show when the view moves.
    h.wait('figures at the ends of lines', function()
      if shown():find('chan 444 ms · 974×', 1, true) then
        return true
      end
      type('gg')
      type('70gg')
      return shown():find('chan 444 ms · 974×', 1, true) ~= nil
    end, 60000)
    for _, line in ipairs(vim.split(shown(), '\n')) do
      if line:find('select {', 1, true) or line:find('func (p *pool) query', 1, true) then
        io.stdout:write('       ', line, '\n')
      end
    end
    type(' k')
    sees('444 ms in 974 waits')
    type('\27')
    type(' d')
    sees('slots-exhausted')
    type('\27')
    type(':lsp-workspace-command waitline.unload\r')
    h.wait('and nothing after waitline.unload, once the view moves', function()
      type('gg')
      type('ge')
      return shown():find('chan 444 ms', 1, true) == nil and shown():find('net 136 ms', 1, true) == nil
    end, 30000)
  end)
  vim.fn.jobstop(job)
  if not ok then
    error(problem .. '\n' .. shown())
  end
end)

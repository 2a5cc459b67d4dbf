-- Beside a real gopls on the same buffer: nothing of either is lost. Needs GOPLS (its path) and go
-- on PATH; left out without.
local h = require('harness')
h.needs_plugin()
if not vim.env.GOPLS or vim.env.GOPLS == '' then
  io.stdout:write('   skipped: GOPLS is not set (setup-neovim.sh gopls@sid unpacks one)\n')
  vim.cmd('qall!')
end

h.run(function()
  vim.env.GOTOOLCHAIN, vim.env.GOPROXY = 'local', 'off' -- nothing is fetched
  local dir = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/webmix'
  vim.fn.mkdir(dir, 'p')
  for _, name in ipairs({ 'client.go', 'db.go', 'server.go' }) do
    assert(vim.uv.fs_copyfile(h.programs .. '/webmix/' .. name, dir .. '/' .. name))
  end
  vim.fn.writefile({ 'module example.com/webmix', '', 'go 1.22' }, dir .. '/go.mod')
  -- gopls has lenses of its own for such a line.
  local db = vim.fn.readfile(dir .. '/db.go')
  vim.fn.writefile(vim.list_extend(db, { '', '//go:generate echo' }), dir .. '/db.go')
  vim.lsp.config('gopls', {
    cmd = { vim.env.GOPLS },
    filetypes = { 'go' },
    root_markers = { 'go.mod' },
    settings = { gopls = { hints = { assignVariableTypes = true } } },
  })
  vim.lsp.enable('gopls')
  local _, buf = h.open(dir .. '/db.go', { trace = { file = h.traces .. '/g126/webmix.trace' } })
  vim.lsp.inlay_hint.enable(true, { bufnr = buf })
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = buf })
  end
  h.wait('gopls attaches, too', function()
    local client = vim.lsp.get_clients({ bufnr = buf, name = 'gopls' })[1]
    return client and client.initialized
  end, 60000)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = buf })) do
    io.stdout:write(
      ('       %s: %s, %s\n'):format(
        client.name,
        client.offset_encoding,
        (vim.tbl_get(client, 'server_info', 'version') or ''):match('"Version":"([^"]*)"}$') or ''
      )
    )
  end
  local SELECT, QUERY = 70, 69
  h.top(QUERY)
  h.wait('figures and lenses', function()
    return h.row_has(SELECT, 'chan 444 ms · 974×') and h.sees('444 ms waiting · 974×')
  end)
  h.top(60)
  h.wait("gopls's hints beside our figures", function()
    return h.sees('p *pool :=') and h.sees('chan 444 ms · 974×')
  end, 60000)
  if vim.lsp.codelens.enable then
    h.top(80)
    h.wait("gopls's lens", function()
      return h.sees('run go generate')
    end, 60000)
    h.top(QUERY)
    h.wait('beside ours, which are there once', function()
      return select(2, table.concat(h.rows(), '\n'):gsub('444 ms waiting · 974×', '')) == 1
    end)
    vim.api.nvim_buf_set_lines(buf, 0, 0, false, { '//' })
    h.wait('after an edit, too', function()
      return h.row_has(SELECT + 1, 'chan 444 ms')
        and select(2, table.concat(h.rows(), '\n'):gsub('444 ms waiting · 974×', '')) == 1
    end)
    vim.cmd('silent undo')
  end
  vim.api.nvim_win_set_cursor(0, { 35, 13 }) -- q, err := r.ReadString: gopls knows it, and it waits
  vim.lsp.buf.hover()
  h.wait('the hovers of both in one window', function()
    local text = h.floats()
    return text:find('# gopls', 1, true) and text:find('# waitline', 1, true) and text:find('Waiting here', 1, true)
  end)
  h.close_floats()
  vim.cmd('checkhealth waitline')
  local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  h.check('both count columns alike', not health:find('counts columns', 1, true), health)
  vim.cmd.bwipeout()
  vim.api.nvim_buf_set_lines(buf, -1, -1, false, { 'var _ int = "text"' })
  h.wait('diagnostics of both', function()
    local sources = {}
    for _, diagnostic in ipairs(vim.diagnostic.get(buf)) do
      sources[diagnostic.source == 'waitline' and 'waitline' or 'gopls'] = true
    end
    return sources.waitline and sources.gopls
  end, 60000)
  h.check(
    'gopls answers where definitions are',
    #vim.lsp.get_clients({ bufnr = buf, method = 'textDocument/definition' }) == 1
  )
  vim.cmd('silent undo')
  for _, client in ipairs(vim.lsp.get_clients({ name = 'gopls' })) do
    client:stop(true)
  end
end)

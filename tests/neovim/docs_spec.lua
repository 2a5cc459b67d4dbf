-- docs/neovim.md, word for word: what a new user pastes must work in the versions that it names.
local h = require('harness')

--- The Lua blocks of the page that are about the server alone, in their order.
local function blocks()
  local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
  local page = table.concat(vim.fn.readfile(here .. '/../../docs/neovim.md'), '\n')
  page = page:match('\n## Without the plugin\n(.*)$')
  local found = {}
  for block in page:gmatch('```lua\n(.-)\n```') do
    found[#found + 1] = block
  end
  return found
end

local function paste(block)
  assert(loadstring(block, 'docs/neovim.md'))()
end

h.run(function()
  local configure, on_attach, configure_0_10, commands = unpack(blocks())
  vim.env.PATH = vim.fs.dirname(vim.env.WAITLINE) .. ':' .. vim.env.PATH

  -- A folder of a user's own, with the trace in it.
  local cwd = vim.fn.tempname()
  vim.fn.mkdir(cwd, 'p')
  assert(vim.uv.fs_copyfile(h.traces .. '/g126/leak.trace', cwd .. '/trace.out'))
  vim.cmd.cd(cwd)

  local has_config = vim.fn.has('nvim-0.11') == 1
  paste(has_config and configure or configure_0_10)
  paste(on_attach)
  vim.cmd.edit(h.programs .. '/leak/main.go')
  local buf = vim.api.nvim_get_current_buf()
  h.top(83)
  h.wait('the server attaches', function()
    local client = vim.lsp.get_clients({ bufnr = buf, name = 'waitline' })[1]
    return client and client.initialized
  end)
  local client = vim.lsp.get_clients({ bufnr = buf, name = 'waitline' })[1]
  h.check('its root is the module', client.config.root_dir == h.programs, client.config.root_dir)
  h.wait_looking(buf, 'lenses and hints appear', function()
    return h.sees('1.51 s idle') and h.row_has(113, 'sleep 297 ms · 133×')
  end)
  if not has_config then
    return
  end

  paste(commands)
  vim.cmd.WaitlineUnload()
  h.wait_looking(buf, ':WaitlineUnload takes them away', function()
    return not h.row_has(113, 'sleep 297 ms')
  end)
  vim.cmd.WaitlineLoad('trace.out')
  h.wait_looking(buf, ':WaitlineLoad brings them back', function()
    return h.row_has(113, 'sleep 297 ms · 133×')
  end)
end)

-- What the plugin costs a Neovim that opens no Go file: by --startuptime, and by what it loads.
local h = require('harness')
h.needs_plugin()

--- Milliseconds of sourcing plugin/waitline.lua, the least of several starts: others run meanwhile.
local function cost(nvim)
  local least
  for i = 1, 7 do
    local log = vim.fn.tempname() .. i
    vim.fn.system({
      nvim,
      '--clean',
      '--headless',
      '--cmd',
      'set rtp^=' .. vim.env.WAITLINE_PLUGIN,
      '--startuptime',
      log,
      '+qa',
    })
    for _, line in ipairs(vim.fn.readfile(log)) do
      -- clock, self+sourced, self: sourcing FILE
      local spent = line:match('^%d+%.%d+%s+%d+%.%d+%s+(%d+%.%d+): sourcing .*plugin/waitline%.lua')
      if spent then
        least = math.min(least or math.huge, tonumber(spent))
      end
    end
  end
  return least
end

h.run(function()
  local loaded = vim.tbl_filter(function(name)
    return vim.startswith(name, 'waitline')
  end, vim.tbl_keys(package.loaded))
  h.check('nothing of it is loaded', #loaded == 0, loaded)
  h.check('nor vim.lsp', not package.loaded['vim.lsp'])
  h.check(
    'the status line is empty, and loads nothing',
    require('waitline').statusline() == '' and not package.loaded['waitline.state']
  )
  for _, name in ipairs({ 'next', 'prev', 'here', 'waker', 'worst', 'hot', 'timeline' }) do
    h.check(
      '<Plug>(waitline-' .. name .. ')',
      next(vim.fn.maparg('<Plug>(waitline-' .. name .. ')', 'n', false, true)) ~= nil
    )
  end
  h.check(
    'no key is taken',
    vim.tbl_isempty(vim.tbl_filter(function(map)
      return (map.desc or ''):find('^Waitline') and not vim.startswith(map.lhs, '<Plug>')
    end, vim.api.nvim_get_keymap('n')))
  )
  local spent = cost(vim.v.progpath)
  h.check('it was found in the log', spent ~= nil)
  io.stdout:write(('       %.3f ms\n'):format(spent))
  h.check('1 ms at most', spent <= 1, spent)
end)

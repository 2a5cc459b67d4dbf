-- doc/waitline.txt against the code: its commands are made from it (WAITLINE_UPDATE=1 writes them),
-- every setting, group, map and event is told of, and every tag leads somewhere.
local h = require('harness')
h.needs_plugin()

local FILE = vim.env.WAITLINE_PLUGIN .. '/doc/waitline.txt'

h.run(function()
  local text = table.concat(vim.fn.readfile(FILE), '\n')
  --- Holds what stands between two texts to what the code says.
  local function section(name, first, last, lines)
    local from = select(2, text:find(first, 1, true))
    local to = from and text:find(last, from, true)
    h.check('the part with the ' .. name .. ' is there', to ~= nil)
    local made = table.concat(lines, '\n') .. '\n'
    if vim.env.WAITLINE_UPDATE then
      text = text:sub(1, from) .. made .. text:sub(to)
      vim.fn.writefile(vim.split(text, '\n'), FILE)
    else
      h.check('it is what the code says (WAITLINE_UPDATE=1 writes it)', text:sub(from + 1, to - 1) == made)
    end
  end
  section(
    'commands',
    '`:Waitline hot!` is `:Waitline! hot`.\n\n',
    ('='):rep(78) .. '\n4. Maps',
    require('vimdoc').commands()
  )
  section('keys', 'what that one did meanwhile.\n\n', 'In the table `<CR>` selects', require('vimdoc').keys())

  -- In a copy: the tags of a checkout are nobody's business.
  local dir = vim.fn.tempname()
  vim.fn.mkdir(dir .. '/doc', 'p')
  assert(vim.uv.fs_copyfile(FILE, dir .. '/doc/waitline.txt'))
  vim.cmd.helptags(dir .. '/doc')
  local tags = {}
  for _, line in ipairs(vim.fn.readfile(dir .. '/doc/tags')) do
    tags[line:match('^%S+')] = true
  end
  vim.o.runtimepath = dir .. ',' .. vim.o.runtimepath
  for _, name in ipairs(require('waitline.commands').names()) do
    h.check(':help :Waitline-' .. name, tags[':Waitline-' .. name])
    vim.cmd.help(':Waitline-' .. name)
    h.check('  leads to it', vim.api.nvim_get_current_line():find(':Waitline-' .. name, 1, true) ~= nil)
  end
  vim.cmd.helpclose()
  for tag in text:gmatch('|(%S-)|') do
    local own = tag:find('[Ww]aitline')
    h.check('|' .. tag .. '|', own and tags[tag] or not own and #vim.fn.getcompletion(tag, 'help') > 0)
  end

  local told = text:match('%*waitline%-settings%*(.-)====')
  local function settings(table, path)
    for key, value in pairs(table) do
      if type(value) == 'table' and next(value) and not vim.islist(value) then
        settings(value, path .. key .. '.')
      else
        local shown = type(value) == 'string' and "'" .. value .. "'"
          or type(value) == 'table' and '{'
          or tostring(value)
        h.check('setting ' .. path .. key, told:find(key .. ' = ' .. shown, 1, true) ~= nil)
      end
    end
  end
  settings(require('waitline.config').defaults, '')
  for _, group in ipairs(require('waitline.highlight').groups()) do
    h.check('group ' .. group, text:find('%f[%w]' .. group .. '%f[%W]') ~= nil)
  end
  for name in text:match('%*waitline%-highlight%*(.-)===='):gmatch('Waitline%w+') do
    h.check('there is ' .. name, vim.tbl_contains(require('waitline.highlight').groups(), name))
  end
  local maps = {}
  for _, map in ipairs(vim.api.nvim_get_keymap('n')) do
    local name = map.lhs:match('^<Plug>(%(waitline%-%w+%))$')
    if name then
      maps[name] = true
      h.check('map ' .. name, text:find('<Plug>' .. name, 1, true) ~= nil)
    end
  end
  for name in text:gmatch('<Plug>(%(waitline%-%w+%))') do
    h.check('there is <Plug>' .. name, maps[name])
  end
  -- The suggested maps work as they stand.
  local suggested = text:match('take a count%. A suggestion: >lua\n(.-)\n<')
  assert(loadstring(suggested))()
  h.check('the suggestion can be pasted', vim.fn.maparg(']h', 'n') == '<Plug>(waitline-next)')
  for i, line in ipairs(vim.split(text, '\n')) do
    h.check('line ' .. i .. ' is not too long', vim.fn.strdisplaywidth(line) <= 80 and not line:find('%s$'), line)
  end
end)

-- The parts of doc/waitline.txt that are made from the plugin's code: its subcommands, and the keys
-- of the timeline.
-- doc_spec.lua holds the file to it, and writes it anew with WAITLINE_UPDATE=1.
local M = {}

local WIDTH = 78

--- A text in lines, behind an indentation.
local function wrapped(text, indent)
  local lines, line = {}, ''
  for word in text:gmatch('%S+') do
    if line ~= '' and #indent + #line + 1 + #word > WIDTH then
      lines[#lines + 1] = indent .. line
      line = word
    else
      line = line == '' and word or line .. ' ' .. word
    end
  end
  lines[#lines + 1] = indent .. line
  return lines
end

local function sentence(text)
  return text:sub(1, 1):upper() .. text:sub(2) .. '.'
end

--- @return string[]
function M.commands()
  local commands = require('waitline.commands')
  local lines = {}
  for _, name in ipairs(commands.names()) do
    local command = commands.all[name]
    local tag = '*:Waitline-' .. name .. '*'
    local usage = (command.range and ':[range]' or ':')
      .. 'Waitline '
      .. name
      .. (command.bang and '[!]' or '')
      .. (command.args and ' ' .. command.args or '')
    if #usage + 2 + #tag <= WIDTH then
      lines[#lines + 1] = usage .. (' '):rep(WIDTH - #usage - #tag) .. tag
    else
      lines[#lines + 1] = (' '):rep(WIDTH - #tag) .. tag
      lines[#lines + 1] = usage
    end
    vim.list_extend(lines, wrapped(sentence(command.desc), (' '):rep(8)))
    if command.bang then
      vim.list_extend(lines, wrapped('With !: ' .. command.bang .. '.', (' '):rep(8)))
    end
    lines[#lines + 1] = ''
  end
  return lines
end

--- @return string[]
function M.keys()
  local lines = vim.tbl_map(function(line)
    return ('    %-12s %s'):format(line[1], line[2])
  end, require('waitline.timeline.keys').list())
  lines[#lines + 1] = ''
  return lines
end

return M

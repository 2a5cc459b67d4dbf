--- Figures above functions, tests, `go` statements, regions and tasks: the server's code lenses.
---
--- Drawn here and not by vim.lsp.codelens, which keeps one mark per line for all servers of a
--- buffer: what the slower of two answers stays hidden until the next edit. They are run by
--- vim.lsp.codelens.run() like all others.
local layer = require('waitline.layer')

local M = {}

local api = vim.api
local ns = api.nvim_create_namespace('waitline.lenses')
local SEPARATOR = ' | '

--- @class waitline.Lenses: waitline.Drawn
--- @field lenses lsp.CodeLens[]
--- By buffer.
--- @type table<integer, waitline.Lenses>
local drawn = {}

M.on = true

--- The columns that a line is indented by, as the buffer shows tabs.
local function indent(buf, row)
  local line = api.nvim_buf_get_lines(buf, row, row + 1, false)[1] or ''
  local width, tab = 0, vim.bo[buf].tabstop
  for char in line:match('^%s*'):gmatch('.') do
    width = char == '\t' and width + tab - width % tab or width + 1
  end
  return width
end

--- Keeps Neovim from drawing our lenses besides, and still lets vim.lsp.codelens.run() find them.
---
--- 0.12 asks a client without a buffer whether it is one to draw, and with a buffer when it runs a
--- lens. That a client is switched off (`enable(false, { client_id = ... })`) does not do: it is
--- forgotten at the next `enable(true, { bufnr = ... })`, as many have it in their LspAttach.
--- @param client vim.lsp.Client
function M.take_over(client)
  if not vim.lsp.codelens.enable then -- 0.11 runs what is saved (`ask`)
    client.server_capabilities.codeLensProvider = nil
    return
  end
  local supports = getmetatable(client).__index.supports_method
  --- @diagnostic disable-next-line: redundant-parameter
  client.supports_method = function(self, method, buf)
    return (method ~= 'textDocument/codeLens' or buf ~= nil) and supports(self, method, buf)
  end
end

local function show(buf, it)
  api.nvim_buf_clear_namespace(buf, ns, 0, -1)
  if not M.on or not require('waitline.config').get().codeLens.enable then
    return
  end
  local rows = {} --- @type table<integer, lsp.CodeLens[]>
  for _, lens in ipairs(it.lenses) do
    local row = lens.range.start.line
    rows[row] = rows[row] or {}
    table.insert(rows[row], lens)
  end
  for row, lenses in pairs(rows) do
    local chunks = { { (' '):rep(indent(buf, row)) } }
    for i, lens in ipairs(lenses) do
      if i > 1 then
        chunks[#chunks + 1] = { SEPARATOR, 'WaitlineLensSeparator' }
      end
      chunks[#chunks + 1] = { lens.command and lens.command.title or '', 'WaitlineLens' }
    end
    pcall(api.nvim_buf_set_extmark, buf, ns, row, 0, {
      virt_lines = { chunks },
      virt_lines_above = true,
      right_gravity = true,
      invalidate = true,
      undo_restore = false,
    })
  end
end

M.layer = layer.new({
  ns = ns,
  quiet = 250,
  method = 'textDocument/codeLens',
  params = function(buf)
    return { textDocument = { uri = vim.uri_from_bufnr(buf) } }
  end,
  fresh = function()
    return { lenses = {} }
  end,
  show = function(buf, lenses, client)
    local it = drawn[buf]
    it.lenses = lenses or {}
    if not vim.lsp.codelens.enable then -- 0.11 runs what is saved; later ones ask when it is run
      vim.lsp.codelens.save(it.lenses, buf, client.id)
    end
    show(buf, it)
  end,
})
drawn = M.layer.kept

--- Draws all anew, after settings changed.
function M.again()
  for buf, it in pairs(drawn) do
    show(buf, it)
  end
end

function M.toggle()
  M.on = not M.on
  M.again()
  return M.on
end

return M

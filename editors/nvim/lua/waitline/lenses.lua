--- Figures above functions, `go` statements, regions and tasks: the server's code lenses.
---
--- Drawn here and not by vim.lsp.codelens, which keeps one mark per line for all servers of a
--- buffer: what the slower of two answers stays hidden until the next edit. They are run by
--- vim.lsp.codelens.run() like all others.
local M = {}

local api = vim.api
local ns = api.nvim_create_namespace('waitline.lenses')
local QUIET = 250 -- ms after the last edit
local SEPARATOR = ' | '

--- @class waitline.Lenses
--- @field client integer
--- @field asked integer
--- @field timer uv.uv_timer_t
--- @field lenses lsp.CodeLens[]
local drawn = {} --- @type table<integer, waitline.Lenses>

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

function M.ask(buf)
  local it = drawn[buf]
  local client = it and vim.lsp.get_client_by_id(it.client)
  if not it or not client or not api.nvim_buf_is_loaded(buf) then
    return
  end
  it.asked = it.asked + 1
  local asked, tick = it.asked, api.nvim_buf_get_changedtick(buf)
  local params = { textDocument = { uri = vim.uri_from_bufnr(buf) } }
  require('waitline.server').request('textDocument/codeLens', params, function(lenses)
    if drawn[buf] ~= it or it.asked ~= asked or not api.nvim_buf_is_loaded(buf) then
      return
    end
    if api.nvim_buf_get_changedtick(buf) ~= tick then
      return M.later(buf)
    end
    it.lenses = lenses or {}
    if not vim.lsp.codelens.enable then -- 0.11 runs what is saved; later ones ask when it is run
      vim.lsp.codelens.save(it.lenses, buf, client.id)
    end
    show(buf, it)
  end, { client = client, buf = buf, on_error = function() end })
end

function M.later(buf)
  local it = drawn[buf]
  if it then
    it.timer:start(
      QUIET,
      0,
      vim.schedule_wrap(function()
        M.ask(buf)
      end)
    )
  end
end

--- @param client vim.lsp.Client
function M.attach(client, buf)
  local it = drawn[buf]
  if it then
    it.client = client.id
    return M.ask(buf)
  end
  it = { client = client.id, asked = 0, timer = assert(vim.uv.new_timer()), lenses = {} }
  drawn[buf] = it
  api.nvim_buf_attach(buf, false, {
    on_lines = function(_, b)
      if drawn[b] ~= it then
        return true
      end
      M.later(b)
    end,
    on_reload = function(_, b)
      M.later(b)
    end,
    on_detach = function(_, b)
      if drawn[b] == it then
        it.timer:close()
        drawn[b] = nil
      end
    end,
  })
  M.ask(buf)
end

function M.detach(buf)
  local it = drawn[buf]
  if it then
    drawn[buf] = nil
    it.timer:close()
    if api.nvim_buf_is_valid(buf) then
      api.nvim_buf_clear_namespace(buf, ns, 0, -1)
    end
  end
end

function M.sweep(id)
  for buf, it in pairs(drawn) do
    if it.client == id then
      M.detach(buf)
    end
  end
end

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

--- Something that the server tells of whole buffers and that is drawn there: figures, lenses.
---
--- It is asked for when a server comes to a buffer and when nobody has typed for a moment. Of several
--- answers only the newest counts, and only for the text that it was asked for. It goes with the
--- server.
local M = {}

local api = vim.api

--- @class waitline.Drawn what one buffer has of a layer
--- @field client integer
--- @field timer uv.uv_timer_t
--- @field asked integer counts requests: only the newest answer counts

--- @class waitline.Layer.Spec
--- @field ns integer the namespace of its marks
--- @field quiet integer how long after the last edit the server is asked again, in ms
--- @field method string
--- @field params fun(buf: integer): table
--- @field show fun(buf: integer, answer: any, client: vim.lsp.Client)
--- @field fresh fun(): table what a buffer has at first, beside the fields of `waitline.Drawn`
--- Lines `first` to `last` became `first` to `new_last`.
--- @field on_lines? fun(buf: integer, first: integer, last: integer, new_last: integer)

--- @class waitline.Layer
--- @field kept table<integer, any> by buffer
--- @field private spec waitline.Layer.Spec
local Layer = {}
Layer.__index = Layer

--- @param spec waitline.Layer.Spec
--- @return waitline.Layer
function M.new(spec)
  return setmetatable({ spec = spec, kept = {} }, Layer)
end

--- Asks the server what stands in a buffer.
--- @param buf integer
function Layer:ask(buf)
  local it = self.kept[buf]
  local client = it and vim.lsp.get_client_by_id(it.client)
  if not it or not client or not api.nvim_buf_is_loaded(buf) then
    return
  end
  it.asked = it.asked + 1
  local asked, tick = it.asked, api.nvim_buf_get_changedtick(buf)
  require('waitline.server').request(self.spec.method, self.spec.params(buf), function(answer)
    if self.kept[buf] ~= it or it.asked ~= asked or not api.nvim_buf_is_loaded(buf) then
      return
    end
    if api.nvim_buf_get_changedtick(buf) ~= tick then
      return self:later(buf)
    end
    self.spec.show(buf, answer, client)
  end, { client = client, buf = buf, on_error = function() end })
end

--- Asks when nobody has typed for a moment.
--- @param buf integer
function Layer:later(buf)
  local it = self.kept[buf]
  if it then
    it.timer:start(
      self.spec.quiet,
      0,
      vim.schedule_wrap(function()
        self:ask(buf)
      end)
    )
  end
end

--- @param client vim.lsp.Client
--- @param buf integer
function Layer:attach(client, buf)
  local it = self.kept[buf]
  if it then
    it.client = client.id
    return self:ask(buf)
  end
  it = vim.tbl_extend('error', self.spec.fresh(), { client = client.id, asked = 0, timer = assert(vim.uv.new_timer()) })
  self.kept[buf] = it
  api.nvim_buf_attach(buf, false, {
    on_lines = function(_, b, _, first, last, new_last)
      if self.kept[b] ~= it then
        return true
      end
      if self.spec.on_lines then
        self.spec.on_lines(b, first, last, new_last)
      end
      self:later(b)
    end,
    on_reload = function(_, b)
      if self.kept[b] == it then
        api.nvim_buf_clear_namespace(b, self.spec.ns, 0, -1)
        for key, value in pairs(self.spec.fresh()) do
          it[key] = value
        end
        self:later(b)
      end
    end,
    on_detach = function(_, b)
      if self.kept[b] == it then
        it.timer:close()
        self.kept[b] = nil
      end
    end,
  })
  self:ask(buf)
end

--- @param buf integer
function Layer:detach(buf)
  local it = self.kept[buf]
  if it then
    self.kept[buf] = nil
    it.timer:close()
    if api.nvim_buf_is_valid(buf) then
      api.nvim_buf_clear_namespace(buf, self.spec.ns, 0, -1)
    end
  end
end

--- Takes away what a server that is gone has drawn.
--- @param id integer
function Layer:sweep(id)
  for buf, it in pairs(self.kept) do
    if it.client == id then
      self:detach(buf)
    end
  end
end

return M

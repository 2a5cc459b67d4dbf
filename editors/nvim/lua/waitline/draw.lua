--- Figures at the ends of lines.
---
--- The server says what stands on which line of a whole buffer (`waitline/lineCosts`); it is kept
--- as a table that follows the edits. An extmark is made when its line comes onto the screen, and
--- Neovim moves it from then on. So a long file costs what is seen of it.
---
---   answer ──> costs, by line ──(on_lines)──> moved, or dropped where the text differs
---                    └────────(on_win)─────> an extmark for each line that is drawn
local config = require('waitline.config')
local layer = require('waitline.layer')

local M = {}

local api = vim.api
local ns = api.nvim_create_namespace('waitline.lines')

local SIGNS = { '▏', '▎', '▍', '▌' }
local STYLES = {
  costly = 'WaitlineCostly',
  through = 'WaitlineThrough',
  idle = 'WaitlineIdle',
  plain = 'WaitlinePlain',
}

--- @class waitline.Figures: waitline.Drawn
--- @field costs waitline.Cost[] by rising line
--- By buffer.
--- @type table<integer, waitline.Figures>
local drawn = {}

--- Whether figures are shown at all (`:Waitline toggle`).
M.on = true

--- The index of the first cost at or below a line.
local function first_at(costs, line)
  local low, high = 1, #costs + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if costs[middle].line < line then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

--- What is written behind a line.
--- @param cost waitline.Cost
function M.text(cost)
  local most = config.get().annotations.maxLength
  local others = cost.others and cost.others ~= vim.NIL and ' · ' .. cost.others
  -- That others wait for a line says more than the tail of its own waits.
  local texts = { cost.text }
  if others then
    local first = cost.hint:match('^(.-) · ') or cost.hint
    texts = { cost.text .. others, cost.hint .. others, first .. others, cost.text }
  end
  for _, text in ipairs(texts) do
    if vim.fn.strdisplaywidth(text) <= most then
      return text
    end
  end
  return vim.fn.strdisplaywidth(cost.hint) <= most and cost.hint or vim.fn.strcharpart(cost.hint, 0, most - 1) .. '…'
end

--- @param cost waitline.Cost
local function mark(buf, cost)
  local options = config.get()
  local extmark = {
    id = cost.mark,
    hl_mode = 'combine',
    invalidate = true,
    undo_restore = false,
    priority = 9, -- below diagnostics: an error is more than a cost
  }
  if options.annotations.enable then
    local group = cost.state == 'doubtful' and 'WaitlineStale' or STYLES[cost.style] or STYLES.plain
    extmark.virt_text = { { '  ' }, { M.text(cost), group } }
    extmark.virt_text_pos = options.annotations.position == 'rightAlign' and 'right_align' or 'eol'
  end
  if cost.heat > 0 and options.heat.enable then
    local group = 'WaitlineHeat' .. cost.heat
    extmark.sign_text = SIGNS[cost.heat]
    extmark.sign_hl_group = group
    extmark.number_hl_group = group
  end
  local ok, id = pcall(api.nvim_buf_set_extmark, buf, ns, cost.line, 0, extmark)
  cost.mark = ok and id or nil
end

local function unmark(buf, cost)
  if cost.mark then
    api.nvim_buf_del_extmark(buf, ns, cost.mark)
    cost.mark = nil
  end
end

api.nvim_set_decoration_provider(ns, {
  on_win = function(_, _, buf, top, bottom)
    local it = drawn[buf]
    if not it or not M.on then
      return false
    end
    local costs = it.costs
    for i = first_at(costs, top), #costs do
      local cost = costs[i]
      if cost.line > bottom then
        break
      elseif not cost.mark then
        mark(buf, cost)
      end
    end
    return false
  end,
})

--- @return waitline.Cost[] what is known of a buffer, by rising line
function M.costs(buf)
  local it = drawn[buf == 0 and api.nvim_get_current_buf() or buf]
  return it and it.costs or {}
end

local function redraw(buf)
  if api.nvim__redraw then
    api.nvim__redraw({ buf = buf, valid = false })
  end
end

--- Takes the place of what was drawn.
--- @param costs waitline.Cost[]
function M.show(buf, costs)
  local it = drawn[buf]
  if not it then
    return
  end
  api.nvim_buf_clear_namespace(buf, ns, 0, -1)
  table.sort(costs, function(a, b)
    return a.line < b.line
  end)
  for _, cost in ipairs(costs) do
    cost.source = api.nvim_buf_get_lines(buf, cost.line, cost.line + 1, false)[1]
  end
  it.costs = costs
  redraw(buf)
end

--- Lines `first` to `last` became lines `first` to `new_last`.
local function changed(buf, first, last, new_last)
  local it = drawn[buf]
  local shift = new_last - last
  local kept, now = {}, nil
  for _, cost in ipairs(it.costs) do
    local within = cost.line >= first and cost.line < last
    if within then
      now = now or api.nvim_buf_get_lines(buf, first, new_last, false)
      -- The same text in the same place, or, where lines came or went, from the other end.
      local from_top, from_end = cost.line - first, cost.line + shift - first
      if now[from_top + 1] == cost.source then
        unmark(buf, cost)
        kept[#kept + 1] = cost
      elseif shift ~= 0 and from_end >= 0 and now[from_end + 1] == cost.source then
        unmark(buf, cost)
        cost.line = cost.line + shift
        kept[#kept + 1] = cost
      else
        unmark(buf, cost)
      end
    else
      if cost.line >= last then
        cost.line = cost.line + shift
      end
      kept[#kept + 1] = cost
    end
  end
  table.sort(kept, function(a, b)
    return a.line < b.line
  end)
  it.costs = kept
end

M.layer = layer.new({
  ns = ns,
  quiet = 150,
  method = 'waitline/lineCosts',
  params = function(buf)
    return { uri = vim.uri_from_bufnr(buf) }
  end,
  fresh = function()
    return { costs = {} }
  end,
  show = function(buf, answer)
    M.show(buf, answer and answer.lines or {})
  end,
  on_lines = changed,
})
drawn = M.layer.kept

--- Draws all anew, after settings or colours changed.
function M.again()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'waitline' })) do
    require('waitline.attach').own_signs(client)
  end
  for buf, it in pairs(drawn) do
    for _, cost in ipairs(it.costs) do
      cost.mark = nil
    end
    api.nvim_buf_clear_namespace(buf, ns, 0, -1)
    redraw(buf)
  end
end

--- Shows or hides all figures. Returns what holds then.
function M.toggle()
  M.on = not M.on
  M.again()
  return M.on
end

return M

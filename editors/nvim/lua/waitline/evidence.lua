--- What is known of a line: the hover's words, and in full who called, who woke, and what was
--- really waited for.
local float = require('waitline.float')
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

local ROWS = 8

--- A table of rows with a head, each row leading to its place.
--- @param it waitline.Float
local function section(it, head, rows)
  if #rows == 0 then
    return
  end
  float.add(it, '')
  local cells = { head }
  for i, row in ipairs(rows) do
    if i <= ROWS then
      cells[#cells + 1] = row.cells
    end
  end
  for i, line in ipairs(text.columns(cells)) do
    float.add(it, line, i == 1 and 'WaitlineLabel' or nil, i > 1 and rows[i - 1].place or nil)
  end
  if #rows > ROWS then
    float.add(it, ('  and %d more'):format(#rows - ROWS), 'WaitlineLabel')
  end
end

--- @param site table the answer of `waitline/site`
--- @return waitline.Float
function M.compose(site)
  local it = float.new()
  local foot
  for _, paragraph in ipairs(vim.split(site.text, '\n\n', { plain = true })) do
    -- Wakers and callers stand below with all their figures.
    local lines = vim.tbl_filter(function(line)
      return not line:find('^woken from') and not line:find('^called from')
    end, vim.split(paragraph, '\n', { plain = true }))
    if #lines > 0 then
      if foot then
        float.add(it, '')
      end
      foot = true
      for i, line in ipairs(lines) do
        float.add(it, line, i == 1 and #it.lines > 0 and line:find('^Waiting') and 'WaitlineTitle' or nil)
      end
    end
  end
  if it.lines[1] and #it.marks == 0 then
    it.marks[1] = { line = 1, from = 0, to = #it.lines[1], group = 'WaitlineTitle' }
  end
  local function origin(place)
    return {
      cells = { '  ' .. text.origin(place), text.duration(place.ns), text.count(place.n) .. '×' },
      place = place,
    }
  end
  section(it, { 'called from', '', '' }, vim.tbl_map(origin, site.callers or {}))
  section(it, { 'woken from', '', '' }, vim.tbl_map(origin, site.wakers or {}))
  local whole = 0
  for _, blame in ipairs(site.blame or {}) do
    whole = whole + blame.ns
  end
  section(
    it,
    { 'really waited for', '', '' },
    vim.tbl_map(function(blame)
      local what = blame.func and ('  %s, %s'):format(text.origin(blame), blame.what) or '  ' .. blame.what
      return { cells = { what, text.duration(blame.ns), text.percent(blame.ns, whole) }, place = blame }
    end, site.blame or {})
  )
  float.add(it, '')
  float.add(it, ':Waitline worst · waker · stacks · reveal · copy', 'WaitlineLabel')
  return it
end

--- Shows the evidence for a line of the current buffer, from 0 (default: the cursor's).
--- @param line? integer
function M.show(line)
  local at = server.here()
  at.line = line or at.line
  server.request('waitline/site', at, function(site)
    if not site then
      local shown = require('waitline.state').of(0)
      return text.say(shown and 'the trace has nothing on this line' or 'there is no trace (:Waitline load)')
    end
    require('waitline.highlight').setup()
    float.open(M.compose(site), text.func(site.func))
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- Puts the evidence into a register, as Markdown.
function M.copy(register)
  local at = server.here()
  server.request('waitline/site', at, function(site)
    if not site then
      return text.say('the trace has nothing on this line')
    end
    local name = ('%s:%d'):format(vim.fn.fnamemodify(vim.uri_to_fname(at.uri), ':.'), at.line + 1)
    local block = ('`%s` `%s`\n\n%s\n'):format(name, site.func, site.markdown)
    vim.fn.setreg(register, block)
    if register == '"' then
      pcall(vim.fn.setreg, '+', block)
    end
    text.say('the evidence for ' .. name .. ' is in register ' .. register)
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- The lens's command: `{uri, line, now}`, of which `now` is the buffer's line, null if it was
--- edited away.
function M.of_lens(command, ctx)
  local at = command.arguments and command.arguments[1] or {}
  local line = at.now == nil and at.line or at.now
  if type(line) ~= 'number' then
    return text.say('that line was edited away')
  end
  server.request('waitline/site', { uri = at.uri, line = line }, function(site)
    if not site then
      -- What opens a region or a task often costs nothing itself: the server says what is known.
      local client = server.client(ctx and ctx.bufnr)
      if client then
        client:request(
          'workspace/executeCommand',
          { command = command.command, arguments = command.arguments },
          function() end
        )
      end
      return
    end
    require('waitline.highlight').setup()
    float.open(M.compose(site), text.func(site.func))
  end, { buf = ctx and ctx.bufnr })
end

return M

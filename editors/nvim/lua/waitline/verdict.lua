--- A person's word on what the waiting of a line is.
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

--- @param ctx waitline.Context
function M.set(ctx)
  local verdict = not ctx.bang and (ctx.args[1] or 'idle') or vim.NIL
  local buf = vim.api.nvim_get_current_buf()
  local uri = vim.uri_from_bufnr(buf)
  local lines = { vim.api.nvim_win_get_cursor(0)[1] - 1 }
  if ctx.line1 then
    -- Of a range: those that have figures.
    lines = {}
    for _, cost in ipairs(require('waitline.draw').costs(buf)) do
      if cost.line + 1 >= ctx.line1 and cost.line + 1 <= ctx.line2 then
        lines[#lines + 1] = cost.line
      end
    end
    if #lines == 0 then
      return text.say('none of these lines has figures')
    end
  end
  local kept, first = false, nil
  local function go(i)
    local function on(problem)
      if lines[i + 1] then
        return go(i + 1)
      elseif not kept then
        return text.say(problem, vim.log.levels.WARN)
      end
      local more = #lines > 1 and (' (and so on, %d lines)'):format(#lines) or ''
      text.say((first or 'kept in .waitline.toml') .. more)
    end
    server.request('waitline/setVerdict', { uri = uri, line = lines[i], verdict = verdict }, function(shown, client)
      first = first or shown and shown.said
      if shown then
        require('waitline.state').set(client.id, shown)
      end
      kept = true
      on()
    end, {
      buf = buf,
      -- Some lines of a range have figures and nothing that could be judged: the cases of a select.
      on_error = function(err)
        on(err.message)
      end,
    })
  end
  go(1)
end

return M

--- The timeline: as text in a window, or as a page in a browser.
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

--- How often a server is asked whether its index is ready, in ms.
local POLL = 200

--- Calls back when the timeline can be asked.
--- @param client vim.lsp.Client
--- @param on_info fun(info: table)
local function when_ready(client, on_info, polls)
  server.request('waitline/timelineInfo', nil, function(info)
    if not info then
      text.say('there is no trace (:Waitline load)', vim.log.levels.WARN)
    elseif info.ready == false then
      polls = (polls or 0) + 1
      if polls == 3 then -- sooner it is no news
        text.say('the timeline is being made')
      end
      vim.defer_fn(function()
        when_ready(client, on_info, polls)
      end, POLL)
    else
      on_info(info)
    end
  end, { client = client })
end

--- Shows it.
--- @param at? { uri?: string, line?: integer, t0?: integer, t1?: integer, g?: integer }
function M.open(at)
  at = at or {}
  local client = server.need()
  if not client then
    return
  end
  if at.uri and at.line and not at.g then
    return M.reveal(at)
  end
  when_ready(client, function(info)
    local view = require('waitline.timeline.view')
    view.show(client, info)
    if at.g and at.t0 then
      require('waitline.timeline.select').select({ g = at.g, start = at.t0, ['end'] = at.t1 or at.t0 })
    elseif at.t0 and at.t1 then
      view.go(at.t0, at.t1)
    else
      view.draw()
    end
  end)
end

--- Draws an open one anew, after what is shown changed.
function M.again(client)
  when_ready(client, function(info)
    local view = require('waitline.timeline.view')
    if view.window() then
      local win = vim.api.nvim_get_current_win()
      view.show(client, info)
      view.draw()
      vim.api.nvim_set_current_win(win)
    end
  end)
end

--- Shows the waits of a line, the one with this number first (1 is the longest).
--- @param at { uri: string, line: integer }
function M.reveal(at, number)
  local client = server.need()
  if not client then
    return
  end
  when_ready(client, function(info)
    local wanted = { uri = at.uri, line = at.line, rank = (number or 1) - 1 }
    server.request('waitline/instance', wanted, function(wait)
      if not wait then
        return text.say('the trace has no such wait on this line')
      end
      local view = require('waitline.timeline.view')
      view.show(client, info)
      local selected = require('waitline.timeline.select')
      selected.take_line(at.uri, at.line)
      selected.instance(number or 1)
      -- A page in the browser shows the same line.
      local page = { command = 'waitline.reveal', arguments = { { uri = at.uri, line = at.line } } }
      server.request('workspace/executeCommand', page, function() end, { client = client, on_error = function() end })
    end, { client = client })
  end)
end

--- A span was selected in a page: selects it here, too, if the timeline is open. The focus stays.
--- @param span waitline.Span
--- @param id integer the server that says so
function M.follow(span, id)
  local view = package.loaded['waitline.timeline.view']
  local it = view and view.window() and view.view()
  if it and it.client.id == id then
    require('waitline.timeline.select').follow(span)
  end
end

--- The longest wait of the cursor's line; `rank` 0 is the longest.
function M.worst(rank)
  M.reveal(server.here(), rank + 1)
end

--- `:Waitline timeline`, and with `!` the page.
function M.command(in_browser)
  if not in_browser then
    return M.open()
  end
  local at = vim.bo.buftype == '' and server.here() or {}
  local argument = next(at) and at or vim.empty_dict()
  server.request(
    'workspace/executeCommand',
    { command = 'waitline.timeline', arguments = { argument } },
    function() end
  )
end

return M

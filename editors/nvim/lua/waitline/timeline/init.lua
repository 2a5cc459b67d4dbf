--- The timeline as text.
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

--- The longest wait of the cursor's line; `rank` 0 is the longest.
function M.worst(rank)
  server.request('waitline/instance', vim.tbl_extend('force', server.here(), { rank = rank }), function(wait)
    if not wait then
      return text.say('the trace has no such wait on this line')
    end
    text.say(('G%d waited %s from %s'):format(wait.g, text.duration(wait.ns), text.duration(wait.start)))
  end, { buf = vim.api.nvim_get_current_buf() })
end

function M.open() end
function M.reveal() end
function M.command() end

return M

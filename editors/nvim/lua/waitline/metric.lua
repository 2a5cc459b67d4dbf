--- What lines show and are coloured by (`:Waitline metric`). The server draws the consequences.
local config = require('waitline.config')
local text = require('waitline.text')

local M = {}

local function set(name)
  config.choose_metric(name)
  text.say(('lines show %s (metric %s)'):format(config.metric_words(name), name))
  vim.cmd.redrawstatus({ bang = true })
end

--- @param name? string without one a person chooses
function M.choose(name)
  if not name then
    local now = config.get().metric
    return vim.ui.select(config.METRICS, {
      prompt = 'What lines show',
      kind = 'waitline.metric',
      format_item = function(metric)
        return ('%s%s: %s'):format(metric[1], metric[1] == now and ' (now)' or '', metric[3])
      end,
    }, function(metric)
      if metric then
        set(metric[1])
      end
    end)
  end
  for _, metric in ipairs(config.METRICS) do
    if metric[1] == name then
      return set(name)
    end
  end
  local names = vim.tbl_map(function(metric)
    return metric[1]
  end, config.METRICS)
  text.say(("there is no metric '%s' (there are %s)"):format(name, table.concat(names, ', ')), vim.log.levels.WARN)
end

return M

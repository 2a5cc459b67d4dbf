-- :Telescope waitline hot | findings | goroutines. In `hot`, <C-w> narrows to the wakers of the
-- chosen line and <C-s> to its callers.
local ok, telescope = pcall(require, 'telescope')
if not ok then
  error('the waitline extension needs telescope.nvim')
end

local text = require('waitline.text')

--- A picker over rows of `waitline.lists`.
--- @param rows waitline.Row[]
local function pick(title, rows, opts, keys)
  local pickers, finders = require('telescope.pickers'), require('telescope.finders')
  local conf = require('telescope.config').values
  local columns = text.columns(vim.tbl_map(function(row)
    return row.cells
  end, rows))
  pickers
    .new(opts, {
      prompt_title = title,
      finder = finders.new_table({
        results = vim.tbl_map(function(i)
          return { row = rows[i], line = columns[i] }
        end, vim.fn.range(1, #rows)),
        entry_maker = function(item)
          local place = item.row.place
          local at = text.place(place) or ''
          local line = ('%s %s  %s'):format(at, item.row.kind or '', item.line)
          return {
            value = item.row,
            display = line,
            ordinal = line,
            filename = place.uri and vim.uri_to_fname(place.uri) or place.file,
            lnum = place.line and place.line + 1 or place.recorded,
          }
        end,
      }),
      sorter = conf.generic_sorter(opts),
      previewer = conf.grep_previewer(opts),
      attach_mappings = function(prompt, map)
        for key, open in pairs(keys or {}) do
          map({ 'i', 'n' }, key, function()
            local entry = require('telescope.actions.state').get_selected_entry()
            require('telescope.actions').close(prompt)
            if entry then
              open(entry.value)
            end
          end)
        end
        return true
      end,
    })
    :find()
end

--- Wakers or callers of a line.
local function origins(which, opts)
  return function(row)
    local at = { uri = row.place.uri, line = row.place.line }
    require('waitline.server').request('waitline/site', at, function(site)
      local rows = {}
      for _, origin in ipairs(site and site[which] or {}) do
        if origin.func then
          rows[#rows + 1] = {
            place = origin,
            cells = { text.duration(origin.ns), text.count(origin.n) .. '×', text.func(origin.func) },
          }
        end
      end
      if #rows == 0 then
        return text.say('none is known')
      end
      pick(which == 'wakers' and 'Woken from' or 'Called from', rows, opts)
    end)
  end
end

local function hot(opts)
  opts = opts or {}
  require('waitline.server').request('waitline/hotspots', { limit = 200 }, function(answer)
    if not answer then
      return text.say('there is no trace (:Waitline load)')
    end
    local lists = require('waitline.lists')
    pick((lists.hot_title(answer):gsub('^h', 'H')), lists.hot_rows(answer), opts, {
      ['<C-w>'] = origins('wakers', opts),
      ['<C-s>'] = origins('callers', opts),
    })
  end)
end

--- A list whose rows may lead nowhere: only those that lead somewhere.
local function of(method, title, rows)
  return function(opts)
    require('waitline.server').request(method, nil, function(answer)
      if not answer then
        return text.say('there is no trace (:Waitline load)')
      end
      pick(
        title,
        vim.tbl_filter(function(row)
          return row.place and row.place.uri ~= nil
        end, rows(answer)),
        opts or {}
      )
    end)
  end
end

return telescope.register_extension({
  exports = {
    waitline = hot,
    hot = hot,
    findings = of('waitline/findings', 'Findings', function(answer)
      return require('waitline.lists').finding_rows(answer)
    end),
    goroutines = of('waitline/goroutines', 'Goroutines', function(answer)
      return require('waitline.lists').goroutine_rows(answer)
    end),
  },
})

-- :Telescope waitline hot | findings | goroutines. In `hot`, <C-w> leads to the wakers of the chosen
-- line and <C-s> to its callers, in the same picker and on from there; <C-o> leads back.
local ok, telescope = pcall(require, 'telescope')
if not ok then
  error('the waitline extension needs telescope.nvim')
end

local text = require('waitline.text')

--- @param rows waitline.Row[]
local function finder_of(rows)
  local columns = text.columns(vim.tbl_map(function(row)
    return row.cells
  end, rows))
  return require('telescope.finders').new_table({
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
  })
end

--- A picker over rows of `waitline.lists`. `keys` lead from a row to other rows, which take the place
--- of these in the same picker; `<C-o>` leads back.
--- @param rows waitline.Row[]
--- @param keys? table<string, fun(row: waitline.Row, show: fun(title: string, rows: waitline.Row[]))>
local function pick(title, rows, opts, keys)
  local conf = require('telescope.config').values
  local before = {} --- @type { title: string, finder: table }[]
  local function put(picker, new_title, finder)
    title = new_title
    picker:refresh(finder, { reset_prompt = true })
    if picker.prompt_border and picker.prompt_border.change_title then
      picker.prompt_border:change_title(title)
    end
  end
  require('telescope.pickers')
    .new(opts, {
      prompt_title = title,
      finder = finder_of(rows),
      sorter = conf.generic_sorter(opts),
      previewer = conf.grep_previewer(opts),
      attach_mappings = function(prompt, map)
        local state = require('telescope.actions.state')
        for key, lead in pairs(keys or {}) do
          map({ 'i', 'n' }, key, function()
            local entry, picker = state.get_selected_entry(), state.get_current_picker(prompt)
            if entry then
              lead(entry.value, function(new_title, new_rows)
                if vim.api.nvim_buf_is_valid(prompt) then
                  before[#before + 1] = { title = title, finder = picker.finder }
                  put(picker, new_title, finder_of(new_rows))
                end
              end)
            end
          end)
        end
        map({ 'i', 'n' }, '<C-o>', function()
          local last = table.remove(before)
          if last then
            put(state.get_current_picker(prompt), last.title, last.finder)
          end
        end)
        return true
      end,
    })
    :find()
end

--- Wakers or callers of a line.
local function origins(which)
  return function(row, show)
    local at = { uri = row.place.uri, line = row.place.line }
    if not at.uri or not at.line then
      return text.say('that line is not in the workspace')
    end
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
      show(('%s: %s'):format(which == 'wakers' and 'Woken from' or 'Called from', text.place(row.place)), rows)
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
    pick(
      (lists.hot_title(answer):gsub('^h', 'H')),
      lists.hot_rows(answer),
      opts,
      { ['<C-w>'] = origins('wakers'), ['<C-s>'] = origins('callers') }
    )
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

--- Quickfix lists: hot lines, stacks, goroutines, findings, recorded folders without a file.
local server = require('waitline.server')
local text = require('waitline.text')

local M = {}

--- A row of a list.
--- @class waitline.Row
--- @field place? waitline.Place
--- @field kind? string what stands behind the line number
--- @field cells string[]

--- The first column of a line that holds text, from 1.
local function column(path, line)
  local buf = vim.fn.bufnr(path)
  local content
  if buf ~= -1 and vim.api.nvim_buf_is_loaded(buf) then
    content = vim.api.nvim_buf_get_lines(buf, line, line + 1, false)[1]
  elseif vim.uv.fs_stat(path) then
    content = vim.fn.readfile(path, '', line + 1)[line + 1]
  end
  return content and #content:match('^%s*') + 1 or 1
end

--- The text of quickfix lines, in columns (|quickfixtextfunc|).
--- @return string[]
function M.textfunc(info)
  local list = info.quickfix == 1 and vim.fn.getqflist({ id = info.id, items = 0 })
    or vim.fn.getloclist(info.winid, { id = info.id, items = 0 })
  local rows = vim.tbl_map(function(item)
    return type(item.user_data) == 'table' and item.user_data.cells or { item.text }
  end, list.items)
  local columns = text.columns(rows)
  local heads, width = {}, 0
  for i, item in ipairs(list.items) do
    local data = type(item.user_data) == 'table' and item.user_data or {}
    local name = item.bufnr > 0 and vim.fs.basename(vim.api.nvim_buf_get_name(item.bufnr)) or (data.where or '')
    local kind = data.kind and data.kind ~= '' and ' ' .. data.kind or ''
    local number = item.lnum > 0 and tostring(item.lnum) or ''
    heads[i] = item.valid == 1 and ('%s|%s%s|'):format(name, number, kind) or (data.where or '')
    width = math.max(width, vim.fn.strdisplaywidth(heads[i]))
  end
  local lines = {}
  for i = info.start_idx, info.end_idx do
    lines[#lines + 1] = (text.pad(heads[i], width) .. ' ' .. columns[i]):gsub('%c', ' '):gsub('%s+$', '')
  end
  return lines
end

--- @param title string
--- @param rows waitline.Row[]
--- @param own? boolean the window's own list in place of the one list
function M.set(title, rows, own)
  local items = vim.tbl_map(function(row)
    local place = row.place or {}
    local path = place.uri and place.line and vim.uri_to_fname(place.uri) or nil
    return {
      filename = path,
      lnum = path and place.line + 1 or 0,
      col = path and column(path, place.line) or 0,
      text = table.concat(row.cells, '  '),
      valid = path and 1 or 0,
      user_data = { cells = row.cells, kind = row.kind, where = not path and (text.place(place) or '') or nil },
    }
  end, rows)
  local what = {
    title = 'Waitline: ' .. title,
    items = items,
    context = { waitline = true },
    quickfixtextfunc = "v:lua.require'waitline.lists'.textfunc",
  }
  local height = math.max(1, math.min(#items, 12))
  if own then
    vim.fn.setloclist(0, {}, ' ', what)
    vim.cmd('lopen ' .. height)
  else
    vim.fn.setqflist({}, ' ', what)
    vim.cmd('botright copen ' .. height)
  end
  vim.wo.wrap = false
end

local function nothing(answer, words)
  if not answer then
    text.say('there is no trace (:Waitline load)', vim.log.levels.WARN)
  else
    text.say(words)
  end
end

--- The tail of a part: its 99th percentile, of few its longest.
--- @param part waitline.Part
local function tail(part)
  if part.n >= 100 and part.n > part.open then
    return 'p99 ' .. text.duration(part.p99)
  end
  return part.longest and 'max ' .. text.duration(part.longest.ns) or '–'
end

--- @param answer table of `waitline/hotspots`
function M.hot_title(answer)
  local words = require('waitline.config').metric_words(answer.metric)
  return ('hot lines, of %s %s'):format(text.duration(answer.counted), words)
end

--- The hot lines as rows.
--- @param answer table of `waitline/hotspots`
--- @return waitline.Row[]
function M.hot_rows(answer)
  return vim.tbl_map(function(line)
    return {
      place = line,
      kind = line.kind,
      part = line,
      cells = {
        text.duration(line.ns),
        text.count(line.n) .. '×',
        tail(line),
        line.counted > 0 and text.percent(line.counted, answer.counted) or line.verdict or '–',
        vim.trim(line.source or ''),
      },
    }
  end, answer.lines)
end

--- `:Waitline hot`
function M.hot(scope, own)
  local params = { limit = 200, uri = scope == 'file' and vim.uri_from_bufnr(0) or nil }
  server.request('waitline/hotspots', params, function(answer)
    if not answer or #answer.lines == 0 then
      return nothing(answer, scope == 'file' and 'nothing of this file waits' or 'nothing in the workspace waits')
    end
    M.set(M.hot_title(answer), M.hot_rows(answer), own)
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- The lines that others wait for as rows, under each those that do.
--- @param answer table of `waitline/hotspots`
--- @return waitline.Row[]
function M.behind_rows(answer)
  local rows = {}
  for _, line in ipairs(answer.behind or {}) do
    local behind = line.behind
    rows[#rows + 1] = {
      place = line,
      kind = behind.ends[1] and behind.ends[1].what,
      cells = {
        text.duration(behind.ns),
        text.percent(behind.ns, math.max(answer.costly, 1)),
        vim.trim(line.source or ''),
      },
    }
    for _, held in ipairs(behind.waits) do
      rows[#rows + 1] = {
        place = held,
        kind = held.kind,
        cells = { '  ' .. text.duration(held.ns), '  ' .. text.percent(held.ns, behind.ns), '' },
      }
    end
  end
  return rows
end

--- `:Waitline behind`
function M.behind(own)
  server.request('waitline/hotspots', { limit = 200 }, function(answer)
    if not answer or #(answer.behind or {}) == 0 then
      return nothing(answer, 'nothing costly ends at another line')
    end
    local title = ('others wait for these lines, of %s costly'):format(text.duration(answer.costly))
    M.set(title, M.behind_rows(answer), own)
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- `:Waitline stacks`: for each stack a line with its figures, then its frames.
function M.stacks(own)
  local name = ('%s:%d'):format(vim.fn.expand('%:t'), vim.api.nvim_win_get_cursor(0)[1])
  server.request('waitline/stacks', server.here(), function(answer)
    if not answer or #answer.stacks == 0 then
      return nothing(require('waitline.state').of(0), 'the trace has nothing on this line')
    end
    local rows = {}
    for _, stack in ipairs(answer.stacks) do
      rows[#rows + 1] =
        { cells = { ('%s %s · %s×'):format(stack.kind, text.duration(stack.ns), text.count(stack.n)) } }
      for _, frame in ipairs(stack.frames) do
        rows[#rows + 1] = { place = frame, cells = { '  ' .. text.func(frame.func) } }
      end
    end
    M.set('stacks of ' .. name, rows, own)
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- @param answer table of `waitline/goroutines`
--- @return waitline.Row[]
function M.goroutine_rows(answer)
  return vim.tbl_map(function(group)
    local life = math.max(group.life, 1)
    return {
      place = group,
      cells = {
        text.count(group.started) .. ' started',
        text.count(group.aliveAtMost) .. ' alive at most',
        'life p50 ' .. (group.ended > 0 and text.duration(group.lifeP50) or '–'),
        text.percent(group.waiting, life) .. ' waiting',
        text.percent(group.running, life) .. ' running',
        group.still > 0 and text.count(group.still) .. ' still there at the end' or '',
        text.func(group.runs or group.func),
      },
    }
  end, answer.groups)
end

--- `:Waitline goroutines`: the `go` statements, or that of the cursor's line.
function M.goroutines(here, own)
  server.request('waitline/goroutines', here and server.here() or nil, function(answer)
    if not answer or #answer.groups == 0 then
      return nothing(answer, here and 'no goroutine of the trace was started on this line' or 'no goroutines')
    end
    M.set('goroutines, by waiting', M.goroutine_rows(answer), own)
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- @param answer table of `waitline/findings`
--- @return waitline.Row[]
function M.finding_rows(answer)
  local rows = {}
  for _, finding in ipairs(answer.findings) do
    rows[#rows + 1] = { place = finding, kind = finding.severity, cells = { finding.code .. ': ' .. finding.message } }
    for _, sentence in ipairs(finding.detail) do
      rows[#rows + 1] = { cells = { '  ' .. sentence } }
    end
    for _, other in ipairs(finding.related) do
      rows[#rows + 1] = { place = other, cells = { '  ' .. other.text } }
    end
  end
  return rows
end

--- `:Waitline findings`
function M.findings(own)
  server.request('waitline/findings', nil, function(answer)
    if not answer or #answer.findings == 0 then
      return nothing(answer, 'no findings')
    end
    M.set(('%d finding%s'):format(#answer.findings, #answer.findings == 1 and '' or 's'), M.finding_rows(answer), own)
  end, { buf = vim.api.nvim_get_current_buf() })
end

--- `:Waitline map`: where waiting is that no file of the workspace stands for.
function M.map()
  server.request('waitline/unmapped', nil, function(answer)
    if not answer or #answer.prefixes == 0 then
      return nothing(answer, 'every recorded folder with waiting in it is in the workspace')
    end
    local float = require('waitline.float')
    local it = float.new()
    float.add(it, 'Recorded folders that are not in the workspace', 'WaitlineTitle')
    float.add(it, '')
    local rows = vim.tbl_map(function(row)
      return { text.percent(row.ns, row.of), text.duration(row.ns), row.prefix }
    end, vim.list_slice(answer.prefixes, 1, 20))
    for _, line in ipairs(text.columns(rows)) do
      float.add(it, line)
    end
    float.add(it, '')
    local rules = answer.rules or {}
    if #rules > 0 then
      float.add(it, 'Rules for the setting substitutePath that find most of it', 'WaitlineTitle')
      float.add(it, '')
      for _, rule in ipairs(rules) do
        float.add(it, ('{ from = %q, to = %q }'):format(rule.from, rule.to))
        local found = ('  finds %s in %d file%s'):format(
          text.percent(rule.ns, rule.of),
          rule.files,
          rule.files == 1 and '' or 's'
        )
        float.add(it, found, 'WaitlineLabel')
      end
    else
      float.add(it, 'If it is your own code: open Neovim in the folder that holds it.', 'WaitlineLabel')
    end
    float.open(it, 'map')
  end, { buf = vim.api.nvim_get_current_buf() })
end

return M

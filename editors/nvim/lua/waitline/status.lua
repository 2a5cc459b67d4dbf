--- What is going on: status, log, restart, and what a report of a problem should say.
local server = require('waitline.server')
local state = require('waitline.state')
local text = require('waitline.text')

local M = {}

local function log_file()
  return vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
end

--- @param client vim.lsp.Client
local function version_of(client)
  return vim.tbl_get(client, 'server_info', 'version') or '?'
end

function M.show()
  local float = require('waitline.float')
  local it = float.new()
  local client = server.client()
  if not client then
    local path, how = server.find()
    float.add(it, 'The server is not running', 'WaitlineTitle')
    float.add(
      it,
      path and ('It is %s (by %s) and starts with a Go file.'):format(vim.fn.fnamemodify(path, ':~'), how) or how
    )
    float.open(it, 'waitline')
    return
  end
  local shown = state.get(client.id)
  if shown then
    float.add(it, shown.summary, 'WaitlineTitle')
    local rows = {
      { 'trace', vim.fn.fnamemodify(shown.trace, ':~') },
      {
        'costly',
        ('%s, %s on average'):format(
          text.duration(shown.costly),
          text.number(shown.costly / math.max(shown.duration, 1))
        ),
      },
      { 'events', text.count(shown.events) },
      { 'findings', shown.findings == 0 and 'none' or shown.findings .. ' (:Waitline findings)' },
    }
    local metric = require('waitline.config').get().metric
    if metric ~= 'impact' then
      rows[#rows + 1] = { 'metric', metric .. ' (:Waitline metric impact ends it)' }
    end
    if shown.range then
      rows[#rows + 1] = { 'range', '◔ ' .. state.range(shown.range) .. ' (:Waitline range! ends it)' }
    end
    if shown.partial then
      rows[#rows + 1] = { 'partial', shown.partial }
    end
    for _, line in ipairs(text.columns(rows)) do
      float.add(it, line)
    end
  else
    float.add(it, 'No trace', 'WaitlineTitle')
    float.add(it, 'Load a trace to see where this program waits (:Waitline load, latest, record).')
  end
  float.add(it, '')
  float.add(
    it,
    ('server %s, root %s'):format(version_of(client), vim.fn.fnamemodify(client.root_dir or '', ':~')),
    'WaitlineLabel'
  )
  float.open(it, 'waitline')
end

function M.log()
  vim.cmd.split(vim.fn.fnameescape(log_file()))
  vim.bo.readonly = true
  vim.cmd('normal! G')
end

function M.restart()
  local attach = require('waitline.attach')
  local clients = vim.lsp.get_clients({ name = 'waitline' })
  for _, client in ipairs(clients) do
    attach.remember(client)
    attach.expect_end(client.id)
    client:stop()
  end
  local waited = 0
  local function start()
    local alive = #vim.lsp.get_clients({ name = 'waitline' }) > 0
    if alive and waited < 5000 then
      waited = waited + 50
      if waited == 2000 then
        for _, client in ipairs(vim.lsp.get_clients({ name = 'waitline' })) do
          client:stop(true)
        end
      end
      return vim.defer_fn(start, 50)
    end
    attach.start()
  end
  start()
end

--- A buffer with what a report should say; nothing is sent anywhere.
function M.bug()
  local client = server.client()
  local path, how = server.find()
  local shown = client and state.get(client.id)
  local version = vim.version()
  local lines = {
    '<!-- Look through this before you publish it: it names paths and a trace. -->',
    '',
    '**What I did, what I saw, what I expected**',
    '',
    '',
    '',
    '**Versions**',
    '',
    ('- Neovim %d.%d.%d, %s'):format(version.major, version.minor, version.patch, vim.uv.os_uname().sysname),
    ('- waitline %s, found by %s'):format(
      client and version_of(client) or (path and 'not running' or 'not found'),
      how
    ),
    ('- other servers of this buffer: %s'):format(table.concat(
      vim.tbl_map(
        function(c)
          return c.name
        end,
        vim.tbl_filter(function(c)
          return c.name ~= 'waitline'
        end, vim.lsp.get_clients({ bufnr = 0 }))
      ),
      ', '
    )),
    ('- trace: %s'):format(
      shown
          and ('%s, %s events%s'):format(
            shown.summary,
            text.count(shown.events),
            shown.partial and ', ' .. shown.partial or ''
          )
        or 'none'
    ),
    ('- settings: `%s`'):format(vim.inspect(require('waitline.config').given(), { newline = ' ', indent = '' })),
    '',
    '**The end of the log** (`:Waitline log`)',
    '',
    '```',
  }
  local log = log_file()
  local tail = vim.uv.fs_stat(log) and vim.fn.readfile(log, '', -200) or {}
  tail = vim.tbl_filter(function(line)
    return line:find('waitline', 1, true) ~= nil
  end, tail)
  vim.list_extend(lines, vim.list_slice(tail, math.max(1, #tail - 19)))
  lines[#lines + 1] = '```'
  vim.cmd.new()
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile, vim.bo.filetype = 'nofile', 'wipe', false, 'markdown'
  lines = vim.tbl_map(function(line)
    return (line:gsub('\n', ' '))
  end, lines)
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
end

return M

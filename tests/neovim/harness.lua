-- For specs that look at what stands on the screen. run.sh starts one Neovim per spec.
--
-- What differs between the versions of Neovim stands here and nowhere else, so that a spec reads
-- the same for all of them.
local M = {}

local data = vim.fs.normalize(vim.fn.fnamemodify(vim.env.WAITLINE_TESTDATA, ':p')):gsub('/$', '')
M.programs = vim.uv.fs_realpath(data .. '/programs')
M.traces = vim.uv.fs_realpath(data .. '/traces')

local has_methods = vim.fn.has('nvim-0.11') == 1 -- of clients; before, functions

--- Every error that Neovim or the server has shown and that the spec has not asked for.
local errors = {}
--- How often the server asked for a new look, by method.
M.refreshes = {}

local function say(what)
  io.stdout:write('   ok  ', what, '\n')
end

-- The server ----------------------------------------------------------------------------------

--- Starts the server for the current buffer, and shows what it gives.
--- @param init table initializationOptions
--- @return vim.lsp.Client
function M.start(init)
  local handlers = {}
  for _, method in ipairs({ 'workspace/inlayHint/refresh', 'workspace/codeLens/refresh' }) do
    local own = vim.lsp.handlers[method]
    if own then -- 0.10 does not know the one for lenses, and must not announce that it does
      handlers[method] = function(...)
        M.refreshes[method] = (M.refreshes[method] or 0) + 1
        return own(...)
      end
    end
  end
  local buf = vim.api.nvim_get_current_buf()
  local id = assert(vim.lsp.start({
    name = 'waitline',
    cmd = { vim.env.WAITLINE, 'lsp' },
    root_dir = M.programs,
    init_options = init,
    handlers = handlers,
  }, { bufnr = buf }))
  M.wait('the server attaches', function()
    local client = vim.lsp.get_client_by_id(id)
    return client and client.initialized and vim.lsp.buf_is_attached(buf, id)
  end)
  vim.lsp.inlay_hint.enable(true, { bufnr = buf })
  if vim.lsp.codelens.enable then -- 0.12
    vim.lsp.codelens.enable(true, { bufnr = buf })
  else
    M.look_again(buf)
  end
  return assert(vim.lsp.get_client_by_id(id))
end

--- Asks for lenses and hints again, as a user of this version does. 0.10 has no refresh of lenses,
--- and keeps old hints after a refresh as long as the text is the same (0.12 does so now and then).
function M.look_again(buf)
  if not vim.lsp.codelens.enable then
    vim.lsp.codelens.refresh({ bufnr = buf })
  end
  if vim.lsp.inlay_hint.is_enabled({ bufnr = buf }) then
    vim.lsp.inlay_hint.enable(false, { bufnr = buf })
    vim.lsp.inlay_hint.enable(true, { bufnr = buf })
  end
end

--- Sends a command of the server and gives back the error of its answer, if there is one.
function M.command(buf, command, arguments)
  local answers = assert(
    vim.lsp.buf_request_sync(
      buf,
      'workspace/executeCommand',
      { command = command, arguments = arguments },
      20000
    ),
    command .. ' was not answered'
  )
  local answer = answers[next(answers)]
  return answer and (answer.err or answer.error)
end

-- The plugin ----------------------------------------------------------------------------------

--- Opens a file of the programs as a user of the plugin does, with settings, and waits for the
--- server.
--- @param file string below the programs, or a whole path
--- @param options? table as `vim.g.waitline`; the server is the one under test
--- @return vim.lsp.Client, integer
function M.open(file, options)
  vim.g.waitline = vim.tbl_deep_extend('force', { server = { path = vim.env.WAITLINE }, trace = { autoLoad = 'off' } }, options or {})
  if package.loaded['waitline.config'] then
    require('waitline.config').forget()
  end
  vim.cmd.edit(file:sub(1, 1) == '/' and file or M.programs .. '/' .. file)
  local buf = vim.api.nvim_get_current_buf()
  M.wait('the server attaches to ' .. vim.fs.basename(file), function()
    local client = vim.lsp.get_clients({ bufnr = buf, name = 'waitline' })[1]
    return client and client.initialized
  end)
  return vim.lsp.get_clients({ bufnr = buf, name = 'waitline' })[1], buf
end

--- Whether this Neovim has the plugin; the specs of the plugin end here where it has not.
function M.needs_plugin()
  if vim.fn.has('nvim-0.11') == 0 then
    io.stdout:write('   left out: the plugin needs 0.11 (old_spec.lua looks at what it says)\n')
    vim.cmd('qall!')
  end
end

--- What was said since the last call, as messages.
local said = {}

--- Waits for a message that holds a text, and gives it back.
function M.said(what)
  local found
  M.wait('a message: ' .. what, function()
    for i, message in ipairs(said) do
      if message:find(what, 1, true) then
        found = table.remove(said, i)
        return true
      end
    end
  end)
  return found
end

--- Types keys, as a person does.
function M.keys(keys)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), 'xt', false)
end

-- The screen ----------------------------------------------------------------------------------

--- The rows of the screen as text.
function M.rows()
  vim.cmd.redraw()
  local rows = {}
  for row = 1, vim.o.lines do
    local cells = {}
    for column = 1, vim.o.columns do
      cells[column] = vim.fn.screenstring(row, column)
    end
    rows[row] = (table.concat(cells):gsub('%s+$', ''))
  end
  return rows
end

--- Whether the text stands anywhere on the screen.
function M.sees(text)
  for _, row in ipairs(M.rows()) do
    if row:find(text, 1, true) then
      return true
    end
  end
  return false
end

--- The screen's row of a line of the buffer, found by the line number at its left, behind a sign: so this is what
--- a person would call the line, with what is drawn behind it.
function M.row(lnum)
  for _, row in ipairs(M.rows()) do
    if tonumber(row:gsub('^[▏▎▍▌]+', ' '):match('^%s*%a?%s*(%d+) ')) == lnum then
      return row
    end
  end
  return ''
end

--- Whether the text stands on the row of that line.
function M.row_has(lnum, text)
  return M.row(lnum):find(text, 1, true) ~= nil
end

--- What is drawn where a text stands on the row of a line: the colour of its first cell (a number),
--- and whether it is slanted.
function M.colour(lnum, text)
  for at, row in ipairs(M.rows()) do
    if tonumber(row:gsub('^[▏▎▍▌]+', ' '):match('^%s*%a?%s*(%d+) ')) == lnum then
      local from = row:find(text, 1, true)
      if from then
        local column = vim.fn.strdisplaywidth(row:sub(1, from - 1))
        local attributes = vim.api.nvim__inspect_cell(1, at - 1, column)[2] or {}
        return attributes.foreground, attributes.italic
      end
    end
  end
end

--- The foreground that a highlight group has.
function M.group(name)
  return vim.api.nvim_get_hl(0, { name = name, link = false }).fg
end

--- Brings a line near the top of the screen. Lenses stand above a line, so some rows are left.
function M.top(lnum)
  vim.fn.winrestview({ lnum = lnum, topline = math.max(1, lnum - 4), col = 0 })
end

--- The text of all floating windows.
function M.floats()
  local text = {}
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(win).relative ~= '' then
      vim.list_extend(text, vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, false))
    end
  end
  return table.concat(text, '\n')
end

function M.close_floats()
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(win).relative ~= '' then
      vim.api.nvim_win_close(win, true)
    end
  end
end

-- Checks --------------------------------------------------------------------------------------

--- Waits until the condition holds, and fails after `ms`. A minute: the machine may be busy, and what is left of a
--- server that was killed may be with the kernel for half of that, until it has closed its watch of files.
function M.wait(what, condition, ms)
  if not vim.wait(ms or 60000, condition, 30) then
    error('not seen: ' .. what, 2)
  end
  say(what)
end

--- As `wait`, but asks for lenses and hints again once a second: for what this version of Neovim does
--- not redraw by itself.
function M.wait_looking(buf, what, condition)
  for _ = 1, 20 do
    if vim.wait(1000, condition, 30) then
      return say(what)
    end
    M.look_again(buf)
  end
  error('not seen: ' .. what, 2)
end

function M.check(what, holds, shown)
  if not holds then
    error(what .. (shown and (': ' .. vim.inspect(shown)) or ''), 2)
  end
  say(what)
end

--- The errors that were shown up to now. The spec wanted them, so they no longer count.
function M.take_errors()
  local taken = errors
  errors = {}
  if vim.v.errmsg ~= '' then
    taken[#taken + 1] = vim.v.errmsg
    vim.v.errmsg = ''
  end
  return taken
end

--- Runs a spec; ends Neovim with 0 when it holds, else with 1 and what was on the screen.
function M.run(spec)
  if vim.v.vim_did_enter == 0 then
    -- A person works in a Neovim that has started.
    vim.api.nvim_create_autocmd('VimEnter', {
      once = true,
      callback = function()
        vim.schedule(function()
          M.run(spec)
        end)
      end,
    })
    return
  end
  vim.o.columns, vim.o.lines = 110, 60
  vim.o.number, vim.o.wrap, vim.o.swapfile, vim.o.more = true, false, false, false
  local notify = vim.notify
  vim.notify = function(message, level, ...)
    -- An error within a callback reaches nobody else.
    said[#said + 1] = tostring(message)
    if level == vim.log.levels.ERROR then
      errors[#errors + 1] = message
      return
    end
    return notify(message, level, ...)
  end

  local ok, problem = xpcall(spec, debug.traceback)
  local drawn, rows = pcall(M.rows)
  -- A Neovim that ends while it tells its servers to end may be killed by a closed pipe.
  for _, client in ipairs(vim.lsp.get_clients()) do
    if has_methods then
      client:stop(true)
    else
      client.stop(true)
    end
  end
  vim.wait(5000, function()
    return #vim.lsp.get_clients() == 0
  end, 20)
  if ok then
    local left = M.take_errors()
    ok, problem = #left == 0, 'errors were shown: ' .. table.concat(left, '\n')
  end
  if not ok then
    io.stdout:write('   ', problem, '\n', drawn and table.concat(rows, '\n') or '', '\n')
    io.stdout:write('messages: ', vim.fn.execute('messages'), '\n')
  end
  vim.cmd(ok and 'qall!' or 'cquit 1')
end

return M

-- The page in a real browser beside the text timeline: what is selected in one is selected in the
-- other, and a page that is not there costs nothing.
local h = require('harness')
h.needs_plugin()

--- Starts a browser at an address. `ask(request)` sends it a line and gives back its answer.
local function browser(address)
  local answers, problem, code = {}, '', nil
  local rest = ''
  local job = vim.fn.jobstart(
    { 'node', vim.fs.dirname(vim.env.WAITLINE_PLUGIN) .. '/../tests/neovim/page.mjs', address },
    {
      on_stdout = function(_, data)
        data[1] = rest .. data[1]
        rest = table.remove(data)
        vim.list_extend(answers, data)
      end,
      on_stderr = function(_, data)
        problem = problem .. table.concat(data, '\n')
      end,
      on_exit = function(_, exit)
        code = exit
      end,
    }
  )
  local function answer()
    vim.wait(60000, function()
      return #answers > 0 or code ~= nil
    end, 20)
    if #answers == 0 then
      return nil, code, problem
    end
    return vim.json.decode(table.remove(answers, 1))
  end
  local function ask(request)
    vim.fn.chansend(job, vim.json.encode(request) .. '\n')
    return answer()
  end
  return ask, answer, job
end

h.run(function()
  if vim.fn.executable('node') == 0 then
    io.stdout:write('   skipped: there is no node to drive a browser with\n')
    return
  end
  vim.o.columns, vim.o.lines = 140, 50
  local _, buf = h.open('webmix/db.go', { trace = { file = h.traces .. '/g126/webmix.trace' } })
  h.top(69)
  h.wait('figures', function()
    return h.row_has(70, 'chan 444 ms')
  end)
  local source = vim.api.nvim_get_current_win()

  local opened
  vim.ui.open = function(path)
    opened = path
    return {
      wait = function()
        return { code = 0 }
      end,
    }
  end
  vim.cmd('Waitline timeline!')
  h.wait('the page is opened', function()
    return opened ~= nil
  end)
  local launch = table.concat(vim.fn.readfile((opened:gsub('^file://', ''))), '\n')
  local address = launch:match('http://127%.0%.0%.1:%d+/#[^"<%s]+'):gsub('&amp;', '&')
  local ask, answer, job = browser(address)
  local ready, code, problem = answer()
  if code == 75 then
    io.stdout:write('   skipped: ' .. vim.trim(problem) .. '\n')
    return
  end
  h.check('in a browser', ready == 'ready', { code, problem })
  local function selection()
    return ask({
      value = '(() => { const s = waitlineProbe.app.selection; return s && { g: s.g, lane: s.lane, start: s.start } })()',
    })
  end

  local view = require('waitline.timeline.view')
  local function foot(n)
    local it = view.view()
    return it and vim.api.nvim_buf_get_lines(it.buf, -4, -1, false)[n] or ''
  end

  -- Neovim leads.
  vim.api.nvim_set_current_win(source)
  vim.api.nvim_win_set_cursor(0, { 70, 1 })
  vim.cmd('Waitline worst')
  h.wait('the longest wait in the text timeline', function()
    return foot(2):find('^G15 waits 1.93 ms') ~= nil
  end, 60000)
  h.wait('is selected in the page', function()
    local s = selection()
    return s and s ~= vim.NIL and s.g == 15 and s.start == 16331840
  end)
  h.keys('u')
  h.wait('u goes to the waker', function()
    return foot(2):find('^G308 ') ~= nil
  end)
  h.wait('and so does the page', function()
    local s = selection()
    return s ~= vim.NIL and s.g == 308
  end)
  h.check(
    'which has its lane in view',
    ask({ value = "document.querySelector('.panel, aside')?.textContent.includes('G308') === true" }) == true
  )

  -- The page leads: keys, as a person presses them.
  vim.api.nvim_win_set_cursor(source, { 1, 0 })
  ask({ press = 'ArrowRight' })
  local s = selection()
  h.wait('→ in the page goes on along the goroutine, and the text timeline follows', function()
    s = selection()
    local slice = view.view().slice
    return s ~= vim.NIL and slice and slice.g == s.g and slice.start == s.start and view.view().chosen
  end)
  h.check('it is another span than before', s.g == 308, s)
  local own = vim.api.nvim_get_current_win()
  ask({ press = 'n' })
  h.wait('the next longest of its line, too', function()
    local now = selection()
    local slice = view.view().slice
    return now ~= vim.NIL and now.start ~= s.start and slice and slice.start == now.start
  end)
  h.check('the focus stays', vim.api.nvim_get_current_win() == own)
  h.wait('and the code shows the line beside', function()
    return vim.api.nvim_win_get_buf(source) == buf and vim.api.nvim_win_get_cursor(source)[1] > 1
  end)

  -- Back and forth without end is what must not be: afterwards it is quiet.
  local asked = 0
  local client = vim.lsp.get_clients({ name = 'waitline' })[1]
  local request = client.request
  client.request = function(self, method, ...)
    asked = asked + (method == 'waitline/select' and 1 or 0)
    return request(self, method, ...)
  end
  vim.wait(1000, function()
    return false
  end)
  client.request = request
  h.check('then it is quiet', asked == 0, asked)
  vim.api.nvim_set_current_win(own)
  h.keys('q')
  ask({ press = 'n' })
  vim.wait(500, function()
    return false
  end)
  h.check('a timeline that is closed stays so', view.window() == nil)
  vim.fn.jobstop(job)
end)

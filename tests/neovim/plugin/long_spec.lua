-- A file of 20,000 lines with 2,000 figures: what drawing costs, and that only what is seen is drawn.
local h = require('harness')
h.needs_plugin()

local LINES, EVERY = 20000, 10

h.run(function()
  h.open('webmix/db.go')
  local lines = {}
  for i = 1, LINES do
    lines[i] = ('\tx%d()'):format(i)
  end
  vim.cmd.enew()
  local buf = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  local draw = require('waitline.draw')
  local client = vim.lsp.get_clients({ name = 'waitline' })[1]
  draw.layer:attach(client, buf)
  vim.wait(300, function()
    return false
  end)

  local function costs()
    local list = {}
    for line = 0, LINES - 1, EVERY do
      list[#list + 1] = {
        line = line,
        hint = 'chan 444 ms · 974×',
        text = ('chan %d ms · 974× · p99 1.25 ms'):format(line),
        style = line % 30 == 0 and 'idle' or 'costly',
        heat = line % 30 == 0 and 0 or line % 4 + 1,
        costly = 1,
      }
    end
    return list
  end
  local function marks()
    return #vim.api.nvim_buf_get_extmarks(buf, vim.api.nvim_get_namespaces()['waitline.lines'], 0, -1, {})
  end
  local function timed(what, f)
    local least = math.huge
    for _ = 1, 5 do
      local start = vim.uv.hrtime()
      f()
      least = math.min(least, (vim.uv.hrtime() - start) / 1e6)
    end
    io.stdout:write(('       %s: %.2f ms\n'):format(what, least))
    return least
  end

  local taken = timed('2,000 figures taken', function()
    draw.show(buf, costs())
  end)
  vim.cmd.redraw()
  h.check('those on the screen are drawn', h.row_has(11, 'chan 10 ms'))
  h.check('and no others', marks() <= vim.o.lines, marks())
  local first = timed('the first redraw', function()
    draw.show(buf, costs())
    vim.cmd('redraw!')
  end)
  local all = timed('all of them, page by page', function()
    draw.show(buf, costs())
    for top = 1, LINES, vim.o.lines do
      vim.fn.winrestview({ topline = top, lnum = top })
      vim.cmd.redraw()
    end
  end)
  h.check('all 2,000 are marks now', marks() == LINES / EVERY, marks())
  -- The same pages without figures: the rest is Neovim's own.
  draw.show(buf, {})
  local bare = timed('the same pages without figures', function()
    for top = 1, LINES, vim.o.lines do
      vim.fn.winrestview({ topline = top, lnum = top })
      vim.cmd.redraw()
    end
  end)
  io.stdout:write(('       a mark: %.4f ms\n'):format((all - bare) / 2000))

  draw.show(buf, costs())
  local edit = timed('a line above all of them', function()
    vim.api.nvim_buf_set_lines(buf, 0, 0, false, { '// new' })
  end)
  vim.fn.winrestview({ topline = 1, lnum = 1 })
  h.check('they moved', h.row_has(16, 'chan 10 ms'), h.rows())
  vim.fn.winrestview({ topline = LINES - 40, lnum = LINES - 40 })
  vim.cmd.redraw()
  h.check('and those below, when they are seen', h.sees('chan 19960 ms'))
  -- Generous: other work runs on the machine; a slip into drawing everything is far above.
  h.check('taking figures is quick', taken < 100, taken)
  h.check('a redraw is quick', first < 150, first)
  h.check('an edit is quick', edit < 60, edit)
end)

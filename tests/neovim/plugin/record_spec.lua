-- `:Waitline record`: the test at the cursor, a running program's address, and what goes wrong.
-- Needs go on PATH, and a server that records.
local h = require('harness')
h.needs_plugin()
if vim.fn.executable('go') == 0 then
  io.stdout:write('   skipped: go is not on PATH\n')
  vim.cmd('qall!')
end

h.run(function()
  local dir = vim.uv.fs_realpath(vim.fn.fnamemodify(vim.fn.tempname(), ':h')) .. '/slow'
  vim.fn.mkdir(dir, 'p')
  vim.fn.writefile({ 'module example.com/slow', '', 'go 1.22' }, dir .. '/go.mod')
  vim.fn.writefile({
    'package slow',
    '',
    'import (',
    '\t"testing"',
    '\t"time"',
    ')',
    '',
    'func TestSleeps(t *testing.T) {',
    '\tdone := make(chan bool)',
    '\tgo func() {',
    '\t\ttime.Sleep(30 * time.Millisecond)',
    '\t\tdone <- true',
    '\t}()',
    '\t<-done',
    '}',
    '',
    'func TestFails(t *testing.T) {',
    '\ttime.Sleep(20 * time.Millisecond)',
    '\tt.Fatal("on purpose")',
    '}',
    '',
    'func helper() {}',
  }, dir .. '/slow_test.go')
  vim.env.GOTOOLCHAIN, vim.env.GOPROXY, vim.env.GOFLAGS = 'local', 'off', '-mod=mod'
  h.open(dir .. '/slow_test.go')

  vim.api.nvim_win_set_cursor(0, { 22, 3 })
  vim.cmd('Waitline record test')
  h.said('the cursor is in no test')
  vim.api.nvim_win_set_cursor(0, { 6, 0 })
  vim.cmd('Waitline record')
  h.said('the cursor is in no test')

  vim.api.nvim_win_set_cursor(0, { 11, 3 })
  vim.cmd('Waitline record test')
  h.said('recording TestSleeps')
  vim.cmd('Waitline record test')
  h.said('a recording is under way')
  h.wait('the trace of the test is shown', function()
    local state = require('waitline').state()
    return state and state.trace:find('TestSleeps', 1, true) ~= nil
  end, 120000)
  h.wait('with its figures', function()
    return h.row(11):find('sleep %d+%.%d ms · 1×') ~= nil and h.row(14):find('chan %d+%.%d ms · 1×') ~= nil
  end)

  vim.api.nvim_win_set_cursor(0, { 18, 3 })
  vim.cmd('Waitline record test')
  h.said('TestFails was recorded: ')
  h.wait('its trace is shown, too', function()
    return require('waitline').state().trace:find('TestFails', 1, true) ~= nil
  end, 60000)

  vim.cmd('Waitline record url http://127.0.0.1:1 1')
  local said = h.said('could not be recorded')
  h.check('an address where nobody answers', said:find('127.0.0.1:1', 1, true) ~= nil, said)
  h.take_errors()
  h.check('the trace before stays', require('waitline').state().trace:find('TestFails', 1, true) ~= nil)
end)

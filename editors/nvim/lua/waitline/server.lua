--- The server: where it is, whether it fits, how it is started, and requests to it.
local config = require('waitline.config')
local text = require('waitline.text')

local M = {}

--- The oldest server that speaks what this plugin asks for (docs/lsp-extensions.md).
M.needs = '0.1.0'

local here = vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p')))
--- The folder of this plugin.
M.plugin = vim.fs.dirname(vim.fs.dirname(here))

--- @return string? path
--- @return string how it was found, or what to do
function M.find()
  local own = vim.tbl_get(vim.lsp, 'config', 'waitline', 'cmd')
  if type(own) == 'table' then
    return vim.fn.exepath(own[1]) ~= '' and vim.fn.exepath(own[1]) or nil, "vim.lsp.config('waitline').cmd"
  end
  local path = config.get().server.path
  if path ~= '' then
    path = vim.fs.normalize(path)
    if vim.fn.executable(path) == 1 then
      return path, 'server.path'
    end
    return nil, ('server.path is %s, and that is no program: build it, or correct the setting'):format(path)
  end
  path = vim.fn.exepath('waitline')
  if path ~= '' then
    return path, 'PATH'
  end
  -- A checkout of the whole project, as plugin managers make it.
  local checkout = vim.fs.dirname(vim.fs.dirname(M.plugin))
  for _, built in ipairs({ vim.env.CARGO_TARGET_DIR or false, checkout .. '/target' }) do
    local binary = built and built .. '/release/waitline' or ''
    if vim.fn.executable(binary) == 1 and vim.uv.fs_stat(checkout .. '/server/waitline') then
      return binary, 'the checkout around this plugin'
    end
  end
  local build = vim.uv.fs_stat(checkout .. '/Cargo.toml')
      and ('cd %s && cargo build --release'):format(vim.fn.fnamemodify(checkout, ':~'))
    or 'cargo build --release in its repository'
  return nil,
    ('the program waitline is not on PATH (%s; then put target/release/waitline on PATH or set server.path)'):format(
      build
    )
end

local versions = {} --- @type table<string, string|false>

--- The version of a program, by running it.
--- @param on_version fun(version: string|false, problem?: string) called when the main loop comes to it
function M.version(path, on_version)
  local stamp = path .. '\0' .. tostring((vim.uv.fs_stat(path) or {}).mtime and vim.uv.fs_stat(path).mtime.sec)
  if versions[stamp] ~= nil then
    return on_version(versions[stamp])
  end
  local function done(out)
    local version = out.code == 0 and (out.stdout or ''):match('^waitline (%d+%.%d+%.%d+)') or false
    versions[stamp] = version
    on_version(version, not version and vim.trim((out.stderr or '') .. (out.stdout or '')):sub(1, 200) or nil)
  end
  local ok, problem = pcall(
    vim.system,
    { path, '--version' },
    { text = true, timeout = 10000 },
    vim.schedule_wrap(done)
  )
  if not ok then
    on_version(false, tostring(problem))
  end
end

--- What is wrong with a version; nil if nothing is.
--- @param version string|false
--- @return string?
function M.misfit(version)
  if not version then
    return 'does not say which version of waitline it is (is it another program of that name?)'
  end
  local is, needs = assert(vim.version.parse(version)), assert(vim.version.parse(M.needs))
  if is < needs then
    return ('is version %s; this plugin needs %s or newer: build it again'):format(version, M.needs)
  elseif is.major > needs.major then
    return ('is version %s; this plugin knows %d only: update the plugin'):format(version, needs.major)
  end
end

local told = {}

--- Says a thing once, not for every Go file that is opened.
local function once(message)
  if not told[message] then
    told[message] = true
    text.say(message .. ' (:checkhealth waitline)', vim.log.levels.WARN)
  end
end

--- Calls back if there is a server to start.
--- @param on_good fun()
function M.check(on_good)
  local path, how = M.find()
  if not path then
    return once(how)
  end
  M.version(path, function(version)
    local misfit = M.misfit(version)
    if misfit then
      return once(path .. ' ' .. misfit)
    end
    on_good()
  end)
end

--- The folder that a Go file belongs to.
local function root_of(buf)
  local name = vim.api.nvim_buf_get_name(buf)
  if name:find('^%a[%w+.-]+://') then
    return nil -- a file of another Git revision, say
  end
  local root = vim.fs.root(buf, 'go.work') or vim.fs.root(buf, 'go.mod') or vim.fs.root(buf, '.git')
  -- A jump into a dependency or Go itself stays with the program that one came from.
  local library = name:find('/pkg/mod/', 1, true) or (root and vim.uv.fs_stat(root .. '/runtime/proc.go'))
  if library then
    local client = vim.lsp.get_clients({ name = 'waitline' })[1]
    return client and client.root_dir or root
  end
  return root or vim.fs.dirname(vim.fs.normalize(name))
end

--- What `vim.lsp.config` takes. What a user configures there comes on top.
--- @return vim.lsp.Config
function M.config()
  require('waitline.attach').setup()
  local refresh = function(_, _, ctx)
    require('waitline.attach').refresh(ctx.client_id)
    return vim.NIL
  end
  return {
    cmd = function(dispatchers)
      local path = M.find()
      local env = config.get().server.extraEnv
      return vim.lsp.rpc.start({ path or 'waitline', 'lsp' }, dispatchers, { env = next(env) and env or nil })
    end,
    filetypes = { 'go' },
    root_dir = function(buf, on_dir)
      local root = root_of(buf)
      if root then
        M.check(function()
          if vim.api.nvim_buf_is_valid(buf) then
            on_dir(root)
          end
        end)
      end
    end,
    capabilities = {
      -- No `commands`: then the server announces its own, and lenses carry them.
      experimental = { decorations = true, hoverDialect = 'plain', timeline = 'text' },
      workspace = { codeLens = { refreshSupport = true } },
    },
    handlers = {
      ['workspace/codeLens/refresh'] = refresh,
      ['waitline/didChangeState'] = function(_, state, ctx)
        require('waitline.state').set(ctx.client_id, state)
      end,
      ['window/showDocument'] = function(err, params, ctx, ...)
        if params.external then
          return vim.lsp.handlers['window/showDocument'](err, params, ctx, ...)
        end
        return require('waitline.jump').show_document(params)
      end,
      ['waitline/openTimeline'] = function(_, at)
        require('waitline.timeline').open(at or {})
      end,
      ['waitline/didSelect'] = function(_, span, ctx)
        require('waitline.timeline').follow(span, ctx.client_id)
      end,
      ['waitline/reveal'] = function(_, at)
        require('waitline.timeline').reveal(at)
      end,
    },
    on_init = function(client)
      require('waitline.lenses').take_over(client)
    end,
    on_exit = function(code, signal, id)
      vim.schedule(function()
        require('waitline.attach').ended(id, code, signal)
      end)
    end,
  }
end

--- The server of a buffer, else any: a list or a timeline has none of its own.
--- @param buf? integer
--- @return vim.lsp.Client?
function M.client(buf)
  local own = vim.lsp.get_clients({ name = 'waitline', bufnr = buf or 0 })[1]
  return own or vim.lsp.get_clients({ name = 'waitline' })[1]
end

--- The server of a buffer, or a message that says what to do.
function M.need(buf)
  local client = M.client(buf)
  if client then
    return client
  end
  local path, how = M.find()
  if not path then
    text.say(how, vim.log.levels.WARN)
  else
    text.say('the server is not running: open a file of the Go program first', vim.log.levels.WARN)
  end
end

--- The protocol's word for: the text changed meanwhile, ask again.
local CONTENT_MODIFIED = -32801

--- What is null in an answer is nil in a table.
local function without_null(value)
  if value == vim.NIL then
    return nil
  elseif type(value) == 'table' then
    for key, inner in pairs(value) do
      if inner == vim.NIL then
        value[key] = nil
      elseif type(inner) == 'table' then
        without_null(inner)
      end
    end
  end
  return value
end

--- Asks the server. Without `on_error` a problem is told.
--- @param method string
--- @param params table?
--- @param on_answer fun(result: any, client: vim.lsp.Client)
--- @param opts? { buf?: integer, client?: vim.lsp.Client, on_error?: fun(err: table), again?: integer }
--- @return boolean sent
function M.request(method, params, on_answer, opts)
  opts = opts or {}
  local client = opts.client or M.need(opts.buf)
  if not client or client:is_stopped() then
    return false
  end
  local buf = opts.buf and vim.lsp.buf_is_attached(opts.buf, client.id) and opts.buf or nil
  local sent = client:request(method, params or vim.empty_dict(), function(err, result)
    if err and err.code == CONTENT_MODIFIED and (opts.again or 0) < 5 then
      vim.defer_fn(function()
        M.request(
          method,
          params,
          on_answer,
          vim.tbl_extend('force', opts, { again = (opts.again or 0) + 1, client = client })
        )
      end, 60)
    elseif err and opts.on_error then
      opts.on_error(err)
    elseif err then
      text.say(err.message, vim.log.levels.WARN)
    else
      on_answer(without_null(result), client)
    end
  end, buf)
  return sent
end

--- Where the cursor is, as requests name it.
--- @return { uri: string, line: integer }
function M.here()
  return { uri = vim.uri_from_bufnr(0), line = vim.api.nvim_win_get_cursor(0)[1] - 1 }
end

return M

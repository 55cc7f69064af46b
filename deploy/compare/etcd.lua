-- etcd's JSON gateway for wrk.
dofile(os.getenv('LUA') .. '/common.lua')

local json = { ['Content-Type'] = 'application/json' }
local encoded = base64(value)

local function post(path, body) return wrk.format('POST', path, json, body) end

local function put(name) return '{"key":"' .. name .. '","value":"' .. encoded .. '"}' end

local fill_batch = 100 -- etcd takes at most 128 operations in a transaction
local filled = tonumber(os.getenv('FROM') or 0)

local requests = {
  put = function() return post('/v3/kv/put', put(base64(random_key()))) end,
  get = function() return post('/v3/kv/range', '{"key":"' .. base64(random_key()) .. '"}') end, -- linearizable is the default
  -- A condition that holds: the value is what every write writes.
  conditional = function()
    local name = base64(random_key())
    return post('/v3/kv/txn', '{"compare":[{"result":"EQUAL","target":"VALUE","key":"' .. name .. '","value":"' .. encoded
      .. '"}],"success":[{"requestPut":' .. put(name) .. '}]}')
  end,
  scan = function()
    local first = math.random(0, keys - 102)
    return post('/v3/kv/range', '{"key":"' .. base64(key(first)) .. '","range_end":"' .. base64(key(first + 100)) .. '","limit":100}')
  end,
  fill = function()
    local puts = {}
    for i = 0, fill_batch - 1 do puts[i + 1] = '{"requestPut":' .. put(base64(key((filled + i) % keys))) .. '}' end
    filled = filled + fill_batch
    return post('/v3/kv/txn', '{"success":[' .. table.concat(puts, ',') .. ']}')
  end,
}

request = requests[work]
response = check_for(({ get = encoded, conditional = '"succeeded":true', scan = '"count":"100"' })[work] or '"revision"')

-- GrainDb's HTTP API for wrk.
dofile(os.getenv('LUA') .. '/common.lua')

local keyspace = '/v1/kv/default/'
local octets = { ['Content-Type'] = 'application/octet-stream' }
local if_there = { ['Content-Type'] = 'application/octet-stream', ['If-Match'] = '*' }

local requests = {
  put = function() return wrk.format('PUT', keyspace .. random_key(), octets, value) end,
  get = function() return wrk.format('GET', keyspace .. random_key()) end,
  -- A condition that holds: the key exists. The exact-version form is measured with loadtool, because wrk cannot remember versions.
  conditional = function() return wrk.format('PUT', keyspace .. random_key(), if_there, value) end,
  scan = function() return wrk.format('GET', '/v1/kv/default?start=' .. random_key(keys - 102) .. '&limit=100') end,
}

request = requests[work]
response = check_for(({ get = #value, scan = '"items":[{' })[work] or '')

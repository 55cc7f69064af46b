-- Shared by graindb.lua and etcd.lua for wrk. From the environment: WORK, what to do; KEYS, how many keys there are (0: one key only);
-- CHECK=1 looks into every answer, which costs the client too much to measure with. The last line that wrk prints is the result.

local alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

work = os.getenv('WORK')
keys = tonumber(os.getenv('KEYS'))
value = string.rep('v', 256)

function base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for digit = 3, 0, -1 do
      local sextet = math.floor(bits / 64 ^ digit) % 64 + 1
      local is_padding = (digit == 1 and not b) or (digit == 0 and not c)
      out[#out + 1] = is_padding and '=' or alphabet:sub(sextet, sextet)
    end
  end
  return table.concat(out)
end

function key(number) return string.format('k%08d', number) end

function random_key(below) return key(keys == 0 and 0 or math.random(0, below or keys - 1)) end

local threads = {}
function setup(thread)
  threads[#threads + 1] = thread
  thread:set('thread_number', #threads)
end

function init() math.randomseed(thread_number * 7919 + os.time()) end

-- wrk itself counts answers from 400 as errors. This counts those without the text, or of another length, than the work must find.
wrong = 0
function check_for(expected)
  if os.getenv('CHECK') ~= '1' then return nil end
  return function(status, headers, body)
    if type(expected) == 'number' and #body ~= expected or type(expected) == 'string' and not body:find(expected, 1, true) then wrong = wrong + 1 end
  end
end

function done(summary, latency, requests)
  local e, wrong = summary.errors, 0
  for _, thread in ipairs(threads) do wrong = wrong + thread:get('wrong') end
  io.write(string.format('rate=%.0f p50=%.3f p99=%.3f errors=%d\n', summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout + wrong))
end

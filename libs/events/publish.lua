-- Appends entries to streams, each only if it stands where the caller believes it does.
-- KEYS: streams, then the hash of replay requests. ARGV for each stream: the expected last id, '1' if
-- the stream may be missing (it then begins after the expected id), the number of entries, and for
-- each entry its id, the id before it and the envelope.
-- Returns for each stream 1 or 0 (nothing was done), its last id now and its length; then the number
-- of replay requests.
local function last_id(key)
  local info = redis.pcall('XINFO', 'STREAM', key)
  if info.err then
    if string.find(info.err, 'no such key', 1, true) then return '0-0' end
    error(info.err)
  end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end

local answer = {}
local at = 1
for i = 1, #KEYS - 1 do
  local key, expected, create, count = KEYS[i], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local last = last_id(key)
  if last == '0-0' and create == '1' and expected ~= '0-0' then
    -- An empty stream that remembers where it begins.
    redis.call('XADD', key, expected, 'p', '', 'e', '')
    redis.call('XDEL', key, expected)
    last = expected
  end
  local done = 0
  if last == expected then
    done = 1
    for n = 0, count - 1 do
      local entry = at + n * 3
      redis.call('XADD', key, ARGV[entry], 'p', ARGV[entry + 1], 'e', ARGV[entry + 2])
      last = ARGV[entry]
    end
  end
  at = at + count * 3
  answer[#answer + 1] = done
  answer[#answer + 1] = last
  answer[#answer + 1] = redis.call('XLEN', key)
end
answer[#answer + 1] = redis.call('HLEN', KEYS[#KEYS])
return answer

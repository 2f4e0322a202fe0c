-- KEYS[1]: the bucket. ARGV: tokens per second, capacity, wanted, now (µs, the caller's clock),
-- '1' to grant less than wanted. Returns granted, remaining (whole tokens), µs until the rest of
-- what was wanted (or, if that exceeds the capacity, a full bucket) is there.
local rate, capacity, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now, partial = tonumber(ARGV[4]), ARGV[5] == '1'
local state = redis.call('HMGET', KEYS[1], 'tokens', 'time')
local tokens, time = tonumber(state[1]) or capacity, tonumber(state[2]) or now
-- A clock that went back gives nothing and takes nothing.
tokens = math.min(capacity, tokens + math.max(0, now - time) * rate / 1e6)
time = math.max(time, now)
-- The sum of many small refills is a hair less than the whole token that it stands for.
local whole = math.floor(tokens + 1e-6)
local granted = 0
if whole >= wanted then
  granted = wanted
elseif partial then
  granted = math.max(0, whole)
end
tokens = tokens - granted
local missing = math.min(wanted - granted, capacity)
local wait = 0
if missing > 0 then wait = math.max(1, math.ceil((missing - tokens) * 1e6 / rate)) end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9g', tokens), 'time', string.format('%.0f', time))
-- A bucket that is full again need not be kept.
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 1000) + 1000)
return {granted, math.max(0, math.floor(tokens + 1e-6)), wait}

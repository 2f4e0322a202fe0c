-- What a SIM (and a chat, a group, a portfolio) may send, counted for all workers.
--
-- KEYS: generation, the SIM's log, its chats, the recipients, then one log per group.
-- ARGV: operation, the caller's generation, now (µs, the caller's clock), and
--   ask: interactive, alone, SIM count, SIM window, chat interval, chat burst, group count, group
--        window, recipient count, recipient window, settling time; then for each recipient: its
--        key, the index of its group's log among KEYS (0: no group), whether it counts as a recipient
--   hold: until, SIM window, chat interval, chat burst, the chat's key ('' for the whole SIM)
--   restore: what one worker let pass that may not be known here: SIM window, group window,
--        recipient window; lists, each after its length: (start, count) of the SIM, the same of
--        each group's key, (chat, its TAT), (recipient, time of the last message)
-- Returns the generation; after it, if it is the caller's, for ask: different recipients in their
-- window, then for each recipient 0 (it passes) or when to ask again (µs).
--
-- Chats: when each will be as if nothing had been sent to it (TAT of the generic cell rate
-- algorithm). A log is a packed list: held until, urgent until, then (start, count) for each hundredth of the
-- window in which something passed. A slot leaves the window when its end does, so that what is
-- counted is never less than what passed in any window.
local operation, known, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local at = 4  -- the next argument
local function text() at = at + 1; return ARGV[at - 1] end
local function number() return tonumber(text()) end

local SLOTS = 100
-- Of a window's count, what bulk leaves to interactive messages, and how long it stays away beyond
-- the time that an interactive one was told to wait for.
local RESERVE, URGENT = 0.1, 100000

-- The generation changes whenever this Redis may have lost something: wiped, or started again.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local generation = redis.call('HMGET', KEYS[1], 'run', 'born')
local born = tonumber(generation[2]) or 0
if generation[1] ~= run then
  born = math.max(now, born + 1)
  redis.call('HSET', KEYS[1], 'run', run, 'born', string.format('%.0f', born))
end
if operation == 'ask' and string.format('%.0f', born) ~= known then return {born} end

local function load(key, window)
  local raw = redis.call('GET', key)
  local packed = raw and cmsgpack.unpack(raw) or {0, 0}
  local log = {key = key, window = window, width = math.max(1, math.floor(window / SLOTS)),
               held = packed[1], urgent = packed[2], slots = {}, used = 0, changed = false}
  for i = 3, #packed, 2 do
    if packed[i] + log.width + window > now then
      table.insert(log.slots, {packed[i], packed[i + 1]})
      log.used = log.used + packed[i + 1]
    end
  end
  return log
end

local function add(log, start, count)
  start = start - start % log.width
  local slots, i = log.slots, #log.slots
  while i > 0 and slots[i][1] > start do i = i - 1 end
  if i > 0 and slots[i][1] == start then
    slots[i][2] = slots[i][2] + count
  else
    table.insert(slots, i + 1, {start, count})
  end
  log.used = log.used + count
  log.changed = true
end

local function save(log)
  if not log.changed then return end
  local packed, last = {log.held, log.urgent}, math.max(now, log.held, log.urgent)
  for _, slot in ipairs(log.slots) do
    table.insert(packed, slot[1])
    table.insert(packed, slot[2])
    last = math.max(last, slot[1])
  end
  local keep = math.ceil((last - now + log.window + log.width) / 1000) + 1000
  redis.call('SET', log.key, cmsgpack.pack(packed), 'PX', keep)
end

-- 0 when one more may pass, else when to ask again.
local function admit(log, count, interactive)
  if now < log.held then return log.held end
  if count == 0 then return 0 end
  if not interactive then
    if now < log.urgent then return log.urgent end
    count = count - math.floor(count * RESERVE)
  end
  if log.used < count then return 0 end
  local left = log.used
  for _, slot in ipairs(log.slots) do
    left = left - slot[2]
    if left < count then
      local free = slot[1] + log.width + log.window
      if interactive then
        log.urgent = math.max(log.urgent, free + URGENT)
        log.changed = true
      end
      return free
    end
  end
  return now + log.window
end

-- Scores of many members (nil: none), and their writing with a time to live.
local function scores(key, members)
  local found = {}
  for from = 1, #members, 1000 do
    local part = redis.call('ZMSCORE', key, unpack(members, from, math.min(from + 999, #members)))
    for i = 1, #part do found[members[from + i - 1]] = tonumber(part[i] or nil) end
  end
  return found
end

local function write(key, changed, greatest, beyond)
  local arguments, last = {}, 0
  for member, score in pairs(changed) do
    table.insert(arguments, string.format('%.0f', score))
    table.insert(arguments, member)
    last = math.max(last, score)
  end
  for from = 1, #arguments, 1000 do
    local part = {unpack(arguments, from, math.min(from + 999, #arguments))}
    if greatest then redis.call('ZADD', key, 'GT', unpack(part)) else redis.call('ZADD', key, unpack(part)) end
  end
  if #arguments == 0 then return end
  local keep = math.ceil((last - now + beyond) / 1000) + 1000
  redis.call('PEXPIRE', key, math.max(keep, redis.call('PTTL', key)))
end

local operations = {}

function operations.ask()
  local interactive, alone = text() == '1', text() == '1'
  local sim_count, sim_window, interval, burst = number(), number(), number(), number()
  local group_count, group_window = number(), number()
  local recipient_count, recipient_window, settling = number(), number(), number()
  local to, groups, counts, members = {}, {}, {}, {}
  while at <= #ARGV do
    table.insert(to, text())
    table.insert(groups, number())
    table.insert(counts, text() == '1')
  end
  local answer = {born, 0}
  if not alone and now < born + settling then
    for i = 1, #to do answer[i + 2] = born + settling end
    return answer
  end
  local sim, logs = load(KEYS[2], sim_window), {}
  for i = 5, #KEYS do logs[i] = load(KEYS[i], group_window) end
  local tats, chats = scores(KEYS[3], to), {}
  local seen, card, recipients, full_until = {}, 0, {}, 0
  if recipient_count > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', now - recipient_window))
    seen, card = scores(KEYS[4], to), redis.call('ZCARD', KEYS[4])
    local oldest = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
    full_until = (tonumber(oldest[2]) or now) + recipient_window
    if not interactive then recipient_count = recipient_count - math.floor(recipient_count * RESERVE) end
  end
  for i, key in ipairs(to) do
    local log, tat = logs[groups[i]], tats[key] or 0
    local counted = counts[i] and recipient_count > 0
    local wait = 0
    if tat > now + (burst - 1) * interval then wait = tat - (burst - 1) * interval end
    if wait == 0 and log then wait = admit(log, group_count, interactive) end
    if wait == 0 and counted and not seen[key] and card >= recipient_count then wait = full_until end
    if wait == 0 then wait = admit(sim, sim_count, interactive) end
    if wait == 0 then
      if sim_count > 0 then add(sim, now, 1) end
      if log and group_count > 0 then add(log, now, 1) end
      if interval > 0 then
        tats[key] = math.max(now, tat) + interval
        chats[key] = tats[key]
      end
      if counted then
        if not seen[key] then card = card + 1 end
        seen[key], recipients[key] = now, now
      end
    end
    answer[i + 2] = wait
  end
  answer[2] = card
  save(sim)
  for _, log in pairs(logs) do save(log) end
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now))
  write(KEYS[3], chats, false, 0)
  write(KEYS[4], recipients, false, recipient_window)
  return answer
end

function operations.hold()
  local till, window, interval, burst, chat = number(), number(), number(), number(), text()
  if chat == '' then
    local log = load(KEYS[2], window)
    log.held, log.changed = math.max(log.held, till), true
    save(log)
  else
    write(KEYS[3], {[chat] = till + (burst - 1) * interval}, true, 0)
  end
  return {born}
end

function operations.restore()
  local sim_window, group_window, recipient_window = number(), number(), number()
  for i = 2, #KEYS do
    if i ~= 3 and i ~= 4 then
      local log = load(KEYS[i], i == 2 and sim_window or group_window)
      for _ = 1, number() do
        local start, count = number(), number()
        add(log, start, count)
      end
      save(log)
    end
  end
  for _, set in ipairs({{KEYS[3], 0}, {KEYS[4], recipient_window}}) do
    local members = {}
    for _ = 1, number() do
      local member = text()
      members[member] = number()
    end
    write(set[1], members, true, set[2])
  end
  return {born}
end

return operations[operation]()

// What a Reader does with a batch: apply, retry, single out, park; and with what was parked.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/events/reader.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

// A batch that was refused so often is handled event by event.
constexpr int kRefusalsOfBatch = 3;
constexpr absl::Duration kMinBackoff = absl::Milliseconds(10);
constexpr absl::Duration kMaxBackoff = absl::Seconds(5);
// Of a tick: dead events may wait, the living may not.
constexpr absl::Duration kReplayTime = absl::Milliseconds(200);

// Errors that time cures: the event is not to blame.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

absl::Duration Backoff(int failures) {
  return std::min(kMaxBackoff, kMinBackoff * (1 << std::min(failures - 1, 16)));
}

// A handler that throws must not end the process: it would do so again after the restart.
absl::Status Call(const Handler& handler, storage::Transaction& tx,
                  const std::vector<Event>& batch) {
  try {
    return handler(tx, batch);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
}

}  // namespace

bool Reader::HandleReady() {
  bool any = false;
  for (;;) {
    const std::vector<Partition*> shared = Share();
    if (shared.empty() || stop_.IsSet()) break;
    HandleShared(shared);
    any = true;
  }
  for (auto& [number, partition] : owned_) {
    if (stop_.IsSet()) break;
    if (partition.events.empty() || absl::Now() < partition.not_before) continue;
    Handle(partition);
    any = true;
  }
  return any;
}

// Partitions that can share a transaction: no trouble with any of them, and a batch's worth of
// events or less, unless it is one.
std::vector<Reader::Partition*> Reader::Share() {
  std::vector<Partition*> shared;
  size_t count = 0;
  for (auto& [number, partition] : owned_) {
    const bool trouble = partition.failures > 0 || partition.offset_unknown ||
                         partition.offset < partition.single_until;
    if (partition.events.empty() || trouble) continue;
    if (!shared.empty() && count + partition.events.size() > batch_) continue;
    count += partition.events.size();
    shared.push_back(&partition);
  }
  return shared;
}

void Reader::HandleShared(const std::vector<Partition*>& partitions) {
  std::vector<Event> batch;
  std::vector<Offsets::Step> steps;
  std::vector<size_t> counts;
  for (Partition* partition : partitions) {
    steps.push_back({partition->number, partition->stored, partition->events.back().id});
    counts.push_back(partition->events.size());
    std::move(partition->events.begin(), partition->events.end(), std::back_inserter(batch));
  }
  const Outcome outcome = Apply(batch, steps);
  auto next = batch.begin();
  for (size_t i = 0; i < partitions.size(); ++i) {
    const auto end = next + static_cast<std::ptrdiff_t>(counts[i]);
    std::move(next, end, partitions[i]->events.begin());
    next = end;
    // Who fails together is tried again each by itself.
    outcome.status.ok() ? Succeeded(*partitions[i], counts[i])
                        : Failed(*partitions[i], counts[i], outcome);
  }
}

void Reader::Handle(Partition& partition) {
  if (partition.offset_unknown) {
    if (absl::Status status = Reload(partition); !status.ok()) {
      return Failed(partition, 0, {std::move(status)});
    }
    if (partition.events.empty()) return;
  }
  if (partition.events.size() > 1 && partition.events.front().id > partition.single_until) {
    const Outcome outcome =
        Apply(partition.events, {{partition.number, partition.stored, partition.events.back().id}});
    return outcome.status.ok() ? Succeeded(partition, partition.events.size())
                               : Failed(partition, partition.events.size(), outcome);
  }
  const std::vector<Event> one = {partition.events.front()};
  Outcome outcome = Apply(one, {{partition.number, partition.stored, one.front().id}});
  if (!outcome.status.ok() && !outcome.fenced && !IsTransient(outcome.status) &&
      partition.refusals + 1 >= max_attempts_) {
    outcome = Park(partition, one.front(), outcome.status);
  }
  return outcome.status.ok() ? Succeeded(partition, 1) : Failed(partition, 1, outcome);
}

absl::Status Reader::Reload(Partition& partition) {
  MO_ASSIGN_OR_RETURN(const auto offsets, offsets_.Load({partition.number}));
  partition.offset = partition.stored = offsets.at(partition.number);
  partition.offset_unknown = false;
  std::erase_if(partition.events, [&](const Event& event) { return event.id <= partition.offset; });
  return absl::OkStatus();
}

Reader::Outcome Reader::Apply(const std::vector<Event>& batch,
                              const std::vector<Offsets::Step>& steps) {
  Outcome outcome;
  outcome.status = database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    outcome.fenced = false;
    MO_RETURN_IF_ERROR(Call(handler_, tx, batch));
    MO_ASSIGN_OR_RETURN(const bool moved, offsets_.Move(tx, steps));
    outcome.fenced = !moved;
    return moved ? absl::OkStatus() : absl::CancelledError("another process has the partition");
  });
  return outcome;
}

Reader::Outcome Reader::Park(Partition& partition, const Event& event, const absl::Status& error) {
  Outcome outcome;
  outcome.status = database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_RETURN_IF_ERROR(dead_events_.Park(tx, event, error));
    MO_ASSIGN_OR_RETURN(const bool moved,
                        offsets_.Move(tx, {{partition.number, partition.stored, event.id}}));
    outcome.fenced = !moved;
    return moved ? absl::OkStatus() : absl::CancelledError("another process has the partition");
  });
  if (!outcome.status.ok()) return outcome;
  parked_.Increment();
  Log(LogLevel::kError, "event parked",
      {{"consumer", consumer_},
       {"source", source_},
       {"type", event.envelope.type()},
       {"event", event.id},
       {"code", absl::StatusCodeToString(error.code())}});
  return outcome;
}

// Counts what is parked, and replays what is asked for. An error of the database is none of the
// events': the next tick looks again.
void Reader::LookAtDead() {
  std::vector<int> numbers;
  for (const auto& [number, partition] : owned_) numbers.push_back(number);
  const absl::StatusOr<DeadEvents::Look> look = dead_events_.At(numbers);
  if (!look.ok()) {
    if (IsTransient(look.status())) return;
    Log(LogLevel::kWarning, "dead events cannot be looked at",
        {{"consumer", consumer_},
         {"source", source_},
         {"error", std::string(look.status().message())}});
    return;
  }
  dead_.Set(static_cast<double>(look->parked));
  const absl::Time end = absl::Now() + kReplayTime;
  for (const DeadEvents::Key key : look->marked) {
    if (stop_.IsSet() || absl::Now() >= end) return;
    const absl::Status status = Replay(key);
    // What it needs may be down, for it alone: it stays marked, the others have their turn.
    if (status.ok() || IsTransient(status)) continue;
    (void)dead_events_.Refuse(key, status);
    Log(LogLevel::kWarning, "dead event refused again",
        {{"consumer", consumer_},
         {"source", source_},
         {"event", key.id},
         {"code", absl::StatusCodeToString(status.code())}});
  }
}

// Like Apply, with the row in the place of the offset: effect and deletion happen both or neither.
absl::Status Reader::Replay(DeadEvents::Key key) {
  bool found = false;
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(const std::optional<Event> event, dead_events_.Load(tx, key));
    found = event.has_value();
    if (!found) return absl::OkStatus();
    MO_RETURN_IF_ERROR(Call(handler_, tx, {*event}));
    MO_ASSIGN_OR_RETURN(const bool deleted, dead_events_.Delete(tx, key));
    return deleted ? absl::OkStatus() : absl::CancelledError("somebody else has handled it");
  }));
  if (!found) return absl::OkStatus();
  handled_.Increment();
  Log(LogLevel::kInfo, "dead event replayed",
      {{"consumer", consumer_}, {"source", source_}, {"event", key.id}});
  return absl::OkStatus();
}

void Reader::Succeeded(Partition& partition, size_t count) {
  const auto end = partition.events.begin() + static_cast<std::ptrdiff_t>(count);
  partition.offset = partition.stored = (end - 1)->id;
  partition.events.erase(partition.events.begin(), end);
  partition.failures = partition.refusals = 0;
  partition.not_before = absl::InfinitePast();
  handled_.Increment(static_cast<double>(count));
  if (partition.events.empty()) Finish(partition);
}

void Reader::Failed(Partition& partition, size_t count, const Outcome& outcome) {
  partition.offset_unknown = true;
  partition.not_before = absl::Now() + Backoff(++partition.failures);
  if (outcome.fenced) return;
  retries_.Increment();
  if (partition.failures == 1) {
    Log(LogLevel::kWarning, "events are tried again",
        {{"consumer", consumer_},
         {"source", source_},
         {"partition", partition.number},
         {"from", partition.offset},
         {"code", absl::StatusCodeToString(outcome.status.code())}});
  }
  if (IsTransient(outcome.status) || ++partition.refusals < kRefusalsOfBatch || count <= 1) return;
  partition.single_until = partition.events.back().id;
  partition.failures = partition.refusals = 0;
  partition.not_before = absl::InfinitePast();
}

}  // namespace mo::events

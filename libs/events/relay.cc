#include "libs/events/relay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/events/keys.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::embedded {
absl::string_view events_publish();
}

namespace mo::events {
namespace {

// Without a kick, e.g. when the writer died between its commit and the kick.
constexpr absl::Duration kPoll = absl::Milliseconds(200);
// Between looks that find something, so that under load many events share one.
constexpr absl::Duration kGap = absl::Milliseconds(2);
// What events that are not urgent wait at most (Urgency::kSoon).
constexpr absl::Duration kSoon = absl::Milliseconds(30);
constexpr int kPendingRounds = 1000;
// How long a wiped stream goes unnoticed while nothing is published to it.
constexpr absl::Duration kCheck = absl::Milliseconds(500);
constexpr absl::Duration kFollow = absl::Seconds(1);
constexpr absl::Duration kMaxBackoff = absl::Milliseconds(500);

// No rate limit's patience: publishing a full batch may meet an fsync of Redis' file.
redis::ConnectionOptions RedisOptions(const App& app) {
  redis::ConnectionOptions options;
  options.url = app.options().redis_url;
  options.timeout = absl::Milliseconds(700);
  return options;
}

}  // namespace

Relay::Relay(App& app, const storage::Database& database, OutboxOptions options)
    : service_(database.service()),
      options_(options),
      store_(database),
      redis_(RedisOptions(app)),
      subscription_(RedisOptions(app)),
      script_(embedded::events_publish()),
      published_(app.metrics().Counter("mo_events_published_total",
                                       "Events brought from the outbox to Redis",
                                       {{"service", service_}})),
      lag_(app.metrics().Gauge("mo_events_relay_lag_seconds",
                               "Age of the oldest event that is not yet in Redis",
                               {{"service", service_}})),
      leads_(app.metrics().Gauge("mo_events_relay_leader", "1 if this process publishes",
                                 {{"service", service_}})) {}

Relay::~Relay() { Stop(); }

void Relay::Start() {
  stop_.Clear();
  thread_ = std::thread([this] { Run(); });
}

void Relay::Stop() {
  stop_.Set();
  if (thread_.joinable()) thread_.join();
}

void Relay::Run() {
  absl::Duration backoff;
  bool healthy = true;
  while (!stop_.IsSet()) {
    absl::Status status;
    if (!leader_) {
      status = Follow();
    } else if (absl::StatusOr<bool> more = Round(); !more.ok()) {
      status = more.status();
    } else if (!*more) {
      Wait();
    }
    if (status.ok() != healthy) {
      Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarning,
          status.ok() ? "relay is back" : "relay waits",
          {{"service", service_}, {"error", std::string(status.message())}});
    }
    healthy = status.ok();
    if (healthy) {
      backoff = absl::ZeroDuration();
      continue;
    }
    backoff = std::clamp(backoff * 2, absl::Milliseconds(10), kMaxBackoff);
    WaitReadable({stop_.fd()}, backoff);
  }
  leader_ = false;
  leads_.Set(0);
  store_.Resign();
  redis_.Close();
  subscription_.Close();
}

absl::Status Relay::Follow() {
  MO_ASSIGN_OR_RETURN(leader_, store_.Lead());
  leads_.Set(leader_ ? 1 : 0);
  if (leader_) {
    synchronized_ = known_ = false;
    next_tick_ = absl::InfinitePast();
    Log(LogLevel::kInfo, "relay leads", {{"service", service_}});
    return absl::OkStatus();
  }
  const absl::Time retry = absl::Now() + kFollow;
  while (!stop_.IsSet() && absl::Now() < retry) {
    if (!WaitReadable({stop_.fd(), kicked_.fd(), soon_.fd()}, retry - absl::Now())) continue;
    if (soon_.IsSet()) WaitReadable({stop_.fd(), kicked_.fd()}, kSoon);
    ClearKicks();
    // If it fails the leader's poll finds the event.
    (void)redis_.Command({"PUBLISH", KickChannel(service_), ""});
  }
  return absl::OkStatus();
}

// One look for events. True: look again at once.
absl::StatusOr<bool> Relay::Round() {
  absl::StatusOr<bool> more = [&]() -> absl::StatusOr<bool> {
    std::vector<Cursor> cursors;
    absl::Status synchronized = synchronized_ ? absl::OkStatus() : Synchronize();
    if (!synchronized.ok() && !known_) return synchronized;
    for (int i = 0; i < kPartitions; ++i) {
      cursors.push_back({i, partitions_[static_cast<size_t>(i)].cursor});
    }
    MO_ASSIGN_OR_RETURN(const Backlog backlog, store_.Read(cursors));
    // Also while Redis is away.
    lag_.Set(backlog.oldest_age);
    MO_RETURN_IF_ERROR(synchronized);
    pending_ = backlog.pending;
    pending_rounds_ = pending_ ? pending_rounds_ + 1 : 0;
    MO_RETURN_IF_ERROR(CheckAge());
    bool again = backlog.more;
    const bool empty = std::all_of(backlog.rows.begin(), backlog.rows.end(),
                                   [](const auto& rows) { return rows.empty(); });
    found_ = !empty;
    if (!empty || absl::Now() >= next_check_) {
      MO_ASSIGN_OR_RETURN(const bool all, Publish(backlog));
      again |= !all;
    }
    if (replays_ > 0) {
      MO_ASSIGN_OR_RETURN(const bool served, ServeReplays());
      again |= served;
    }
    if (absl::Now() >= next_tick_) MO_RETURN_IF_ERROR(Tick());
    return again;
  }();
  if (!more.ok()) {
    synchronized_ = false;
    // Whoever holds the lock now, it is not a connection that is gone.
    leader_ = store_.connected();
    leads_.Set(leader_ ? 1 : 0);
  }
  return more;
}

// Learns where the streams stand.
absl::Status Relay::Synchronize() {
  std::vector<Batch> batches;
  for (int i = 0; i < kPartitions; ++i) batches.push_back({StreamKey(service_, i), "?"});
  MO_ASSIGN_OR_RETURN(const std::vector<Answer> answers, RunScript(batches));
  for (size_t i = 0; i < answers.size(); ++i) {
    MO_RETURN_IF_ERROR(Adopt(partitions_[i], i, answers[i].last));
  }
  if (subscription_.fd() < 0) {
    MO_RETURN_IF_ERROR(subscription_.Send({"SUBSCRIBE", KickChannel(service_)}));
  }
  synchronized_ = known_ = true;
  return absl::OkStatus();
}

absl::Status Relay::Adopt(Partition& partition, size_t number, Position last) {
  partition = {last, false};
  if (last != 0) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(const auto floors, store_.Floors());
  partition = {floors.at(number), true};
  return absl::OkStatus();
}

// A stream that is ahead of the database is of another time: the database was restored or made
// anew.
absl::Status Relay::CheckAge() {
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].cursor <= store_.newest() || partitions_[i].missing) continue;
    Log(LogLevel::kError, "stream is ahead of the database, it is made anew",
        {{"service", service_}, {"partition", i}, {"last", partitions_[i].cursor}});
    MO_RETURN_IF_ERROR(
        redis_.Command({"DEL", StreamKey(service_, static_cast<int>(i)), AcksKey(service_)})
            .status());
    MO_RETURN_IF_ERROR(Adopt(partitions_[i], i, 0));
  }
  return absl::OkStatus();
}

// False if some stream was not where it was believed to be. Looking at a stream costs more than an
// event, so the idle ones are looked at only now and then.
absl::StatusOr<bool> Relay::Publish(const Backlog& backlog) {
  const bool check = absl::Now() >= next_check_;
  std::vector<size_t> numbers;
  std::vector<Batch> batches;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (backlog.rows[i].empty() && !check) continue;
    numbers.push_back(i);
    batches.push_back({StreamKey(service_, static_cast<int>(i)), StreamId(partitions_[i].cursor),
                       partitions_[i].missing, &backlog.rows[i]});
  }
  MO_ASSIGN_OR_RETURN(const std::vector<Answer> answers, RunScript(batches));
  if (check) next_check_ = absl::Now() + kCheck;
  bool all = true;
  for (size_t n = 0; n < answers.size(); ++n) {
    const size_t i = numbers[n];
    if (answers[n].done) {
      published_.Increment(static_cast<double>(backlog.rows[i].size()));
      partitions_[i] = {answers[n].last, answers[n].last == 0};
    } else {
      all = false;
      MO_RETURN_IF_ERROR(Adopt(partitions_[i], i, answers[n].last));
      Log(LogLevel::kInfo, "stream was not where the relay left it",
          {{"service", service_}, {"partition", i}, {"last", answers[n].last}});
    }
  }
  if (all) lag_.Set(0);
  return all;
}

void Relay::Kick(Urgency urgency) {
  if (urgency == Urgency::kNow) {
    kicked_.Set();
  } else if (!soon_is_set_.exchange(true)) {
    soon_.Set();
  }
}

// Events from now on kick anew.
void Relay::ClearKicks() {
  kicked_.Clear();
  soon_.Clear();
  soon_is_set_ = false;  // after the signal was cleared: it may be set without one, not the reverse
}

void Relay::Wait() {
  // Kicks wait for the gap's end. A transaction that stays open long is not asked for so often.
  if (pending_ || found_) {
    WaitReadable({stop_.fd(), subscription_.fd()},
                 kGap * (pending_rounds_ > kPendingRounds ? 5 : 1));
  }
  // While some are pending there is a next look anyway.
  if (!pending_ &&
      WaitReadable({stop_.fd(), kicked_.fd(), soon_.fd(), subscription_.fd()}, kPoll) &&
      soon_.IsSet()) {
    WaitReadable({stop_.fd(), kicked_.fd(), subscription_.fd()}, kSoon);
  }
  ClearKicks();
  if (!WaitReadable({subscription_.fd()}, absl::ZeroDuration())) return;
  if (!subscription_.Drain().ok()) synchronized_ = false;
  next_check_ = absl::InfinitePast();  // it may be about a replay
}

absl::StatusOr<std::vector<Relay::Answer>> Relay::RunScript(const std::vector<Batch>& batches) {
  const std::string replays = ReplaysKey(service_);
  std::vector<std::string> texts;  // counts and ids, viewed by the arguments
  size_t rows = 0;
  for (const Batch& batch : batches) rows += batch.rows != nullptr ? batch.rows->size() : 0;
  texts.reserve(batches.size() + rows);
  redis::Arguments keys, arguments;
  for (const Batch& batch : batches) {
    keys.push_back(batch.stream);
    const size_t count = batch.rows != nullptr ? batch.rows->size() : 0;
    texts.push_back(absl::StrCat(count));
    arguments.insert(arguments.end(),
                     {batch.expected, batch.may_be_missing ? "1" : "0", texts.back()});
    absl::string_view previous = batch.expected;
    for (size_t i = 0; i < count; ++i) {
      texts.push_back(StreamId((*batch.rows)[i].id));
      arguments.insert(arguments.end(), {texts.back(), previous, (*batch.rows)[i].envelope});
      previous = texts.back();
    }
  }
  keys.push_back(replays);
  MO_ASSIGN_OR_RETURN(const redis::Reply reply, script_.Run(redis_, keys, arguments));
  if (reply.size() != batches.size() * 3 + 1) {
    return absl::UnavailableError("Redis: the streams' script answers nonsense");
  }
  replays_ = reply[reply.size() - 1].integer;
  std::vector<Answer> answers;
  for (size_t i = 0; i + 1 < reply.size(); i += 3) {
    answers.push_back({reply[i].integer == 1, ParseStreamId(reply[i + 1].string).value_or(0),
                       reply[i + 2].integer});
  }
  return answers;
}

}  // namespace mo::events

#include "libs/events/reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/events/keys.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kPause = absl::Milliseconds(50);  // after an error of Redis

redis::ConnectionOptions RedisOptions(const App& app) {
  redis::ConnectionOptions options;
  options.url = app.options().redis_url;
  options.timeout = absl::Milliseconds(700);
  return options;
}

MetricLabels Labels(const storage::Database& database, const ConsumerOptions& options,
                    const std::string& source) {
  return {{"service", database.service()}, {"consumer", options.name}, {"source", source}};
}

}  // namespace

Reader::Reader(App& app, storage::Database& database, const ConsumerOptions& options,
               std::string source, Handler handler, std::shared_ptr<Locks> locks)
    : clock_(app.clock()),
      database_(database),
      consumer_(absl::StrCat(database.service(), ".", options.name)),
      source_(std::move(source)),
      batch_(options.batch),
      max_attempts_(options.max_attempts),
      wants_(options.wants),
      linger_(options.linger),
      handler_(std::move(handler)),
      locks_(std::move(locks)),
      offsets_(database, options.name, source_),
      dead_events_(database, options.name, source_),
      streams_(RedisOptions(app), consumer_, source_),
      handled_(app.metrics().Counter("mo_events_handled_total", "Events handled",
                                     Labels(database, options, source_))),
      retries_(app.metrics().Counter("mo_events_retries_total",
                                     "Batches that failed and were tried again",
                                     Labels(database, options, source_))),
      parked_(app.metrics().Counter("mo_events_dead_total",
                                    "Events parked because handling them kept failing",
                                    Labels(database, options, source_))),
      dead_(app.metrics().Gauge("mo_events_dead",
                                "Parked events of this process's partitions, up to 10,000",
                                Labels(database, options, source_))),
      lag_(app.metrics().Gauge("mo_events_consumer_lag_seconds",
                               "Age of the oldest event that was read but not yet handled",
                               Labels(database, options, source_))) {}

Reader::~Reader() {
  RequestStop();
  Join();
}

void Reader::Start() {
  stop_.Clear();
  thread_ = std::thread([this] { Run(); });
}

void Reader::Join() {
  if (thread_.joinable()) thread_.join();
}

std::string Reader::LockName(int partition) const {
  return absl::StrCat("consumer/", consumer_, "/", source_, "/", partition);
}

Place Reader::PlaceOf(const Partition& partition) const {
  return {partition.number, partition.offset, partition.replaying};
}

std::vector<Place> Reader::Places() const {
  std::vector<Place> places;
  for (const auto& [number, partition] : owned_) places.push_back(PlaceOf(partition));
  return places;
}

void Reader::Report(const absl::Status& status) {
  if (status.ok() == healthy_) return;
  healthy_ = status.ok();
  Log(healthy_ ? LogLevel::kInfo : LogLevel::kWarning,
      healthy_ ? "consumer is back" : "consumer waits",
      {{"consumer", consumer_}, {"source", source_}, {"error", std::string(status.message())}});
}

absl::Status Reader::Retire() {
  std::vector<Place> places;
  for (int partition = 0; partition < kPartitions; ++partition)
    places.push_back({partition, kRetired});
  return streams_.Acknowledge(places);
}

void Reader::Run() {
  next_tick_ = absl::InfinitePast();
  while (!stop_.IsSet()) {
    if (absl::Now() >= next_tick_) Tick();
    if (HandleReady() && linger_ > absl::ZeroDuration()) WaitReadable({stop_.fd()}, linger_);
    absl::Status status = Fetch();
    if (!rebalanced_.ok()) status = rebalanced_;
    Report(status);
    if (!status.ok()) WaitReadable({stop_.fd()}, kPause);
  }
  // So that a wipe just now costs less; the offsets themselves are in PostgreSQL.
  (void)streams_.Acknowledge(Places());
  for (const auto& [number, partition] : owned_) locks_->Unlock(session_, LockName(number));
  owned_.clear();
}

void Reader::Tick() {
  next_tick_ = absl::Now() + kTick;
  rebalanced_ = Rebalance();
  if (!rebalanced_.ok()) owned_.clear();  // without its locks it owns nothing
  CheckStreams();
  StoreSkipped();
  LookAtDead();
  (void)streams_.Acknowledge(Places());  // Fetch reports what is wrong with Redis
  SetLag();
}

void Reader::SetLag() {
  double lag = 0;
  for (const auto& [number, partition] : owned_) {
    if (partition.events.empty()) continue;
    const absl::Time time = FromProto(partition.events.front().envelope.time());
    lag = std::max(lag, absl::ToDoubleSeconds(clock_.Now() - time));
  }
  lag_.Set(lag);
}

// Takes this process's share of the partitions: as many as are free, up to an equal part; gives up
// what is above it.
absl::Status Reader::Rebalance() {
  MO_ASSIGN_OR_RETURN(const Locks::Membership membership,
                      locks_->Join(absl::StrCat("members/", consumer_, "/", source_)));
  if (membership.session != session_) owned_.clear();
  session_ = membership.session;
  const size_t share =
      static_cast<size_t>((kPartitions + membership.members - 1) / membership.members);
  while (owned_.size() > share) {
    const int number = owned_.begin()->first;
    owned_.erase(number);
    locks_->Unlock(session_, LockName(number));
  }
  std::vector<int> acquired;
  for (int i = 0; i < kPartitions && owned_.size() + acquired.size() < share; ++i) {
    if (owned_.contains(i)) continue;
    MO_ASSIGN_OR_RETURN(const bool locked, locks_->TryLock(session_, LockName(i)));
    if (locked) acquired.push_back(i);
  }
  if (acquired.empty()) return absl::OkStatus();
  absl::Status status = Acquire(acquired);
  if (!status.ok()) {
    for (const int number : acquired) locks_->Unlock(session_, LockName(number));
  }
  return status;
}

absl::Status Reader::Acquire(const std::vector<int>& numbers) {
  MO_ASSIGN_OR_RETURN(const auto offsets, offsets_.Load(numbers));
  for (const auto& [number, offset] : offsets) {
    Partition partition;
    partition.number = number;
    partition.offset = partition.stored = partition.read = offset;
    owned_[number] = std::move(partition);
  }
  return absl::OkStatus();
}

// Finds gaps that reading would not show: events that are gone from a stream with nothing after
// them.
void Reader::CheckStreams() {
  std::vector<Place> places;
  for (const auto& [number, partition] : owned_) {
    if (partition.events.empty() && !partition.replaying) places.push_back(PlaceOf(partition));
  }
  absl::StatusOr<std::vector<bool>> lacks = streams_.Lacks(places);
  if (!lacks.ok()) return;
  for (size_t i = 0; i < places.size(); ++i) {
    if (!(*lacks)[i]) continue;
    owned_[places[i].partition].replaying = streams_.RequestReplay(places[i]).ok();
  }
}

absl::Time Reader::NextWake() const {
  absl::Time wake = next_tick_;
  for (const auto& [number, partition] : owned_) {
    if (!partition.events.empty()) wake = std::min(wake, partition.not_before);
  }
  return wake;
}

absl::Status Reader::Fetch() {
  std::vector<Place> places, replays;
  for (const auto& [number, partition] : owned_) {
    if (!partition.events.empty()) continue;
    (partition.replaying ? replays : places).push_back(PlaceOf(partition));
  }
  MO_ASSIGN_OR_RETURN(const std::vector<bool> lacks, streams_.Lacks(replays));
  for (size_t i = 0; i < replays.size(); ++i) {
    if (!lacks[i]) {
      MO_RETURN_IF_ERROR(streams_.EndReplay(replays[i].partition));
      owned_[replays[i].partition].replaying = replays[i].replay = false;
    }
    places.push_back(replays[i]);
  }
  const absl::Duration timeout = NextWake() - absl::Now();
  if (places.empty()) {
    WaitReadable({stop_.fd()}, timeout);
    return absl::OkStatus();
  }
  MO_ASSIGN_OR_RETURN(auto fetched, streams_.Read(places, batch_, timeout, stop_));
  for (auto& [number, entries] : fetched) Accept(owned_[number], std::move(entries));
  return absl::OkStatus();
}

void Reader::Accept(Partition& partition, std::vector<Entry> entries) {
  Position last = partition.offset;
  for (Entry& entry : entries) {
    if (entry.previous > last) break;  // a gap: what comes after it must wait
    last = entry.position;
    if (entry.event.envelope.type().empty()) continue;  // see Relay::ServeReplays
    if (!wants_ || wants_(entry.event)) partition.events.push_back(std::move(entry.event));
  }
  if (entries.empty()) return;
  if (last == partition.offset) {
    partition.replaying = streams_.RequestReplay(PlaceOf(partition)).ok();
    return;
  }
  partition.read = last;
  if (partition.events.empty()) Finish(partition);
}

// All that was read is done with.
void Reader::Finish(Partition& partition) {
  partition.offset = partition.read;
  // If it fails the relay brings no more, and the next check finds the gap again.
  if (partition.replaying) partition.replaying = streams_.AdvanceReplay(PlaceOf(partition)).ok();
}

// Otherwise a restart would read for ever what nobody wants. If it fails, the next tick does it.
void Reader::StoreSkipped() {
  std::vector<Partition*> behind;
  for (auto& [number, partition] : owned_) {
    if (partition.stored < partition.offset && !partition.offset_unknown)
      behind.push_back(&partition);
  }
  if (behind.empty()) return;
  std::vector<Offsets::Step> steps;
  for (const Partition* partition : behind) {
    steps.push_back({partition->number, partition->stored, partition->offset});
  }
  const absl::Status status = database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(const bool moved, offsets_.Move(tx, steps));
    return moved ? absl::OkStatus() : absl::CancelledError("another process has the partition");
  });
  for (Partition* partition : behind) {
    if (status.ok()) {
      partition->stored = partition->offset;
    } else {
      partition->offset_unknown = true;
    }
  }
}

}  // namespace mo::events

#include "services/statistics/recounting.h"

#include <algorithm>

#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/statistics/consumer.h"
#include "services/statistics/errors.h"

namespace mo::statistics {
namespace {

constexpr char kName[] = "recount";
// Producers keep events for seven days (events::OutboxOptions).
constexpr absl::Duration kCompared = absl::Hours(6 * 24);
constexpr absl::Duration kLongest = absl::Hours(6);
constexpr int kMaxFailures = 20;

}  // namespace

absl::StatusOr<v1::Recount> Recounting::Start(const Caller& caller,
                                              const v1::StartRecountRequest& request) {
  return database_.Once<v1::Recount>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Recount> {
        MO_ASSIGN_OR_RETURN(v1::Recount run, LockRun(tx));
        if (run.state() == v1::RECOUNT_STATE_RUNNING) return RecountRunning();
        const absl::Time now = app_.clock().Now();
        run.Clear();
        run.set_state(v1::RECOUNT_STATE_RUNNING);
        run.set_repair(request.repair());
        *run.mutable_start_time() = ToProto(now);
        *run.mutable_compared_from() =
            ToProto(absl::FromUnixSeconds(absl::ToUnixSeconds(now - kCompared) / 3600 * 3600));
        SaveRun(tx, run);
        return run;
      });
}

absl::StatusOr<v1::Recount> Recounting::Get() { return database_.ReadAsSystem(SelectRun); }

absl::StatusOr<bool> Recounting::RunOnce() {
  MO_ASSIGN_OR_RETURN(const v1::Recount run, Get());
  if (run.state() != v1::RECOUNT_STATE_RUNNING) {
    End();
    return false;
  }
  MO_ASSIGN_OR_RETURN(const bool locked, Lock());
  if (!locked) return false;
  const absl::Status status = GoOn(run);
  failures_ = status.ok() ? 0 : failures_ + 1;
  if (failures_ >= kMaxFailures) {
    MO_RETURN_IF_ERROR(Fail(status));
    End();
  }
  MO_RETURN_IF_ERROR(status);
  return false;
}

absl::Status Recounting::GoOn(const v1::Recount& run) {
  if (consumer_ == nullptr) return Begin(run);
  MO_ASSIGN_OR_RETURN(const bool caught_up, CaughtUp());
  if (caught_up) return Finish(run);
  if (app_.clock().Now() - FromProto(run.start_time()) < kLongest) return absl::OkStatus();
  return absl::DeadlineExceededError("not all events were read within six hours");
}

absl::Status Recounting::Fail(const absl::Status& error) {
  failures_ = 0;
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(v1::Recount run, LockRun(tx));
    run.set_state(v1::RECOUNT_STATE_FAILED);
    run.set_error(std::string(error.message()));
    *run.mutable_finish_time() = ToProto(app_.clock().Now());
    SaveRun(tx, run);
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Recounting::Lock() {
  MO_ASSIGN_OR_RETURN(const events::Locks::Membership membership, locks_.Join("recount"));
  return locks_.TryLock(membership.session, "recount");
}

absl::Status Recounting::Begin(const v1::Recount& run) {
  MO_ASSIGN_OR_RETURN(targets_, database_.AsSystem([&](storage::Transaction& tx) {
    return TakeSnapshot(tx, kName, kConsumer, FromProto(run.compared_from()));
  }));
  consumer_ = std::make_unique<events::Consumer>(
      app_, database_, OptionsOf(kName),
      [this](storage::Transaction& tx, const std::vector<events::Event>& batch) {
        return Count(tx, batch);
      });
  consumer_->Start();
  return absl::OkStatus();
}

absl::Status Recounting::Count(storage::Transaction& tx,
                               const std::vector<events::Event>& batch) const {
  std::vector<events::Event> counted;
  for (const events::Event& event : batch) {
    const auto target = targets_.find({event.source, event.partition});
    if (target != targets_.end() && event.id <= target->second) counted.push_back(event);
  }
  return RollUp(tx, Ledger::kRecount, counted);
}

absl::StatusOr<bool> Recounting::CaughtUp() {
  MO_ASSIGN_OR_RETURN(
      const OffsetsByPartition offsets,
      database_.ReadAsSystem([](storage::Transaction& tx) { return SelectOffsets(tx, kName); }));
  return std::all_of(targets_.begin(), targets_.end(), [&](const auto& target) {
    const auto found = offsets.find(target.first);
    return target.second == 0 || (found != offsets.end() && found->second >= target.second);
  });
}

absl::Status Recounting::Finish(const v1::Recount& run) {
  const absl::Time now = app_.clock().Now();
  const Compared compared = {FromProto(run.compared_from()), FromProto(run.start_time())};
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(v1::Recount done, Compare(tx, compared));
    if (done.different() > 0 && run.repair()) {
      MO_ASSIGN_OR_RETURN(const int64_t repaired, Repair(tx, compared));
      done.set_repaired(repaired);
    }
    const bool equal = done.different() == done.repaired();
    done.set_state(equal ? v1::RECOUNT_STATE_EQUAL : v1::RECOUNT_STATE_DIFFERENT);
    done.set_repair(run.repair());
    *done.mutable_start_time() = run.start_time();
    *done.mutable_compared_from() = run.compared_from();
    *done.mutable_finish_time() = ToProto(now);
    SaveRun(tx, done);
    Log(equal ? LogLevel::kInfo : LogLevel::kError, "statistics recounted",
        {{"compared", done.compared()},
         {"different", done.different()},
         {"repaired", done.repaired()}});
    return absl::OkStatus();
  }));
  End();
  return absl::OkStatus();
}

void Recounting::End() {
  if (consumer_ == nullptr) return;
  consumer_->Stop();
  if (const absl::Status retired = consumer_->Retire(); !retired.ok()) {
    Log(LogLevel::kWarning, "recount not retired; events are kept for it for some days",
        {{"error", std::string(retired.message())}});
  }
  consumer_.reset();
  locks_.Close();
}

void Recounting::Stop() {
  if (consumer_ != nullptr) consumer_->Stop();
  consumer_.reset();
  locks_.Close();
}

}  // namespace mo::statistics

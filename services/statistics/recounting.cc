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
constexpr absl::Duration kPatience = absl::Seconds(5);

Compared ComparedBy(const v1::Recount& run, absl::Time now) {
  return {FromProto(run.compared_from()), FromProto(run.start_time()), now};
}

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
  if (consumer_ == nullptr) {
    MO_RETURN_IF_ERROR(Begin());
    return false;
  }
  MO_ASSIGN_OR_RETURN(const bool caught_up, CaughtUp());
  if (!caught_up) return false;
  MO_RETURN_IF_ERROR(Finish(run));
  return false;
}

absl::StatusOr<bool> Recounting::Lock() {
  MO_ASSIGN_OR_RETURN(const events::Locks::Membership membership, locks_.Join("recount"));
  return locks_.TryLock(membership.session, "recount");
}

absl::Status Recounting::Begin() {
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    ClearRecount(tx, kName);
    MO_ASSIGN_OR_RETURN(targets_, SelectOffsets(tx, kConsumer));
    return absl::OkStatus();
  }));
  patience_end_ = absl::InfiniteFuture();
  consumer_ = std::make_unique<events::Consumer>(
      app_, database_, OptionsOf(kName),
      [](storage::Transaction& tx, const std::vector<events::Event>& batch) {
        return RollUp(tx, Ledger::kRecount, batch);
      });
  consumer_->Start();
  return absl::OkStatus();
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
  if (patience_end_ == absl::InfiniteFuture()) patience_end_ = absl::Now() + kPatience;
  MO_ASSIGN_OR_RETURN(
      const bool finished,
      database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
        MO_ASSIGN_OR_RETURN(v1::Recount done, Compare(tx, ComparedBy(run, now)));
        if (done.different() > 0 && absl::Now() < patience_end_) return false;
        if (done.different() > 0 && run.repair()) {
          MO_ASSIGN_OR_RETURN(const int64_t repaired, Repair(tx, ComparedBy(run, now)));
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
        return true;
      }));
  if (finished) End();
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

#include "services/sims/group_commands.h"

#include <algorithm>

#include "google/rpc/status.pb.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/pool_store.h"

namespace mo::sims {
namespace {

constexpr int kCommandThreads = 4;
constexpr size_t kCommandQueue = 1000;
constexpr size_t kMostWaiting = 1000;
// How long a device or provider gets, and whoever waits for another process.
constexpr absl::Duration kCommandTime = absl::Seconds(20);
constexpr absl::Duration kAnswerTime = absl::Seconds(25);
// A command that nobody has taken by then is not begun any more.
constexpr absl::Duration kTakeTime = absl::Seconds(4);
constexpr absl::Duration kForgetInterval = absl::Minutes(1);

absl::Status Stopping() { return absl::UnavailableError("the service is stopping"); }

std::string PackStatus(const absl::Status& status) {
  const grpc::Status wire = ToGrpc(status);
  google::rpc::Status packed;
  (void)packed.ParseFromString(wire.error_details());
  packed.set_code(wire.error_code());
  packed.set_message(wire.error_message());
  return packed.SerializeAsString();
}

absl::Status UnpackStatus(const std::string& bytes) {
  google::rpc::Status packed;
  if (!packed.ParseFromString(bytes)) return AgentOffline();
  return FromGrpc(
      grpc::Status(static_cast<grpc::StatusCode>(packed.code()), packed.message(), bytes));
}

constexpr char kInGroup[] =
    "SELECT 1 FROM sims.groups WHERE account_id = $1 AND sim_id = $2 AND group_id = $3";
constexpr char kInsertCommand[] =
    "INSERT INTO sims.group_commands (account_id, id, sim_id, kind, argument, expire_time) VALUES "
    "($1, $2, $3, $4::int, $5, $6)";
constexpr char kSelectAsked[] =
    "SELECT sim_id FROM sims.group_commands WHERE NOT taken AND expire_time > $1 ORDER BY id LIMIT "
    "1000";
constexpr char kTakeAsked[] =
    "UPDATE sims.group_commands SET taken = true WHERE NOT taken AND expire_time > $1 AND sim_id = "
    "ANY ((SELECT $2::bigint[])::bigint[]) RETURNING account_id, id, sim_id, kind, argument";
constexpr char kFinishCommand[] =
    "UPDATE sims.group_commands SET done = true, outcome = $3::int, failure = $4 WHERE account_id "
    "= "
    "$1 AND id = $2";
constexpr char kTakeFinished[] =
    "DELETE FROM sims.group_commands WHERE done AND id = ANY ((SELECT $1::bigint[])::bigint[]) "
    "RETURNING id, outcome, failure";
constexpr char kForgetCommands[] = "DELETE FROM sims.group_commands WHERE expire_time < $1";

}  // namespace

GroupCommands::GroupCommands(App& app, storage::Database& database, Gateway& gateway)
    : app_(app),
      database_(database),
      gateway_(gateway),
      executor_(kCommandThreads, kCommandQueue, app.options().account_weights) {}

void GroupCommands::Join(const Caller& caller, const v1::JoinGroupRequest& request, Joined done) {
  Command command{caller.account_id, app_.ids().Next(), IdOf(request.id()), Kind::kJoin,
                  request.invite_link()};
  const absl::Status found = database_
                                 .ReadAs(caller.account_id,
                                         [&](storage::Transaction& tx) {
                                           return SelectSim(tx, command.sim_id, app_.clock().Now());
                                         })
                                 .status();
  if (!found.ok()) return done(found);
  Begin(std::move(command), [done = std::move(done)](absl::StatusOr<v1::JoinOutcome> outcome) {
    if (!outcome.ok()) return done(outcome.status());
    v1::JoinGroupResponse response;
    response.set_outcome(*outcome);
    done(std::move(response));
  });
}

void GroupCommands::Leave(const Caller& caller, const v1::LeaveGroupRequest& request, Left done) {
  Command command{caller.account_id, app_.ids().Next(), IdOf(request.id()), Kind::kLeave,
                  request.group_id()};
  const absl::Status found =
      database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
        MO_RETURN_IF_ERROR(SelectSim(tx, command.sim_id, app_.clock().Now()).status());
        MO_ASSIGN_OR_RETURN(storage::Result rows,
                            tx.Query(kInGroup, tx.account_id(), command.sim_id, command.argument));
        return rows.empty() ? GroupNotFound() : absl::OkStatus();
      });
  if (!found.ok()) return done(found);
  Begin(std::move(command), [done = std::move(done)](absl::StatusOr<v1::JoinOutcome> outcome) {
    if (!outcome.ok()) return done(outcome.status());
    done(google::protobuf::Empty());
  });
}

void GroupCommands::Begin(Command command, Done done) {
  const std::vector<int64_t> driven = gateway_.Driven();
  if (std::binary_search(driven.begin(), driven.end(), command.sim_id)) {
    const int64_t account_id = command.account_id;
    const bool posted = executor_.Post(
        account_id, [this, command = std::move(command), done] { done(Execute(command)); });
    if (!posted) done(Stopping());
    return;
  }
  if (const absl::Status asked = AskOthers(command, done); !asked.ok()) done(asked);
}

// OK: `done` is called by somebody else, or has been.
absl::Status GroupCommands::AskOthers(const Command& command, const Done& done) {
  const absl::Time now = app_.clock().Now();
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return Stopping();
    if (waiting_.size() >= kMostWaiting) return absl::UnavailableError("too many wait already");
    // Before the row is there: it may be done with at once.
    waiting_[command.id] = {done, now + kAnswerTime};
  }
  const absl::Status asked =
      database_.As(command.account_id, [&](storage::Transaction& tx) -> absl::Status {
        MO_ASSIGN_OR_RETURN(const v1::Sim sim, SelectSim(tx, command.sim_id, now));
        if (!sim.online()) return AgentOffline();
        return tx.Run(kInsertCommand, tx.account_id(), command.id, command.sim_id,
                      static_cast<int32_t>(command.kind), command.argument, now + kTakeTime);
      });
  if (asked.ok()) return asked;
  std::lock_guard lock(mutex_);
  // Answered by Stop() meanwhile.
  return waiting_.erase(command.id) > 0 ? asked : absl::OkStatus();
}

absl::StatusOr<v1::JoinOutcome> GroupCommands::Execute(const Command& command) {
  if (command.kind == Kind::kJoin)
    return gateway_.JoinGroup(command.sim_id, command.argument, kCommandTime);
  MO_RETURN_IF_ERROR(gateway_.LeaveGroup(command.sim_id, command.argument, kCommandTime));
  return v1::JOIN_OUTCOME_UNSPECIFIED;
}

absl::StatusOr<bool> GroupCommands::RunOnce() {
  const absl::Time now = app_.clock().Now();
  MO_RETURN_IF_ERROR(TakeAsked(now));
  MO_RETURN_IF_ERROR(TellFinished(now));
  if (now - forget_time_ < kForgetInterval) return false;
  forget_time_ = now;
  MO_RETURN_IF_ERROR(database_.AsSystem(
      [&](storage::Transaction& tx) { return tx.Run(kForgetCommands, now - kForgetInterval); }));
  return false;
}

absl::Status GroupCommands::TakeAsked(absl::Time now) {
  std::vector<int64_t> asked;
  MO_RETURN_IF_ERROR(database_.ReadAsSystem([&](storage::Transaction& tx) -> absl::Status {
    asked.clear();
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectAsked, now));
    for (const storage::Row row : rows) asked.push_back(row.Int(0));
    return absl::OkStatus();
  }));
  const std::vector<int64_t> driven = gateway_.Driven();
  std::erase_if(asked, [&](int64_t sim_id) {
    return !std::binary_search(driven.begin(), driven.end(), sim_id);
  });
  if (asked.empty()) return absl::OkStatus();
  std::vector<Command> taken;
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    taken.clear();
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTakeAsked, now, asked));
    for (const storage::Row row : rows) {
      taken.push_back(
          {row.Int(0), row.Int(1), row.Int(2), static_cast<Kind>(row.Int(3)), row.String(4)});
    }
    return absl::OkStatus();
  }));
  for (const Command& command : taken) {
    const bool posted =
        executor_.Post(command.account_id, [this, command] { Finish(command, Execute(command)); });
    if (!posted) Finish(command, Stopping());
  }
  return absl::OkStatus();
}

void GroupCommands::Finish(const Command& command, const absl::StatusOr<v1::JoinOutcome>& outcome) {
  const std::string packed = outcome.ok() ? "" : PackStatus(outcome.status());
  std::optional<storage::Bytes> failure;
  if (!outcome.ok()) failure = storage::Bytes{packed};
  const absl::Status written = database_.As(command.account_id, [&](storage::Transaction& tx) {
    return tx.Run(kFinishCommand, tx.account_id(), command.id,
                  outcome.ok() ? static_cast<int32_t>(*outcome) : 0, failure);
  });
  if (written.ok()) return;
  Log(LogLevel::kWarning, "what became of a group's command was not written",
      {{"error", std::string(written.message())}});
}

absl::Status GroupCommands::TellFinished(absl::Time now) {
  std::vector<int64_t> ids;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, waiting] : waiting_) ids.push_back(id);
  }
  if (ids.empty()) return absl::OkStatus();
  std::map<int64_t, absl::StatusOr<v1::JoinOutcome>> finished;
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    finished.clear();
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTakeFinished, ids));
    for (const storage::Row row : rows) {
      absl::StatusOr<v1::JoinOutcome> outcome = static_cast<v1::JoinOutcome>(row.Int(1));
      if (!row.IsNull(2)) outcome = UnpackStatus(row.String(2));
      finished.emplace(row.Int(0), std::move(outcome));
    }
    return absl::OkStatus();
  }));
  std::vector<std::pair<Done, absl::StatusOr<v1::JoinOutcome>>> answers;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](auto& entry) {
      const auto found = finished.find(entry.first);
      if (found != finished.end()) {
        answers.emplace_back(std::move(entry.second.done), found->second);
      } else if (now >= entry.second.deadline) {
        answers.emplace_back(std::move(entry.second.done), AgentOffline());
      } else {
        return false;
      }
      return true;
    });
  }
  for (auto& [done, outcome] : answers) done(std::move(outcome));
  return absl::OkStatus();
}

void GroupCommands::Stop() {
  std::map<int64_t, Waiting> waiting;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    std::swap(waiting, waiting_);
  }
  for (auto& [id, each] : waiting) each.done(Stopping());
  executor_.Stop();
}

}  // namespace mo::sims

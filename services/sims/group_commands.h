// Joining and leaving groups, whichever process drives the SIM.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "google/protobuf/empty.pb.h"
#include "libs/runtime/app.h"
#include "libs/runtime/fair_executor.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/gateway.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// What SimService's JoinGroup and LeaveGroup do. A SIM that this process drives is asked at once;
// for another one a row is written that its process takes within half a second. No caller's thread
// waits; whoever asked is answered within 25 s, by AGENT_OFFLINE at the latest. A command is begun
// at most once: it is not tried again when the process that has taken it dies.
class GroupCommands {
 public:
  using Joined = std::function<void(absl::StatusOr<v1::JoinGroupResponse>)>;
  using Left = std::function<void(absl::StatusOr<google::protobuf::Empty>)>;

  GroupCommands(App& app, storage::Database& database, Gateway& gateway);

  void Join(const Caller& caller, const v1::JoinGroupRequest& request, Joined done);
  void Leave(const Caller& caller, const v1::LeaveGroupRequest& request, Left done);

  // Takes what other processes ask for, and tells what has come of what this one has asked for.
  absl::StatusOr<bool> RunOnce();
  // Answers all who wait. Idempotent.
  void Stop();

 private:
  enum class Kind { kJoin = 1, kLeave = 2 };
  struct Command {
    int64_t account_id = 0;
    int64_t id = 0;
    int64_t sim_id = 0;
    Kind kind = Kind::kJoin;
    std::string argument;
  };
  using Done = std::function<void(absl::StatusOr<v1::JoinOutcome>)>;
  struct Waiting {
    Done done;
    absl::Time deadline;
  };

  // Has a command done here or elsewhere; blocks on the database only.
  void Begin(Command command, Done done);
  // Waits for the session.
  absl::StatusOr<v1::JoinOutcome> Execute(const Command& command);
  absl::Status AskOthers(const Command& command, const Done& done);
  // What other processes ask of SIMs that this one drives.
  absl::Status TakeAsked(absl::Time now);
  void Finish(const Command& command, const absl::StatusOr<v1::JoinOutcome>& outcome);
  absl::Status TellFinished(absl::Time now);

  App& app_;
  storage::Database& database_;
  Gateway& gateway_;
  FairExecutor executor_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::map<int64_t, Waiting> waiting_;  // by command
  absl::Time forget_time_ = absl::InfinitePast();
};

}  // namespace mo::sims

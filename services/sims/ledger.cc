#include "services/sims/ledger.h"

#include <set>

#include "libs/runtime/ids.h"
#include "libs/runtime/quiet_hours.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/ledger_store.h"
#include "services/sims/progress.h"
#include "services/sims/status_bytes.h"
#include "services/sims/tallies.h"

namespace mo::sims {
namespace {

// What the proto's options cannot say.
absl::Status CheckDispatches(const v1::SubmitRequest& request) {
  Problems problems;
  for (int d = 0; d < request.dispatches_size(); ++d) {
    const v1::Dispatch& dispatch = request.dispatches(d);
    const std::string path = absl::StrCat("dispatches[", d, "].");
    if (dispatch.content().kind_case() == common::Content::KIND_NOT_SET) {
      problems.Add(path + "content", "REQUIRED", "must have a kind");
    }
    if (dispatch.has_quiet_hours()) {
      CheckQuietHours(dispatch.quiet_hours(), path + "quiet_hours", problems);
    }
    int64_t last = 0;
    for (int r = 0; r < dispatch.recipients_size(); ++r) {
      const v1::Recipient& recipient = dispatch.recipients(r);
      const std::string at = absl::StrCat(path, "recipients[", r, "].");
      if (recipient.contact_id() <= last) {
        problems.Add(at + "contact_id", "OUT_OF_ORDER",
                     "recipients are sorted by contact, each once");
      }
      last = recipient.contact_id();
      if (recipient.parameters_size() != dispatch.parameter_names_size()) {
        problems.Add(at + "parameters", "WRONG_COUNT", "one value for each of parameter_names");
      }
    }
  }
  return problems.ToStatus();
}

// What was not inserted must be there already, even if its SIM has been deleted since; else its SIM
// never was.
absl::Status CheckDuplicates(storage::Transaction& tx, const v1::SubmitResponse& response) {
  const std::set<std::string> keys(response.duplicate_keys().begin(),
                                   response.duplicate_keys().end());
  if (keys.empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(const std::set<std::string> known,
                      SelectKnownKeys(tx, std::vector<std::string>(keys.begin(), keys.end())));
  return known == keys ? absl::OkStatus() : SimNotFound();
}

}  // namespace

absl::StatusOr<v1::SubmitResponse> Ledger::Submit(const Caller& caller,
                                                  const v1::SubmitRequest& request) {
  MO_RETURN_IF_ERROR(CheckDispatches(request));
  return database_.As(
      caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<v1::SubmitResponse> {
        // Shared with other Submits, exclusive in Control: a control sees every dispatch or is seen
        // by it. What follows is sent along, but reads only when the locks are held.
        std::set<std::string> groups;
        for (const v1::Dispatch& dispatch : request.dispatches()) groups.insert(dispatch.group());
        ShareGroups(tx, groups);
        std::vector<storage::Pending> inserts;
        for (const v1::Dispatch& dispatch : request.dispatches())
          inserts.push_back(InsertDispatch(tx, dispatch, app_.clock().Now()));
        v1::SubmitResponse response;
        std::set<std::pair<int64_t, v1::Lane>> senders;
        Tallies tallies;
        for (int d = 0; d < request.dispatches_size(); ++d) {
          const v1::Dispatch& dispatch = request.dispatches(d);
          MO_ASSIGN_OR_RETURN(storage::Result rows, inserts[static_cast<size_t>(d)].Get());
          if (rows.empty()) {
            response.add_duplicate_keys(dispatch.key());
            continue;
          }
          tallies.Submitted({IdOf(dispatch.sim_id()), dispatch.lane(), dispatch.group()},
                            rows[0].String(1));
          if (rows[0].Bool(2)) {
            senders.emplace(IdOf(dispatch.sim_id()), dispatch.lane());
          } else {
            // Canceled before it came: it has ended here.
            const DispatchStatus ended{rows[0].Int(0), IdOf(dispatch.sim_id()), dispatch.lane(),
                                       dispatch.key(), rows[0].String(1)};
            MO_RETURN_IF_ERROR(outbox_.Append(tx, caller.account_id, dispatch.group(),
                                              MakeProgress(ended, dispatch.group())));
          }
        }
        MO_RETURN_IF_ERROR(CheckDuplicates(tx, response));
        MO_RETURN_IF_ERROR(tallies.Tell(tx, outbox_, caller.account_id));
        tx.AfterCommit([this, senders] {
          for (const auto& [sim, lane] : senders) gateway_.Wake(sim, lane);
        });
        return response;
      });
}

absl::StatusOr<google::protobuf::Empty> Ledger::Control(const Caller& caller,
                                                        const v1::ControlGroupRequest& request) {
  std::vector<int64_t> sims;
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(const v1::GroupControl now, LockControl(tx, request.group()));
    // A cancel is for good.
    if (now == v1::GROUP_CONTROL_CANCEL) return absl::OkStatus();
    UpsertControl(tx, request.group(), request.control());
    MO_ASSIGN_OR_RETURN(sims,
                        UpdateControls(tx, request.group(), request.control(), app_.clock().Now()));
    return absl::OkStatus();
  }));
  if (request.control() == v1::GROUP_CONTROL_CANCEL) {
    // From here on no window opens. What is queued is skipped in parts; a crash in between leaves
    // the rest to the caller's retry or to the senders, which skip it when they come to it.
    for (bool more = true; more;) {
      MO_ASSIGN_OR_RETURN(more, SkipSome(caller.account_id, request.group()));
    }
  }
  for (int64_t sim : sims) gateway_.Wake(sim);
  return google::protobuf::Empty();
}

absl::StatusOr<bool> Ledger::SkipSome(int64_t account_id, const std::string& group) {
  constexpr int32_t kRows = 200;
  return database_.As(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(std::vector<DispatchStatus> rows, LockQueued(tx, group, kRows));
    Tallies tallies;
    for (DispatchStatus& row : rows) {
      const std::string before = row.status;
      for (char& byte : row.status) {
        if (Unpack(byte).state != common::DELIVERY_STATE_QUEUED) continue;
        byte = Pack({common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_CANCELED});
      }
      tallies.Add({row.sim_id, row.lane, group}, before, row.status, absl::ZeroDuration());
      MO_RETURN_IF_ERROR(outbox_.Append(tx, account_id, group, MakeProgress(row, group)));
    }
    MO_RETURN_IF_ERROR(tallies.Tell(tx, outbox_, account_id));
    if (!rows.empty()) UpdateStatuses(tx, rows, app_.clock().Now());
    return rows.size() == kRows;
  });
}

absl::StatusOr<v1::GetGroupCountsResponse> Ledger::Counts(
    const Caller& caller, const v1::GetGroupCountsRequest& request) {
  return database_.ReadAs(
      caller.account_id,
      [&](storage::Transaction& tx) -> absl::StatusOr<v1::GetGroupCountsResponse> {
        v1::GetGroupCountsResponse response;
        // One statement, so one snapshot: the counts belong to one moment.
        MO_ASSIGN_OR_RETURN(std::vector<std::string> statuses, SelectStatuses(tx, request.group()));
        for (const std::string& status : statuses) AddCounts(status, *response.mutable_counts());
        return response;
      });
}

absl::StatusOr<v1::GetBacklogsResponse> Ledger::Backlogs(const Caller& caller,
                                                         const v1::GetBacklogsRequest& request) {
  std::vector<int64_t> sims;
  for (const std::string& id : request.sim_ids()) sims.push_back(IdOf(id));
  MO_ASSIGN_OR_RETURN(const std::vector<v1::Backlog> backlogs,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectBacklogs(tx, sims, FromProto(request.time()));
                      }));
  v1::GetBacklogsResponse response;
  response.mutable_backlogs()->Add(backlogs.begin(), backlogs.end());
  return response;
}

absl::StatusOr<v1::ListGroupDeliveriesResponse> Ledger::ListGroup(
    const Caller& caller, const v1::ListGroupDeliveriesRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectGroupDeliveries(tx, request);
  });
}

absl::StatusOr<v1::ListContactDeliveriesResponse> Ledger::ListContact(
    const Caller& caller, const v1::ListContactDeliveriesRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectContactDeliveries(tx, request);
  });
}

}  // namespace mo::sims

// Brings broadcasts to sims, page by page.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "libs/tracking/tracker.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/channels/audience.h"
#include "services/channels/expansion_store.h"
#include "services/channels/occurrences.h"
#include "services/channels/quiet.h"
#include "services/channels/turn_leases.h"

namespace mo::channels {

// A broadcast of which nothing could be decided for longer than this after its send_time is MISSED.
inline constexpr absl::Duration kGracePeriod = absl::Hours(1);

// Expands broadcasts that are due, a page of one in turn: accounts take turns by what their pages
// cost (and by their weights), the broadcasts of an account page by page. Any number may run, in
// any number of processes; a broadcast is one's at a time, and another's 10 s after that one died,
// or when a page takes longer than TurnLeases allows.
//
// Each contact gets it exactly once: a page is decided in one transaction, which stores what is to
// be sent and moves the cursor; only then is it submitted, under keys that depend on the page.
// After a crash the stored page is submitted again, not decided again. A page that is stored is
// always submitted, also after a pause or cancel: sims does to it what was asked of the group.
class Expander {
 public:
  Expander(App& app, storage::Database& database, events::Outbox& outbox, Occurrences& occurrences,
           TurnLeases& leases);

  // Expands one page of the broadcast whose turn it is. False when none is due.
  absl::StatusOr<bool> RunOnce();

  // The steps of RunOnce, which holds the lease meanwhile; they may stop between any two, for good.
  // Takes the lease of the broadcast whose turn it is.
  absl::StatusOr<std::optional<Turn>> Take();
  // Decides the next page, unless there is one that is stored still, or the broadcast does not
  // expand (any more).
  absl::Status Plan(Turn& turn);
  // Submits the stored page, if there is one. Recipients whose SIM is gone since then are skipped.
  absl::Status Submit(Turn& turn);
  // Notes that it was submitted, and gives the lease back.
  absl::Status End(const Turn& turn);

 private:
  absl::Status Expand(Turn& turn);
  double Price(const Turn& turn, double contacts) const;
  absl::Status Postpone(const Turn& turn, const absl::Status& reason);
  absl::StatusOr<bool> Begin(Turn& turn);
  absl::StatusOr<bool> Start(storage::Transaction& tx, const Turn& turn);
  absl::StatusOr<Candidates> Next(const Turn& turn, const v1::Broadcast& broadcast, int32_t limit);
  absl::StatusOr<Candidates> NextFailed(const Turn& turn, const v1::Broadcast& broadcast,
                                        int32_t limit);
  absl::StatusOr<std::optional<tracking::PersonalLinks>> Links(
      const Turn& turn, const v1::Broadcast& broadcast, const std::vector<std::string>& urls,
      const std::vector<int64_t>& contacts);
  absl::Status TellSkips(storage::Transaction& tx, const Turn& turn, const Page& page);
  absl::Status Send(const Turn& turn, const sims_v1::SubmitRequest& request);
  absl::StatusOr<std::set<std::string>> SendApart(const Turn& turn,
                                                  const sims_v1::SubmitRequest& request);
  absl::StatusOr<v1::Broadcast> Load(const Turn& turn);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Occurrences& occurrences_;
  TurnLeases& leases_;
  const std::string owner_;
  // Of this process one at a time waits for its turn, so that it sleeps through one at most.
  std::mutex taking_;
  Quiet quiet_;
  Client<contacts_v1::ContactService> contacts_;
  Client<sims_v1::DispatchService> sims_;
  tracking::Tracker tracker_;
  prometheus::Counter& pages_;
  prometheus::Counter& recipients_;
  prometheus::Counter& skipped_;
  prometheus::Counter& failures_;
};

}  // namespace mo::channels

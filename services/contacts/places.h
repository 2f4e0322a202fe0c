// Places on SIMs: how a contact gets one from sims so that none is lost and none is given twice,
// whoever dies when.
//
// sims and contacts cannot commit together. So the intention is committed first (a row of
// contacts.places, with the number that the contact will have), then sims is asked (idempotent by
// that number), then contact and SIM are entered and the intention is deleted, in one transaction.
// Whoever dies between leaves the intention behind; after kDoubt, which is longer than any call can
// still be under way, the sweeper condemns it — from then on nobody may enter it — gives the place
// up, and forgets it. Calls for the same phone or address share one intention, hence one place. No
// contact exists before it has its place, except those whose SIM had no room when they wrote.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/contacts/contact_store.h"

namespace mo::contacts {

namespace sims_v1 = messageorganizer::sims::v1;

// Whether a transaction has failed because another was faster; begun anew it finds more of the
// others' work done.
bool Overtaken(const absl::Status& status);

// A contact's place: its number, and its SIM unless sims has none with room.
struct Place {
  int64_t contact_id = 0;
  sims_v1::AllocateResponse sim;
  absl::Status full;  // sims' refusal, SIM_POOL_FULL

  bool found() const { return full.ok(); }
};

// The number of the contact that an intention is for.
class Intention {
 public:
  explicit Intention(int64_t contact_id) : contact_id_(contact_id) {}
  explicit Intention(storage::Pending joined) : joined_(std::move(joined)) {}

  // Once; takes a round trip before the commit, and none after it.
  absl::StatusOr<int64_t> ContactId();

 private:
  int64_t contact_id_ = 0;
  std::optional<storage::Pending> joined_;
};

class Places {
 public:
  // How long an intention counts as alive; asking sims takes at most a third of it.
  static constexpr absl::Duration kDoubt = absl::Seconds(60);

  Places(App& app, storage::Database& database)
      : app_(app), database_(database), allocation_(app), sims_(app) {}

  // Enters the intention for a contact that was not found, or was found without a SIM. Overtaken
  // when it exists by now after all.
  absl::StatusOr<Intention> Intend(storage::Transaction& tx, const std::optional<ContactRow>& found,
                                   const Identity& identity);
  // Asks sims, after the intention is committed. sim_id: only this SIM. A full pool is an answer,
  // not an error. The phone, if it is known, may decide which SIM it is.
  absl::StatusOr<Place> Ask(const Caller& caller, int64_t contact_id, const Identity& identity,
                            const std::string& sim_id, absl::Time intended);
  // Address and name of the SIM that a contact has.
  absl::StatusOr<Place> Existing(const Caller& caller, const ContactRow& row);
  // Takes the intention back after a full pool. (Inside a transaction: LeavePlace.)
  absl::Status Leave(int64_t account_id, int64_t contact_id);
  // Gives up a place that was got and is not needed; nobody else shares it.
  absl::Status Discard(const Caller& caller, int64_t contact_id, Network network);

  // Gives up condemned places and those in doubt for too long; true when there may be more.
  absl::StatusOr<bool> Sweep();

 private:
  absl::Status GiveUp(const Caller& caller, int64_t contact_id);

  App& app_;
  storage::Database& database_;
  Client<sims_v1::AllocationService> allocation_;
  Client<sims_v1::SimService> sims_;
};

}  // namespace mo::contacts

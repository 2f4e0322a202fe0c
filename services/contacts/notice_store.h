// Tables of moves to other SIMs, and of what is said of them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::contacts {

// A contact has another SIM; `event_id` is sims' number of it.
struct Move {
  int64_t account_id = 0;
  int64_t event_id = 0;
  messageorganizer::sims::v1::ContactRehomed event;
};
// An active contact that has another SIM now.
struct MovedContact {
  int64_t account_id = 0;
  int64_t contact_id = 0;
  int64_t old_sim_id = 0;
  int64_t new_sim_id = 0;
};
// Enters moves, each contact at most once (system role): its SIM, what its registrations show, and
// a notice if there is one and the contact is active. Notices of earlier moves are given up. A
// contact that is just being given the old SIM gets another one (places.h). Those that were active.
absl::StatusOr<std::vector<MovedContact>> EnterMoves(storage::Transaction& tx,
                                                     const std::vector<Move>& moves,
                                                     absl::Time now);

// A notice's dispatch.
struct NoticeKey {
  int64_t account_id = 0;
  int64_t contact_id = 0;
  int64_t event_id = 0;
  int64_t attempt = 0;
};
// A notice that is to be submitted, with whom it is for.
struct Notice {
  NoticeKey key;
  int64_t sim_id = 0;
  std::string sim_address;
  std::string sim_display_name;
  std::string content;  // common.v1.Content
  // Whether the contact is active and still with that SIM.
  bool wanted = false;
  std::string address;
  std::string display_name;
};
// Takes notices that are due, those that nobody settles until `retry_time` once more then (system
// role).
absl::StatusOr<std::vector<Notice>> TakeDueNotices(storage::Transaction& tx, absl::Time now,
                                                   absl::Time retry_time, int32_t limit);
// They are in sims' ledger.
void MarkNotices(storage::Transaction& tx, const std::vector<NoticeKey>& keys, absl::Time now);
// They are settled.
void DeleteNotices(storage::Transaction& tx, const std::vector<NoticeKey>& keys);
// They could not be sent, for the contact has not written to its SIM: they wait until it does, or
// are due at once if it has meanwhile.
void PutOffNotices(storage::Transaction& tx, const std::vector<NoticeKey>& keys, absl::Time now);
// The contact has written to its SIM.
void WakeNotice(storage::Transaction& tx, int64_t contact_id, absl::Time now);

}  // namespace mo::contacts

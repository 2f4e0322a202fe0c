#include "services/contacts/sims_events.h"

#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/contacts/notices.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;

namespace {

namespace common_v1 = messageorganizer::common::v1;
namespace sims_v1 = messageorganizer::sims::v1;

template <class Payload>
bool Is(const events::Event& event) {
  return event.envelope.type() == Payload::descriptor()->full_name();
}

// The last move of each contact is what counts.
using Moves = std::map<std::pair<int64_t, int64_t>, Move>;

// A notice that the ledger is done with, and whether the network does not let us send it now.
struct Settled {
  NoticeKey key;
  bool window_closed = false;
};

std::optional<Settled> SettledIn(const events::Event& event) {
  const auto progress = events::As<sims_v1::DispatchProgress>(event);
  if (!progress || !progress->complete()) return std::nullopt;
  const std::optional<NoticeKey> key = NoticeKeyOf(event.envelope.account_id(), progress->key());
  if (!key) return std::nullopt;
  return Settled{*key, progress->state() == common_v1::DELIVERY_STATE_SKIPPED &&
                           progress->reason() == common_v1::DELIVERY_REASON_WINDOW_CLOSED};
}

}  // namespace

// Most events tell of others' dispatches: not even decoded.
bool SimsEvents::Wants(const events::Event& event) {
  if (Is<sims_v1::ContactRehomed>(event)) return true;
  return Is<sims_v1::DispatchProgress>(event) &&
         absl::StrContains(event.envelope.payload(), "rehome/con_");
}

absl::Status SimsEvents::Handle(storage::Transaction& tx, const std::vector<events::Event>& batch) {
  const absl::Time now = app_.clock().Now();
  Moves moves;
  std::vector<NoticeKey> done, put_off;
  for (const events::Event& event : batch) {
    if (auto rehomed = events::As<sims_v1::ContactRehomed>(event)) {
      const int64_t account_id = event.envelope.account_id();
      const std::pair<int64_t, int64_t> contact(account_id, IdOf(rehomed->contact_id()));
      moves[contact] = {account_id, event.id, *std::move(rehomed)};
    } else if (const std::optional<Settled> settled = SettledIn(event)) {
      (settled->window_closed ? put_off : done).push_back(settled->key);
    }
  }
  if (!moves.empty()) {
    std::vector<Move> list;
    for (auto& [contact, move] : moves) list.push_back(std::move(move));
    MO_ASSIGN_OR_RETURN(const std::vector<MovedContact> moved, EnterMoves(tx, list, now));
    for (const MovedContact& contact : moved) MO_RETURN_IF_ERROR(Tell(tx, contact));
  }
  if (!done.empty()) DeleteNotices(tx, done);
  if (!put_off.empty()) PutOffNotices(tx, put_off, now);
  return absl::OkStatus();
}

absl::Status SimsEvents::Tell(storage::Transaction& tx, const MovedContact& contact) {
  v1::ContactMoved event;
  event.set_contact_id(FormatId("con", contact.contact_id));
  event.set_old_sim_id(FormatId("sim", contact.old_sim_id));
  event.set_new_sim_id(FormatId("sim", contact.new_sim_id));
  return outbox_.Append(tx, contact.account_id, event.contact_id(), event);
}

}  // namespace mo::contacts

#include "services/sims/rehoming.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/calling_codes.h"
#include "services/sims/errors.h"
#include "services/sims/pool_settings.h"
#include "services/sims/pool_store.h"
#include "services/sims/progress.h"
#include "services/sims/sim_history.h"
#include "services/sims/status_bytes.h"
#include "services/sims/tallies.h"

namespace mo::sims {
namespace {

constexpr int32_t kPage = 500;
constexpr int32_t kSimsAtOnce = 20;
constexpr int32_t kDispatchPage = 200;
// There was no room.
constexpr absl::Duration kRoomRetry = absl::Seconds(30);
// A dispatch that was submitted while its SIM was deleted is there by then.
constexpr absl::Duration kDeletedKept = absl::Minutes(1);

// How many digits two numbers begin with alike; 0 when they are of different countries.
int CommonDigits(absl::string_view one, absl::string_view other) {
  absl::ConsumePrefix(&one, "+");
  absl::ConsumePrefix(&other, "+");
  const auto end = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  const int same = static_cast<int>(end.first - one.begin());
  return same < CallingCodeLength(one) ? 0 : same;
}

v1::AllocationStrategy StrategyOf(const v1::PoolSettings& settings, common::Network network) {
  for (const v1::NetworkStrategy& each : settings.strategies()) {
    if (each.network() == network) return each.strategy();
  }
  return v1::ALLOCATION_STRATEGY_LEAST_FILLED;
}

v1::ContactRehomed RehomedEvent(int64_t contact, const Home& from, const Home& to,
                                const v1::PoolSettings& settings) {
  v1::ContactRehomed event;
  event.set_contact_id(FormatId("con", contact));
  event.set_old_sim_id(FormatId("sim", from.id));
  event.set_new_sim_id(FormatId("sim", to.id));
  event.set_network(from.network);
  event.set_address(to.address);
  event.set_display_name(to.display_name);
  if (settings.has_rehome_notice()) *event.mutable_notice() = settings.rehome_notice();
  return event;
}

}  // namespace

int ChooseHome(const std::vector<Home>& homes, const Home& lost, v1::AllocationStrategy strategy) {
  int best = -1;
  // The least of these.
  std::tuple<int, double, int64_t> best_rank;
  for (size_t i = 0; i < homes.size(); ++i) {
    const Home& home = homes[i];
    if (home.id == lost.id || home.occupancy >= home.capacity) continue;
    double second = static_cast<double>(home.occupancy) / static_cast<double>(home.capacity);
    int first = 0;
    if (strategy == v1::ALLOCATION_STRATEGY_NEWEST_LAST)
      second = absl::ToDoubleSeconds(home.create_time - absl::UnixEpoch());
    if (strategy == v1::ALLOCATION_STRATEGY_COUNTRY_PREFIX)
      first = -CommonDigits(home.address, lost.address);
    const std::tuple<int, double, int64_t> rank{first, second, home.id};
    if (best >= 0 && best_rank <= rank) continue;
    best = static_cast<int>(i);
    best_rank = rank;
  }
  return best;
}

Rehoming::Rehoming(App& app, storage::Database& database, events::Outbox& outbox)
    : app_(app),
      database_(database),
      outbox_(outbox),
      moved_(app.metrics().Counter("mo_sims_contacts_rehomed_total",
                                   "Contacts that were moved from a lost SIM to another one")) {}

absl::Status Rehoming::Ask(const Caller& caller, const v1::RehomeSimRequest& request) {
  return database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
    const absl::Time now = app_.clock().Now();
    const SimKey key{caller.account_id, IdOf(request.id())};
    MO_ASSIGN_OR_RETURN(const v1::Sim sim, SelectSim(tx, key.sim_id, now, /*lock=*/true));
    if (sim.network() != common::NETWORK_WHATSAPP && sim.network() != common::NETWORK_SMS)
      return AddressBound();
    if (sim.state() == v1::SIM_STATE_ACTIVE) return SimActive();
    BeginRehoming(tx, key, now);
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Rehoming::RunOnce() {
  const absl::Time now = app_.clock().Now();
  std::vector<SimKey> due, deleted;
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_RETURN_IF_ERROR(BeginBlocked(tx, now));
    MO_ASSIGN_OR_RETURN(due, SelectDueRehomings(tx, now, kSimsAtOnce));
    MO_ASSIGN_OR_RETURN(deleted, SelectDeleted(tx));
    return absl::OkStatus();
  }));
  bool more = false;
  const auto run = [&](const SimKey& sim, auto page) {
    const absl::StatusOr<bool> again = database_.As(
        sim.account_id, [&](storage::Transaction& tx) { return (this->*page)(tx, sim); });
    if (again.ok()) {
      more = more || *again;
      return;
    }
    // The others' must not wait for it; it is due at the next run.
    Log(LogLevel::kWarning, "a SIM's contacts or messages could not be moved",
        {{"sim", FormatId("sim", sim.sim_id)}, {"error", std::string(again.status().message())}});
  };
  for (const SimKey& sim : due) run(sim, &Rehoming::MovePage);
  for (const SimKey& sim : deleted) run(sim, &Rehoming::EndLeft);
  return more;
}

absl::StatusOr<bool> Rehoming::MovePage(storage::Transaction& tx, const SimKey& sim) {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(const std::optional<int64_t> before, LockRehoming(tx, sim, now));
  if (!before) return false;
  // Contacts before SIMs, as whoever releases a place does.
  MO_ASSIGN_OR_RETURN(const std::vector<int64_t> contacts, LockContacts(tx, sim, kPage));
  MO_ASSIGN_OR_RETURN(std::vector<Home> homes, LockHomes(tx, sim));
  const auto lost = std::find_if(homes.begin(), homes.end(),
                                 [&](const Home& home) { return home.id == sim.sim_id; });
  // Deleted, or works again: whoever is left stays.
  if (lost == homes.end() || lost->state == v1::SIM_STATE_ACTIVE) {
    EndRehoming(tx, sim);
    return false;
  }
  if (contacts.empty()) {
    EndRehoming(tx, sim);
    NoteHistory(tx, sim.account_id, sim.sim_id, now, "REHOMED",
                absl::StrCat(*before, " contacts have other SIMs now"));
    return false;
  }
  const Home from = *lost;
  MO_ASSIGN_OR_RETURN(const v1::PoolSettings settings, SelectPoolSettings(tx, sim.account_id));
  const v1::AllocationStrategy strategy = StrategyOf(settings, from.network);
  std::vector<int64_t> moved, to;
  for (const int64_t contact : contacts) {
    const int chosen = ChooseHome(homes, from, strategy);
    if (chosen < 0) break;
    Home& home = homes[static_cast<size_t>(chosen)];
    ++home.occupancy;
    moved.push_back(contact);
    to.push_back(home.id);
    MO_RETURN_IF_ERROR(outbox_.Append(tx, sim.account_id, FormatId("con", contact),
                                      RehomedEvent(contact, from, home, settings)));
  }
  const bool full = moved.size() < contacts.size();
  if (!moved.empty()) MoveContacts(tx, sim, moved, to);
  ContinueRehoming(tx, sim, static_cast<int64_t>(moved.size()), full ? now + kRoomRetry : now);
  tx.AfterCommit([this, count = moved.size()] { moved_.Increment(static_cast<double>(count)); });
  return !full;
}

absl::StatusOr<bool> Rehoming::EndLeft(storage::Transaction& tx, const SimKey& sim) {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(std::vector<LeftDispatch> left, LockLeft(tx, sim, kDispatchPage));
  if (left.empty()) {
    ForgetDeleted(tx, sim, now - kDeletedKept);
    return false;
  }
  std::vector<DispatchStatus> statuses;
  Tallies tallies;
  for (LeftDispatch& each : left) {
    const std::string before = each.dispatch.status;
    for (char& byte : each.dispatch.status) {
      const common::DeliveryState state = Unpack(byte).state;
      if (state == common::DELIVERY_STATE_QUEUED)
        byte = Pack({common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_NO_SIM});
      // It may have left; nobody will tell.
      if (state == common::DELIVERY_STATE_ATTEMPTING)
        byte = Pack({common::DELIVERY_STATE_UNCERTAIN, {}});
    }
    tallies.Add({each.dispatch.sim_id, each.dispatch.lane, each.group}, before,
                each.dispatch.status, absl::ZeroDuration());
    MO_RETURN_IF_ERROR(
        outbox_.Append(tx, sim.account_id, each.group, MakeProgress(each.dispatch, each.group)));
    statuses.push_back(std::move(each.dispatch));
  }
  MO_RETURN_IF_ERROR(tallies.Tell(tx, outbox_, sim.account_id));
  UpdateStatuses(tx, statuses, now);
  return left.size() == kDispatchPage;
}

}  // namespace mo::sims

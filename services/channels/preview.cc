#include "services/channels/preview.h"

#include <algorithm>

#include "libs/runtime/ids.h"
#include "libs/runtime/quiet_hours.h"
#include "libs/runtime/status.h"
#include "services/channels/audience.h"
#include "services/channels/broadcast_store.h"
#include "services/channels/resolve.h"
#include "services/channels/states.h"

namespace mo::channels {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(5);
// What is left to do after counting.
constexpr absl::Duration kMargin = absl::Seconds(2);
constexpr int32_t kPage = 5000;  // what one call resolves
constexpr int32_t kSimsPage = 1000;
constexpr int kBacklogsPart = 100;  // SIMs of one call

bool Sends(const sims_v1::Sim& sim) {
  return sim.online() &&
         (sim.state() == sims_v1::SIM_STATE_ACTIVE || sim.state() == sims_v1::SIM_STATE_DRAINING);
}

// Recipients by when the SIM may begin to send to them.
using Waves = std::map<absl::Time, int64_t>;

Waves WavesOf(const v1::Broadcast& broadcast, const std::map<std::string, int64_t>& zones,
              absl::Time start) {
  Waves waves;
  for (const auto& [zone, recipients] : zones) {
    absl::Time begin = start;
    if (broadcast.has_applied_quiet_hours()) {
      common::ZonedQuietHours hours = broadcast.applied_quiet_hours();
      hours.set_time_zone(zone);
      begin = QuietTimes(hours).EndAt(start).value_or(start);
    }
    waves[begin] += recipients;
  }
  return waves;
}

// How long a SIM takes for so many; nothing is known of one without a limit.
absl::Duration TimeFor(int64_t recipients, int64_t rate) {
  return absl::Seconds(rate == 0 ? 0 : (recipients + rate - 1) / rate);
}

v1::SimLoad LoadOf(const sims_v1::Sim& sim, const sims_v1::Backlog& backlog, const Waves& waves,
                   absl::Time start, absl::Time now) {
  v1::SimLoad load;
  load.set_sim_id(sim.id());
  for (const auto& [begin, recipients] : waves) load.set_recipients(load.recipients() + recipients);
  load.set_messages_per_second(sim.messages_per_second());
  load.set_sending(Sends(sim));
  load.set_queued(backlog.queued());
  const int64_t rate = sim.messages_per_second();
  if (!load.sending() || (backlog.more() && rate > 0)) return load;
  absl::Time finish = std::max(start, now + TimeFor(backlog.queued(), rate));
  for (const auto& [begin, recipients] : waves) {
    finish = std::max(finish, begin) + TimeFor(recipients, rate);
  }
  *load.mutable_finish_time() = ToProto(finish);
  return load;
}

// The latest end of all, unless one has none.
void SetFinish(v1::BroadcastPreview& preview) {
  if (!preview.complete()) return;
  absl::Time finish = FromProto(preview.start_time());
  for (const v1::SimLoad& load : preview.sims()) {
    if (!load.has_finish_time()) return;
    finish = std::max(finish, FromProto(load.finish_time()));
  }
  *preview.mutable_finish_time() = ToProto(finish);
}

}  // namespace

absl::StatusOr<v1::BroadcastPreview> Preview::Of(const Caller& caller,
                                                 const v1::PreviewBroadcastRequest& request) {
  MO_RETURN_IF_ERROR(check_.All(caller, request));
  return Count(caller, BroadcastCheck::WantedOf(request));
}

absl::StatusOr<v1::BroadcastPreview> Preview::OfSaved(
    const Caller& caller, const v1::PreviewSavedBroadcastRequest& request) {
  MO_ASSIGN_OR_RETURN(const v1::Broadcast broadcast,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectBroadcast(tx, {caller.account_id, IdOf(request.id())});
                      }));
  MO_RETURN_IF_ERROR(CheckNotBegun(broadcast.state()));
  return Count(caller, broadcast);
}

absl::StatusOr<v1::BroadcastPreview> Preview::Count(const Caller& caller, v1::Broadcast broadcast) {
  MO_RETURN_IF_ERROR(quiet_.Apply(caller.account_id, broadcast));
  // Of the machine's time: it is the caller who waits.
  const absl::Time deadline = std::min(absl::Now() + kLimit, caller.deadline - kMargin);
  Expansion expansion;
  Loads loads;
  do {
    MO_RETURN_IF_ERROR(CountPage(caller, broadcast, expansion, loads));
  } while (!expansion.complete && absl::Now() < deadline);
  v1::BroadcastPreview preview;
  preview.set_complete(expansion.complete);
  *preview.mutable_start_time() = ToProto(BroadcastCheck::StartOf(broadcast, app_.clock().Now()));
  MO_RETURN_IF_ERROR(AddSims(caller, broadcast, std::move(loads), expansion, preview));
  preview.set_audience(expansion.resolved);
  for (size_t reason = 0; reason < expansion.skipped.size(); ++reason) {
    if (expansion.skipped[reason] == 0) continue;
    common::ReasonCount& count = *preview.add_skipped();
    count.set_state(common::DELIVERY_STATE_SKIPPED);
    count.set_reason(static_cast<common::DeliveryReason>(reason));
    count.set_count(expansion.skipped[reason]);
  }
  SetFinish(preview);
  return preview;
}

absl::Status Preview::CountPage(const Caller& caller, const v1::Broadcast& broadcast,
                                Expansion& expansion, Loads& loads) {
  MO_ASSIGN_OR_RETURN(
      const Candidates candidates, database_.As(caller.account_id, [&](storage::Transaction& tx) {
        return NextCandidates(tx, caller.account_id, broadcast.audience(), expansion.cursor, kPage);
      }));
  MO_ASSIGN_OR_RETURN(
      const contacts_v1::ResolveContactsResponse known,
      Resolve(contacts_, caller, candidates.ids, {}, broadcast.has_applied_quiet_hours()));
  // Nobody's values matter, so it is a content without placeholders.
  Page page = MakePage(broadcast, Personal(common::Content()), expansion, candidates, known);
  if (page.after.stored) {
    for (const sims_v1::Dispatch& dispatch : page.after.stored->dispatches()) {
      loads[dispatch.sim_id()][dispatch.quiet_hours().time_zone()] += dispatch.recipients_size();
    }
  }
  expansion = std::move(page.after);
  expansion.stored.reset();
  return absl::OkStatus();
}

absl::StatusOr<Preview::Backlogs> Preview::BacklogsOf(const Caller& caller, const Loads& loads,
                                                      absl::Time time) {
  Backlogs backlogs;
  for (auto load = loads.begin(); load != loads.end();) {
    sims_v1::GetBacklogsRequest request;
    *request.mutable_time() = ToProto(time);
    for (; load != loads.end() && request.sim_ids_size() < kBacklogsPart; ++load) {
      request.add_sim_ids(load->first);
    }
    MO_ASSIGN_OR_RETURN(const sims_v1::GetBacklogsResponse part,
                        dispatches_.Call(&sims_v1::DispatchService::Stub::GetBacklogs,
                                         caller.WithKey(""), request));
    for (const sims_v1::Backlog& backlog : part.backlogs()) backlogs[backlog.sim_id()] = backlog;
  }
  return backlogs;
}

absl::Status Preview::AddSims(const Caller& caller, const v1::Broadcast& broadcast, Loads loads,
                              Expansion& expansion, v1::BroadcastPreview& preview) {
  const absl::Time start = FromProto(preview.start_time());
  MO_ASSIGN_OR_RETURN(Backlogs backlogs, BacklogsOf(caller, loads, start));
  std::vector<v1::SimLoad> found;
  sims_v1::ListSimsRequest list;
  list.set_page_size(kSimsPage);
  while (!loads.empty()) {
    MO_ASSIGN_OR_RETURN(const sims_v1::ListSimsResponse page,
                        sims_.Call(&sims_v1::SimService::Stub::ListSims, caller.WithKey(""), list));
    for (const sims_v1::Sim& sim : page.sims()) {
      const auto load = loads.find(sim.id());
      if (load == loads.end()) continue;
      const Waves waves = WavesOf(broadcast, load->second, start);
      found.push_back(LoadOf(sim, backlogs[sim.id()], waves, start, app_.clock().Now()));
      for (const auto& [begin, recipients] : waves) {
        if (begin > start) preview.set_deferred(preview.deferred() + recipients);
      }
      loads.erase(load);
    }
    list.set_page_token(page.next_page_token());
    if (list.page_token().empty()) break;
  }
  for (const auto& [sim, zones] : loads) {
    for (const auto& [zone, recipients] : zones) {
      expansion.skipped[common::DELIVERY_REASON_NO_SIM] += recipients;
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const v1::SimLoad& a, const v1::SimLoad& b) {
    return a.recipients() > b.recipients();
  });
  for (v1::SimLoad& load : found) {
    preview.set_recipients(preview.recipients() + load.recipients());
    *preview.add_sims() = std::move(load);
  }
  return absl::OkStatus();
}

}  // namespace mo::channels

#include "services/channels/expander.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "services/channels/resolve.h"
#include "services/channels/states.h"

namespace mo::channels {

namespace links_v1 = messageorganizer::links::v1;

namespace {

// Before a broadcast that could not go on is tried again; others have their turns meanwhile.
constexpr absl::Duration kRetryDelay = absl::Seconds(2);

// Of a turn, beside its contacts.
constexpr double kTurnPrice = 200;

// Most deliveries that sims lists at once.
constexpr int32_t kFailedPage = 1000;

constexpr char kSimGone[] = "SIM_NOT_FOUND";  // of sims' catalogue

std::string OwnerName() {
  char host[64] = {};
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, ":", getpid());
}

int64_t Total(const SkipCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

}  // namespace

Expander::Expander(App& app, storage::Database& database, events::Outbox& outbox,
                   Occurrences& occurrences, TurnLeases& leases)
    : app_(app),
      database_(database),
      outbox_(outbox),
      occurrences_(occurrences),
      leases_(leases),
      owner_(OwnerName()),
      quiet_(app),
      contacts_(app),
      sims_(app),
      tracker_(app),
      pages_(app.metrics().Counter("mo_broadcast_pages_total", "Pages of audiences decided")),
      recipients_(app.metrics().Counter("mo_broadcast_contacts_total",
                                        "Contacts of audiences resolved, skipped ones included")),
      skipped_(app.metrics().Counter("mo_broadcast_skips_total",
                                     "Contacts skipped before they reached a SIM")),
      failures_(app.metrics().Counter("mo_broadcast_expansion_failures_total",
                                      "Attempts to expand a page that are made again")) {}

absl::StatusOr<bool> Expander::RunOnce() {
  MO_ASSIGN_OR_RETURN(std::optional<Turn> turn, Take());
  if (!turn) return false;
  const TurnLeases::Held held = leases_.Hold(*turn);
  const absl::Status expanded = Expand(*turn);
  // Not this function's failure: the other broadcasts go on.
  if (!expanded.ok()) MO_RETURN_IF_ERROR(Postpone(*turn, expanded));
  return true;
}

absl::Status Expander::Postpone(const Turn& turn, const absl::Status& reason) {
  failures_.Increment();
  Log(LogLevel::kWarning, "broadcast will be expanded later",
      {{"broadcast", FormatId("brd", turn.key.id)}, {"error", std::string(reason.message())}});
  return database_.AsSystem([&](storage::Transaction& tx) {
    Charge(tx, turn.key.account_id, -turn.advance);
    return PostponeTurn(tx, turn, app_.clock().Now() + std::max(kRetryDelay, RetryDelayOf(reason)));
  });
}

absl::StatusOr<std::optional<Turn>> Expander::Take() {
  std::lock_guard lock(taking_);
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<std::optional<Turn>> {
    MO_ASSIGN_OR_RETURN(std::optional<Turn> turn, TakeTurn(tx, owner_, app_.clock().Now()));
    if (!turn) return turn;
    // A whole page in advance, for others are taken before it is planned; what it is less is given
    // back then.
    const Expansion& expansion = turn->expansion;
    if (!expansion.stored && !expansion.complete) {
      turn->advance = Price(*turn, PageLimit(expansion, /*parameters=*/0));
    }
    Charge(tx, turn->key.account_id, Price(*turn, kTurnPrice) + turn->advance);
    return turn;
  });
}

// What so many contacts cost a turn's account.
double Expander::Price(const Turn& turn, double contacts) const {
  return contacts / app_.options().account_weights.Of(turn.key.account_id);
}

absl::Status Expander::Expand(Turn& turn) {
  MO_RETURN_IF_ERROR(Plan(turn));
  MO_RETURN_IF_ERROR(Submit(turn));
  return End(turn);
}

absl::StatusOr<v1::Broadcast> Expander::Load(const Turn& turn) {
  return database_.ReadAs(turn.key.account_id,
                          [&](storage::Transaction& tx) { return SelectBroadcast(tx, turn.key); });
}

// Whether the broadcast expands now. The advance is given back if not.
absl::StatusOr<bool> Expander::Begin(Turn& turn) {
  MO_ASSIGN_OR_RETURN(
      const bool expands,
      database_.As(turn.key.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<bool> {
        MO_ASSIGN_OR_RETURN(const bool starts, Start(tx, turn));
        if (!starts) Charge(tx, turn.key.account_id, -turn.advance);
        return starts;
      }));
  if (!expands) turn.advance = 0;
  return expands;
}

// Starts a scheduled broadcast, or notes that it is too late for it. Not when it was put off since
// its turn was taken.
absl::StatusOr<bool> Expander::Start(storage::Transaction& tx, const Turn& turn) {
  if (turn.expansion.page == 0) LockSeriesOf(tx, turn.key);  // it may be missed
  MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, turn.key));
  const bool scheduled = broadcast.state() == v1::BROADCAST_STATE_SCHEDULED;
  if (!scheduled && broadcast.state() != v1::BROADCAST_STATE_EXPANDING) return false;
  const absl::Time now = app_.clock().Now();
  const absl::Time send_time = FromProto(broadcast.send_time());
  if (scheduled && send_time > now) return false;
  bool missed = now > send_time + kGracePeriod;
  if (missed && !scheduled) {
    // It was started, but nothing could be decided so far, e.g. because contacts was down. The
    // turn's number may be old, if the lease has been lost. A resend begins however late: there is
    // only one.
    missed = turn.expansion.page == 0 && broadcast.resend_of().empty();
    if (missed) {
      MO_ASSIGN_OR_RETURN(const Expansion expansion, SelectExpansion(tx, turn.key));
      missed = expansion.page == 0;
    }
  }
  if (!missed && !scheduled) return true;
  broadcast.set_state(missed ? v1::BROADCAST_STATE_MISSED : v1::BROADCAST_STATE_EXPANDING);
  if (missed) {
    *broadcast.mutable_finish_time() = ToProto(now);
    if (!broadcast.series_id().empty()) {
      occurrences_.Miss(tx, {turn.key.account_id, IdOf(broadcast.series_id())});
    }
  }
  MO_RETURN_IF_ERROR(SaveState(tx, outbox_, turn.key, broadcast));
  return !missed;
}

absl::Status Expander::Plan(Turn& turn) {
  const Expansion& before = turn.expansion;
  if (before.stored || before.complete) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(const bool expands, Begin(turn));
  if (!expands) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, Load(turn));
  const bool begins = before.page == 0;
  if (begins) MO_RETURN_IF_ERROR(quiet_.Apply(turn.key.account_id, broadcast));
  const Personal personal(broadcast.content(), broadcast.track_links());
  MO_ASSIGN_OR_RETURN(
      const Candidates candidates,
      Next(turn, broadcast,
           PageLimit(before, personal.parameters().size() + personal.urls().size())));
  MO_ASSIGN_OR_RETURN(
      const contacts_v1::ResolveContactsResponse known,
      Resolve(contacts_, ServiceCaller("channels", turn.key.account_id), candidates.ids,
              personal.parameters(), broadcast.has_applied_quiet_hours()));
  MO_ASSIGN_OR_RETURN(const std::optional<tracking::PersonalLinks> links,
                      Links(turn, broadcast, personal.urls(), candidates.ids));
  const Page page = MakePage(broadcast, personal, before, candidates, known, links);
  MO_ASSIGN_OR_RETURN(
      const bool stored,
      database_.As(turn.key.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<bool> {
        // A pause or cancel since then must not be overtaken.
        MO_ASSIGN_OR_RETURN(const v1::Broadcast now, LockBroadcast(tx, turn.key));
        if (now.state() != v1::BROADCAST_STATE_EXPANDING) {
          Charge(tx, turn.key.account_id, -turn.advance);
          return false;
        }
        if (begins && broadcast.has_applied_quiet_hours()) SaveQuietHours(tx, turn.key, broadcast);
        MO_RETURN_IF_ERROR(StorePage(tx, turn, page, app_.clock().Now()));
        MO_RETURN_IF_ERROR(TellSkips(tx, turn, page));
        const auto decided = static_cast<double>(page.after.resolved - before.resolved);
        Charge(tx, turn.key.account_id, Price(turn, decided) - turn.advance);
        return true;
      }));
  turn.advance = 0;
  if (!stored) return absl::OkStatus();
  pages_.Increment();
  recipients_.Increment(static_cast<double>(candidates.ids.size()));
  skipped_.Increment(static_cast<double>(Total(page.after.skipped) - Total(before.skipped)));
  turn.expansion = page.after;
  return absl::OkStatus();
}

// The short links of a page, if there is anything to track. Their key names the attempt too: a page
// that is planned again may have other contacts, and what was made for the first one is never sent.
absl::StatusOr<std::optional<tracking::PersonalLinks>> Expander::Links(
    const Turn& turn, const v1::Broadcast& broadcast, const std::vector<std::string>& urls,
    const std::vector<int64_t>& contacts) {
  if (urls.empty() || contacts.empty()) return std::nullopt;
  links_v1::ShortenLinksRequest request;
  request.set_key(absl::StrCat(broadcast.id(), "/", turn.expansion.page + 1, "/", turn.epoch));
  request.mutable_urls()->Add(urls.begin(), urls.end());
  request.set_recipients(static_cast<int64_t>(contacts.size()));
  request.mutable_contact_ids()->Add(contacts.begin(), contacts.end());
  if (broadcast.has_link_utm()) *request.mutable_utm() = broadcast.link_utm();
  request.mutable_assignment()->set_broadcast_id(broadcast.id());
  if (broadcast.audience().channels_size() == 1)
    request.mutable_assignment()->set_channel_id(broadcast.audience().channels(0));
  MO_ASSIGN_OR_RETURN(tracking::PersonalLinks links,
                      tracker_.Shorten(ServiceCaller("channels", turn.key.account_id), request));
  return links;
}

absl::StatusOr<Candidates> Expander::Next(const Turn& turn, const v1::Broadcast& broadcast,
                                          int32_t limit) {
  if (!broadcast.resend_of().empty()) return NextFailed(turn, broadcast, limit);
  return database_.As(turn.key.account_id, [&](storage::Transaction& tx) {
    return NextCandidates(tx, turn.key.account_id, broadcast.audience(), turn.expansion.cursor,
                          limit);
  });
}

// A broadcast has each contact once, so its list of failed ones has too.
absl::StatusOr<Candidates> Expander::NextFailed(const Turn& turn, const v1::Broadcast& broadcast,
                                                int32_t limit) {
  sims_v1::ListGroupDeliveriesRequest request;
  request.set_group(broadcast.resend_of());
  request.set_state(common::DELIVERY_STATE_FAILED);
  request.set_page_size(std::min(limit, kFailedPage));
  request.set_page_token(turn.expansion.source_token);
  MO_ASSIGN_OR_RETURN(const sims_v1::ListGroupDeliveriesResponse failed,
                      sims_.Call(&sims_v1::DispatchService::Stub::ListGroupDeliveries,
                                 ServiceCaller("channels", turn.key.account_id), request));
  Candidates candidates;
  for (const sims_v1::Delivery& delivery : failed.deliveries()) {
    candidates.ids.push_back(IdOf(delivery.contact_id()));
  }
  std::sort(candidates.ids.begin(), candidates.ids.end());
  candidates.source_token = failed.next_page_token();
  candidates.complete = candidates.source_token.empty();
  return candidates;
}

absl::Status Expander::Submit(Turn& turn) {
  if (!turn.expansion.stored) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(const v1::Broadcast broadcast, Load(turn));
  std::set<std::string> gone;
  for (const sims_v1::SubmitRequest& request : RequestsOf(broadcast, *turn.expansion.stored)) {
    const absl::Status sent = Send(turn, request);
    if (sent.ok()) continue;
    if (ReasonOf(sent) != kSimGone) return sent;
    MO_ASSIGN_OR_RETURN(const std::set<std::string> keys, SendApart(turn, request));
    gone.insert(keys.begin(), keys.end());
  }
  if (gone.empty()) return absl::OkStatus();
  const Page rest = Without(turn.expansion, gone);
  MO_RETURN_IF_ERROR(
      database_.As(turn.key.account_id, [&](storage::Transaction& tx) -> absl::Status {
        MO_RETURN_IF_ERROR(ShrinkPage(tx, turn, rest, app_.clock().Now()));
        return TellSkips(tx, turn, rest);
      }));
  turn.expansion = rest.after;
  skipped_.Increment(static_cast<double>(rest.skipped_contacts.size()));
  return absl::OkStatus();
}

absl::Status Expander::TellSkips(storage::Transaction& tx, const Turn& turn, const Page& page) {
  std::map<int16_t, int64_t> counts;
  for (const int16_t reason : page.skipped_reasons) ++counts[reason];
  if (counts.empty()) return absl::OkStatus();
  v1::AudienceSkipped event;
  event.set_broadcast_id(FormatId("brd", turn.key.id));
  for (const auto& [reason, count] : counts) {
    common::ReasonCount& entry = *event.add_reasons();
    entry.set_state(common::DELIVERY_STATE_SKIPPED);
    entry.set_reason(static_cast<common::DeliveryReason>(reason));
    entry.set_count(count);
  }
  return outbox_.Append(tx, turn.key.account_id, event.broadcast_id(), event);
}

absl::Status Expander::Send(const Turn& turn, const sims_v1::SubmitRequest& request) {
  return sims_
      .Call(MO_METHOD(sims_v1::DispatchService, Submit),
            ServiceCaller("channels", turn.key.account_id), request)
      .status();
}

// Sends the dispatches one by one, since one without a SIM has kept all from being taken; the keys
// of those without.
absl::StatusOr<std::set<std::string>> Expander::SendApart(const Turn& turn,
                                                          const sims_v1::SubmitRequest& request) {
  std::set<std::string> gone;
  for (const sims_v1::Dispatch& dispatch : request.dispatches()) {
    sims_v1::SubmitRequest one;
    *one.add_dispatches() = dispatch;
    const absl::Status sent = Send(turn, one);
    if (ReasonOf(sent) == kSimGone) {
      gone.insert(dispatch.key());
    } else if (!sent.ok()) {
      return sent;
    }
  }
  return gone;
}

absl::Status Expander::End(const Turn& turn) {
  return database_.As(turn.key.account_id, [&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, turn.key));
    const bool expanding = broadcast.state() == v1::BROADCAST_STATE_EXPANDING;
    // One that was put off meanwhile, or that is not due by this machine's clock, has its turn to
    // come.
    bool open = expanding || broadcast.state() == v1::BROADCAST_STATE_SCHEDULED;
    if (expanding && turn.expansion.complete) {
      open = false;
      broadcast.set_state(v1::BROADCAST_STATE_SENDING);
      MO_RETURN_IF_ERROR(SaveState(tx, outbox_, turn.key, broadcast));
    }
    return EndTurn(tx, turn, open, expanding);
  });
}

}  // namespace mo::channels

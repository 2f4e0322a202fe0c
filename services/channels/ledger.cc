#include "services/channels/ledger.h"

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"

namespace mo::channels {
namespace {

// A list's key is "d" and sims' page token, or "s" and the page and index of a skip.
constexpr char kSent[] = "d";
constexpr char kSkipped[] = "s";
constexpr char kFirstSkip[] = "s0/0";

bool WantsSkips(common::DeliveryState state) {
  return state == common::DELIVERY_STATE_UNSPECIFIED || state == common::DELIVERY_STATE_SKIPPED;
}

}  // namespace

common::DeliveryCounts Combine(const common::DeliveryCounts& sims, const Expansion& expansion) {
  common::DeliveryCounts counts = sims;
  std::map<std::pair<int, int>, int64_t> reasons;
  for (const common::ReasonCount& count : sims.reasons()) {
    reasons[{count.state(), count.reason()}] += count.count();
  }
  for (size_t reason = 0; reason < expansion.skipped.size(); ++reason) {
    const int64_t skipped = expansion.skipped[reason];
    if (skipped == 0) continue;
    counts.set_skipped(counts.skipped() + skipped);
    reasons[{common::DELIVERY_STATE_SKIPPED, static_cast<int>(reason)}] += skipped;
  }
  counts.clear_reasons();
  for (const auto& [key, number] : reasons) {
    common::ReasonCount& count = *counts.add_reasons();
    count.set_state(static_cast<common::DeliveryState>(key.first));
    count.set_reason(static_cast<common::DeliveryReason>(key.second));
    count.set_count(number);
  }
  counts.set_audience(expansion.resolved);
  counts.set_queued(expansion.resolved - counts.attempting() - counts.accepted() - counts.sent() -
                    counts.delivered() - counts.read() - counts.failed() - counts.skipped() -
                    counts.uncertain());
  return counts;
}

absl::StatusOr<v1::Ledger> Ledgers::Read(const Caller& caller, BroadcastKey key) {
  sims_v1::GetGroupCountsRequest request;
  request.set_group(FormatId("brd", key.id));
  MO_ASSIGN_OR_RETURN(
      const sims_v1::GetGroupCountsResponse sims,
      sims_.Call(&sims_v1::DispatchService::Stub::GetGroupCounts, caller.WithKey(""), request));
  // After sims, see Combine.
  MO_ASSIGN_OR_RETURN(const Expansion expansion,
                      database_.ReadAs(key.account_id, [&](storage::Transaction& tx) {
                        return SelectExpansion(tx, key);
                      }));
  MO_ASSIGN_OR_RETURN(v1::ClickTotals clicks,
                      database_.ReadAs(key.account_id, [&](storage::Transaction& tx) {
                        return SelectClickTotals(tx, key);
                      }));
  v1::Ledger ledger;
  ledger.set_broadcast_id(request.group());
  *ledger.mutable_clicks() = std::move(clicks);
  *ledger.mutable_counts() = Combine(sims.counts(), expansion);
  ledger.set_audience_complete(expansion.complete);
  return ledger;
}

absl::StatusOr<v1::Ledger> Ledgers::Get(const Caller& caller, const v1::GetLedgerRequest& request) {
  return Read(caller, {caller.account_id, IdOf(request.id())});
}

absl::StatusOr<v1::ListDeliveriesResponse> Ledgers::ListDeliveries(
    const Caller& caller, const v1::ListDeliveriesRequest& request) {
  MO_ASSIGN_OR_RETURN(std::string key, storage::PageKey(request.page_token()));
  MO_RETURN_IF_ERROR(database_
                         .As(caller.account_id,
                             [&](storage::Transaction& tx) {
                               return SelectBroadcast(tx, {caller.account_id, IdOf(request.id())});
                             })
                         .status());
  v1::ListDeliveriesResponse response;
  if (!absl::StartsWith(key, kSkipped)) {
    MO_RETURN_IF_ERROR(ListSent(caller, request, key.empty() ? "" : key.substr(1), response));
    if (!response.next_page_token().empty()) return response;
    key = kFirstSkip;
  }
  if (WantsSkips(request.state())) {
    MO_RETURN_IF_ERROR(ListSkipped(caller, request, key.substr(1), response));
  }
  return response;
}

absl::Status Ledgers::ListSent(const Caller& caller, const v1::ListDeliveriesRequest& request,
                               const std::string& token, v1::ListDeliveriesResponse& response) {
  sims_v1::ListGroupDeliveriesRequest list;
  list.set_group(request.id());
  list.set_state(request.state());
  list.set_page_size(storage::PageSize(request.page_size()));
  list.set_page_token(token);
  MO_ASSIGN_OR_RETURN(
      const sims_v1::ListGroupDeliveriesResponse sent,
      sims_.Call(&sims_v1::DispatchService::Stub::ListGroupDeliveries, caller.WithKey(""), list));
  for (const sims_v1::Delivery& from : sent.deliveries()) {
    v1::BroadcastDelivery& delivery = *response.add_deliveries();
    delivery.set_id(from.id());
    delivery.set_contact_id(from.contact_id());
    delivery.set_state(from.state());
    delivery.set_reason(from.reason());
    *delivery.mutable_update_time() = from.update_time();
  }
  if (!sent.next_page_token().empty()) {
    response.set_next_page_token(storage::PageToken(absl::StrCat(kSent, sent.next_page_token())));
  }
  return absl::OkStatus();
}

// Fills the page up with skips.
absl::Status Ledgers::ListSkipped(const Caller& caller, const v1::ListDeliveriesRequest& request,
                                  const std::string& key, v1::ListDeliveriesResponse& response) {
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  int64_t page = 0;
  int64_t index = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &page) ||
      !absl::SimpleAtoi(parts[1], &index) || index < 0) {
    return InvalidField("page_token", "BAD_FORMAT",
                        "must be the next_page_token of a former answer");
  }
  const int size = storage::PageSize(request.page_size()) - response.deliveries_size();
  MO_ASSIGN_OR_RETURN(const std::vector<Skip> skips,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectSkips(tx, {caller.account_id, IdOf(request.id())}, page, index,
                                           static_cast<size_t>(size) + 1);
                      }));
  for (const Skip& skip : skips) {
    if (size <= 0 || &skip - skips.data() == size) {
      response.set_next_page_token(
          storage::PageToken(absl::StrCat(kSkipped, skip.page, "/", skip.index)));
      break;
    }
    v1::BroadcastDelivery& delivery = *response.add_deliveries();
    delivery.set_contact_id(FormatId("con", skip.contact_id));
    delivery.set_state(common::DELIVERY_STATE_SKIPPED);
    delivery.set_reason(skip.reason);
    *delivery.mutable_update_time() = ToProto(skip.time);
  }
  return absl::OkStatus();
}

}  // namespace mo::channels

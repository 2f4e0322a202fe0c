#include "services/channels/delivery_csv.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "libs/runtime/status.h"
#include "messageorganizer/common/v1/page.pb.h"

namespace mo::channels {
namespace {

constexpr int32_t kDefaultRows = 20000;
constexpr int32_t kListRows = 1000;
constexpr char kHeader[] = "contact_id,state,reason,update_time,delivery_id\r\n";

// "DELIVERY_STATE_SENT" → "SENT"; no reason is empty.
absl::string_view StateOf(const v1::BroadcastDelivery& delivery) {
  return absl::StripPrefix(common::DeliveryState_Name(delivery.state()), "DELIVERY_STATE_");
}
absl::string_view ReasonOf(const v1::BroadcastDelivery& delivery) {
  if (delivery.reason() == common::DELIVERY_REASON_UNSPECIFIED) return "";
  return absl::StripPrefix(common::DeliveryReason_Name(delivery.reason()), "DELIVERY_REASON_");
}

// No value needs quotes: ids, names and times have neither commas nor line ends.
void AppendLine(const v1::BroadcastDelivery& delivery, std::string* csv) {
  absl::StrAppend(csv, delivery.contact_id(), ",", StateOf(delivery), ",", ReasonOf(delivery), ",",
                  absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", FromProto(delivery.update_time()),
                                   absl::UTCTimeZone()),
                  ",", delivery.id(), "\r\n");
}

}  // namespace

absl::StatusOr<google::api::HttpBody> DeliveryCsv::Download(
    const Caller& caller, const v1::DownloadDeliveriesRequest& request) {
  v1::ListDeliveriesRequest list;
  list.set_id(request.id());
  list.set_state(request.state());
  list.set_page_token(request.page_token());
  google::api::HttpBody file;
  file.set_content_type("text/csv; charset=utf-8");
  std::string& csv = *file.mutable_data();
  if (request.page_token().empty()) csv = kHeader;
  int32_t left = request.page_size() > 0 ? request.page_size() : kDefaultRows;
  do {
    list.set_page_size(std::min(left, kListRows));
    MO_ASSIGN_OR_RETURN(const v1::ListDeliveriesResponse page,
                        ledgers_.ListDeliveries(caller, list));
    for (const v1::BroadcastDelivery& delivery : page.deliveries()) AppendLine(delivery, &csv);
    left -= page.deliveries_size();
    list.set_page_token(page.next_page_token());
  } while (left > 0 && !list.page_token().empty());
  if (!list.page_token().empty()) {
    messageorganizer::common::v1::NextPage next;
    next.set_page_token(list.page_token());
    file.add_extensions()->PackFrom(next);
  }
  return file;
}

}  // namespace mo::channels

// Lists of single deliveries: rows of the ledger, taken apart again.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/sims/ledger_store.h"
#include "services/sims/loaded_dispatch.h"
#include "services/sims/render.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {
namespace {

// A page token of deliveries: the dispatch and the index that come next.
struct Place {
  int64_t dispatch = 0;
  int64_t index = 0;
};

absl::StatusOr<Place> ParsePlace(const std::string& token) {
  MO_ASSIGN_OR_RETURN(const std::string key, storage::PageKey(token));
  Place place;
  if (key.empty()) return place;
  const std::pair<std::string, std::string> parts = absl::StrSplit(key, absl::MaxSplits(':', 1));
  if (!absl::SimpleAtoi(parts.first, &place.dispatch) ||
      !absl::SimpleAtoi(parts.second, &place.index)) {
    return InvalidField("page_token", "BAD_FORMAT",
                        "must be the next_page_token of a former answer");
  }
  return place;
}

v1::Delivery MakeDelivery(int64_t dispatch_id, int index, int64_t sim_id, const std::string& group,
                          int64_t contact_id, char byte, absl::Time created, absl::Time updated) {
  v1::Delivery delivery;
  delivery.set_id(FormatId("dlv", DeliveryKey(dispatch_id, index)));
  delivery.set_contact_id(FormatId("con", contact_id));
  delivery.set_sim_id(FormatId("sim", sim_id));
  delivery.set_group(group);
  delivery.set_state(Unpack(byte).state);
  delivery.set_reason(Unpack(byte).reason);
  *delivery.mutable_create_time() = ToProto(created);
  *delivery.mutable_update_time() = ToProto(updated);
  return delivery;
}

constexpr char kSelectGroupRows[] =
    "SELECT d.id, d.sim_id, d.contact_ids, s.status, d.create_time, s.update_time FROM "
    "sims.dispatches d "
    "JOIN sims.dispatch_states s ON s.account_id = d.account_id AND s.id = d.id "
    "WHERE d.account_id = $1 AND d.group_key = $2 AND d.id >= $3 ORDER BY d.id LIMIT $4";

constexpr char kSelectContactRows[] =
    "SELECT d.id, d.sim_id, d.group_key, array_position(d.contact_ids, $2) - 1, s.status, "
    "d.create_time, s.update_time, "
    "d.content, d.parameter_names, d.parameters FROM sims.dispatches d "
    "JOIN sims.dispatch_states s ON s.account_id = d.account_id AND s.id = d.id "
    "WHERE d.account_id = $1 AND d.sim_id IN (SELECT id FROM sims.sims WHERE account_id = $1) "
    "AND d.contact_range @> $2::bigint AND $2 = ANY(d.contact_ids) AND ($3 = 0 OR d.id < $3) AND "
    "($4 = 0 OR d.lane = $4) "
    "ORDER BY d.id DESC LIMIT $5";

}  // namespace

absl::StatusOr<v1::ListGroupDeliveriesResponse> SelectGroupDeliveries(
    storage::Transaction& tx, const v1::ListGroupDeliveriesRequest& request) {
  constexpr int32_t kRows = 20;
  const auto size = static_cast<size_t>(storage::PageSize(request.page_size()));
  MO_ASSIGN_OR_RETURN(Place place, ParsePlace(request.page_token()));
  v1::ListGroupDeliveriesResponse response;
  for (;;) {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectGroupRows, tx.account_id(),
                                                       request.group(), place.dispatch, kRows));
    for (const storage::Row row : rows) {
      const int64_t id = row.Int(0);
      const auto contacts = row.Get<std::vector<int64_t>>(2);
      const std::string status = row.String(3);
      for (auto i = static_cast<size_t>(id == place.dispatch ? place.index : 0); i < status.size();
           ++i) {
        if (request.state() != common::DELIVERY_STATE_UNSPECIFIED &&
            Unpack(status[i]).state != request.state())
          continue;
        if (static_cast<size_t>(response.deliveries_size()) == size) {
          response.set_next_page_token(storage::PageToken(absl::StrCat(id, ":", i)));
          return response;
        }
        *response.add_deliveries() =
            MakeDelivery(id, static_cast<int>(i), row.Int(1), request.group(), contacts[i],
                         status[i], row.Time(4), row.Time(5));
      }
    }
    if (rows.size() < kRows) return response;
    place = {rows[kRows - 1].Int(0) + 1, 0};
  }
}

absl::StatusOr<v1::ListContactDeliveriesResponse> SelectContactDeliveries(
    storage::Transaction& tx, const v1::ListContactDeliveriesRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before, storage::PageKey(request.page_token(), 0));
  const int64_t contact_id = IdOf(request.contact_id());
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectContactRows, tx.account_id(), contact_id, before,
                               static_cast<int32_t>(request.lane()), size + 1));
  v1::ListContactDeliveriesResponse response;
  for (const storage::Row row : rows) {
    if (response.deliveries_size() == size) {
      response.set_next_page_token(
          storage::PageToken(DispatchOf(IdOf(response.deliveries(size - 1).id()))));
      break;
    }
    const int index = static_cast<int>(row.Int(3));
    v1::Delivery delivery =
        MakeDelivery(row.Int(0), index, row.Int(1), row.String(2), contact_id,
                     row.String(4)[static_cast<size_t>(index)], row.Time(5), row.Time(6));
    delivery.mutable_content()->ParseFromString(row.String(7));
    const auto names = row.Get<std::vector<std::string>>(8);
    const auto values = row.Get<std::vector<std::string>>(9);
    RenderFor(names, values, static_cast<size_t>(index), *delivery.mutable_content());
    *response.add_deliveries() = std::move(delivery);
  }
  return response;
}

}  // namespace mo::sims

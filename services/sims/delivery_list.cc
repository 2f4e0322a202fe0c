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

// Dispatches in their order with their status bytes alone: a thousand times less than the
// recipients.
constexpr char kSelectGroupStates[] =
    "SELECT d.id, s.status FROM (SELECT id FROM sims.dispatches WHERE group_key = $2 AND "
    "account_id "
    "= $1 AND id >= $3 ORDER BY id LIMIT $4) AS d CROSS JOIN LATERAL (SELECT status FROM "
    "sims.dispatch_states WHERE account_id = $1 AND id = d.id LIMIT 1) AS s ORDER BY d.id";

constexpr char kSelectDispatches[] =
    "SELECT d.id, d.sim_id, d.contact_ids, d.create_time, s.update_time FROM "
    "unnest((SELECT $2::bigint[])) AS w (id) "
    "CROSS JOIN LATERAL (SELECT * FROM sims.dispatches WHERE account_id = $1 AND id = w.id LIMIT "
    "1) "
    "AS d CROSS JOIN LATERAL (SELECT update_time FROM sims.dispatch_states WHERE account_id = $1 "
    "AND id = w.id LIMIT 1) AS s ORDER BY d.id";

// Newest first by number alone, then one after the other until the page is full: whether the
// contact is in a dispatch's array is known only once that is unpacked.
constexpr char kSelectContactRows[] =
    "SELECT d.id, d.sim_id, d.group_key, array_position(d.contact_ids, $2) - 1, s.status, "
    "d.create_time, s.update_time, "
    "d.content, d.parameter_names, d.parameters FROM (SELECT id FROM sims.dispatches "
    "WHERE account_id = $1 AND sim_id IN (SELECT id FROM sims.sims WHERE account_id = $1) "
    "AND contact_range @> $2::bigint AND ($3 = 0 OR id < $3) AND ($4 = 0 OR lane = $4) "
    "ORDER BY id DESC OFFSET 0) AS c "
    "CROSS JOIN LATERAL (SELECT * FROM sims.dispatches WHERE account_id = $1 AND id = c.id AND "
    "$2 = ANY(contact_ids) LIMIT 1) AS d "
    "CROSS JOIN LATERAL (SELECT status, update_time FROM sims.dispatch_states WHERE account_id = "
    "$1 "
    "AND id = c.id LIMIT 1) AS s LIMIT $5";

// Recipients of a dispatch that are on a page.
struct Hits {
  int64_t dispatch = 0;
  std::string status;
  std::vector<size_t> indices;
};

// The next `size` recipients from a place on, in any state or only in one; and where the page after
// them begins, empty at the end.
absl::StatusOr<std::vector<Hits>> FindInGroup(storage::Transaction& tx, const std::string& group,
                                              common::DeliveryState state, Place place, size_t size,
                                              std::string& next) {
  // A state may be rare, so that many are looked through.
  const int32_t rows_limit = state == common::DELIVERY_STATE_UNSPECIFIED ? 50 : 1000;
  std::vector<Hits> found;
  size_t count = 0;
  for (;;) {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectGroupStates, tx.account_id(), group,
                                                       place.dispatch, rows_limit));
    for (const storage::Row row : rows) {
      Hits hits{row.Int(0), row.String(1), {}};
      const auto first = static_cast<size_t>(hits.dispatch == place.dispatch ? place.index : 0);
      for (size_t i = first; i < hits.status.size(); ++i) {
        if (state != common::DELIVERY_STATE_UNSPECIFIED && Unpack(hits.status[i]).state != state)
          continue;
        if (count == size) {
          next = storage::PageToken(absl::StrCat(hits.dispatch, ":", i));
          if (!hits.indices.empty()) found.push_back(std::move(hits));
          return found;
        }
        hits.indices.push_back(i);
        ++count;
      }
      if (!hits.indices.empty()) found.push_back(std::move(hits));
    }
    if (rows.size() < rows_limit) return found;
    place = {rows[rows_limit - 1].Int(0) + 1, 0};
  }
}

}  // namespace

absl::StatusOr<v1::ListGroupDeliveriesResponse> SelectGroupDeliveries(
    storage::Transaction& tx, const v1::ListGroupDeliveriesRequest& request) {
  MO_ASSIGN_OR_RETURN(const Place place, ParsePlace(request.page_token()));
  v1::ListGroupDeliveriesResponse response;
  MO_ASSIGN_OR_RETURN(const std::vector<Hits> found,
                      FindInGroup(tx, request.group(), request.state(), place,
                                  static_cast<size_t>(storage::PageSize(request.page_size())),
                                  *response.mutable_next_page_token()));
  std::vector<int64_t> ids;
  for (const Hits& hits : found) ids.push_back(hits.dispatch);
  if (ids.empty()) return response;
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDispatches, tx.account_id(), ids));
  if (rows.size() != static_cast<int>(found.size())) {
    return absl::AbortedError("dispatches went while they were read");
  }
  for (size_t d = 0; d < found.size(); ++d) {
    const storage::Row row = rows[static_cast<int>(d)];
    const auto contacts = row.Get<std::vector<int64_t>>(2);
    for (const size_t i : found[d].indices) {
      *response.add_deliveries() =
          MakeDelivery(row.Int(0), static_cast<int>(i), row.Int(1), request.group(), contacts[i],
                       found[d].status[i], row.Time(3), row.Time(4));
    }
  }
  return response;
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

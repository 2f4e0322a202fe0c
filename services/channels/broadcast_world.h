// What the tests of broadcasts share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/channels/test_world.h"

namespace mo::channels {

// A World that broadcasts.
struct BroadcastWorld : World {
  using World::World;
  using Stub = v1::BroadcastService::Stub;

  v1::CreateBroadcastRequest Request(const std::vector<std::string>& channel_ids,
                                     const std::vector<std::string>& contacts,
                                     const std::string& text = "Hello") {
    v1::CreateBroadcastRequest request;
    request.mutable_content()->mutable_text()->set_body(text);
    for (const auto& id : channel_ids) request.mutable_audience()->add_channels(id);
    for (const auto& id : contacts) request.mutable_audience()->add_contacts(id);
    return request;
  }
  std::string Create(const v1::CreateBroadcastRequest& request) {
    auto created = broadcasts.Call(&Stub::CreateBroadcast, caller(), request);
    if (!created.ok()) throw std::runtime_error(std::string(created.status().message()));
    return created->id();
  }
  absl::StatusOr<v1::Broadcast> Pause(const std::string& id) {
    v1::PauseBroadcastRequest request;
    request.set_id(id);
    return broadcasts.Call(&Stub::PauseBroadcast, caller(), request);
  }
  absl::StatusOr<v1::Broadcast> Resume(const std::string& id) {
    v1::ResumeBroadcastRequest request;
    request.set_id(id);
    return broadcasts.Call(&Stub::ResumeBroadcast, caller(), request);
  }
  absl::StatusOr<v1::Broadcast> Cancel(const std::string& id) {
    v1::CancelBroadcastRequest request;
    request.set_id(id);
    return broadcasts.Call(&Stub::CancelBroadcast, caller(), request);
  }
  v1::BroadcastState State(const std::string& id) {
    v1::GetBroadcastRequest request;
    request.set_id(id);
    return broadcasts.Call(&Stub::GetBroadcast, caller(), request)->state();
  }
  // The ledger; dies unless it adds up.
  v1::Ledger Ledger(const std::string& id) {
    v1::GetLedgerRequest request;
    request.set_id(id);
    auto ledger = broadcasts.Call(&Stub::GetLedger, caller(), request);
    if (!ledger.ok()) throw std::runtime_error(std::string(ledger.status().message()));
    const common::DeliveryCounts& c = ledger->counts();
    int64_t by_reason = 0;
    for (const common::ReasonCount& reason : c.reasons()) by_reason += reason.count();
    for (int64_t count : {c.queued(), c.attempting(), c.skipped()}) {
      if (count < 0) throw std::runtime_error("a count is negative");
    }
    if (c.audience() != c.queued() + c.attempting() + c.accepted() + c.sent() + c.delivered() +
                            c.read() + c.failed() + c.skipped() + c.uncertain() ||
        by_reason != c.failed() + c.skipped()) {
      throw std::runtime_error("the ledger does not add up: " + c.ShortDebugString());
    }
    return *ledger;
  }
  // All deliveries, by pages of `page_size`: contact → state and reason. Dies if a contact is there
  // twice.
  std::map<std::string, std::pair<int, int>> Deliveries(
      const std::string& id, int page_size = 1000,
      common::DeliveryState state = common::DELIVERY_STATE_UNSPECIFIED) {
    v1::ListDeliveriesRequest request;
    request.set_id(id);
    request.set_page_size(page_size);
    request.set_state(state);
    std::map<std::string, std::pair<int, int>> deliveries;
    do {
      auto page = broadcasts.Call(&Stub::ListDeliveries, caller(), request);
      if (!page.ok()) throw std::runtime_error(std::string(page.status().message()));
      if (page->deliveries_size() > page_size) throw std::runtime_error("the page is too long");
      for (const v1::BroadcastDelivery& delivery : page->deliveries()) {
        if (!deliveries
                 .emplace(delivery.contact_id(),
                          std::pair<int, int>(delivery.state(), delivery.reason()))
                 .second) {
          throw std::runtime_error("a contact is listed twice");
        }
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return deliveries;
  }
  // Expands until nothing is due.
  void Expand() {
    for (;;) {
      auto more = workers().expander.RunOnce();
      if (!more.ok()) throw std::runtime_error(std::string(more.status().message()));
      if (!*more) return;
    }
  }
  // How often sims was given each contact, over all dispatches.
  std::map<int64_t, int> SentTo() {
    std::map<int64_t, int> sent;
    const auto rows =
        postgres->Query("SELECT unnest(contact_ids) FROM sims.dispatches", storage::Parameters());
    for (const storage::Row row : *rows) ++sent[row.Int(0)];
    return sent;
  }
  // As if the process that has the lease had died long ago.
  void ExpireLeases() {
    Sql("UPDATE channels.expansions SET lease_expire_time = now() - interval '1 s'");
  }
};

}  // namespace mo::channels

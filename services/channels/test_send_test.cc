#include "services/channels/test_send.h"

#include <catch2/catch.hpp>

#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Stub = v1::BroadcastService::Stub;

v1::TestBroadcastRequest Test(const std::vector<std::string>& contacts,
                              const std::string& text = "Hello {{name|you}}") {
  v1::TestBroadcastRequest request;
  request.mutable_content()->mutable_text()->set_body(text);
  for (const std::string& contact : contacts) request.add_contacts(contact);
  return request;
}

TEST_CASE("A test goes to its contacts at once and ahead; who cannot get it has a reason") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string gone = world.Sim();
  std::vector<std::string> con = world.Contacts(4);
  con.push_back(world.Contacts(1, gone)[0]);
  world.Sql("UPDATE contacts.contacts SET display_name = 'Änne' WHERE id = 1");
  world.Sql("UPDATE contacts.contacts SET state = 1 WHERE id = 3");
  world.Sql("UPDATE contacts.contacts SET state = 3 WHERE id = 4");
  world.Sql(absl::StrCat("DELETE FROM sims.sims WHERE id = ", IdOf(gone)));
  con.push_back(con[0]);
  const Caller once = world.caller().WithKey("once");
  const auto test = world.broadcasts.Call(&Stub::TestBroadcast, once, Test(con));
  REQUIRE(test.ok());
  std::map<std::string, std::pair<int, int>> deliveries;
  for (const v1::TestDelivery& delivery : test->deliveries()) {
    deliveries[delivery.contact_id()] = {delivery.state(), delivery.reason()};
  }
  const auto skipped = [](common::DeliveryReason reason) {
    return std::pair<int, int>(common::DELIVERY_STATE_SKIPPED, reason);
  };
  CHECK(test->deliveries_size() == 5);
  CHECK(deliveries[con[0]] == std::pair<int, int>(common::DELIVERY_STATE_QUEUED, 0));
  CHECK(deliveries[con[1]] == std::pair<int, int>(common::DELIVERY_STATE_QUEUED, 0));
  CHECK(deliveries[con[2]] == skipped(common::DELIVERY_REASON_PENDING));
  CHECK(deliveries[con[3]] == skipped(common::DELIVERY_REASON_STOPPED));
  CHECK(deliveries[con[4]] == skipped(common::DELIVERY_REASON_NO_SIM));
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {2, 1}});
  CHECK(world.Number(absl::StrCat("SELECT count(*) FROM sims.dispatches WHERE lane = ",
                                  static_cast<int>(sims_v1::LANE_INTERACTIVE), " AND group_key = '",
                                  test->id(), "'")) == 2);
  const auto rows = world.postgres->Query(
      "SELECT parameters FROM sims.dispatches ORDER BY contact_ids", storage::Parameters());
  CHECK((*rows)[0].Get<std::vector<std::string>>(0) == std::vector<std::string>{"Änne"});
  CHECK((*rows)[1].Get<std::vector<std::string>>(0) == std::vector<std::string>{"you"});
  CHECK(world.Number("SELECT count(*) FROM channels.broadcasts") == 0);

  // Repeated, it sends nothing more; nor when its process had died before it sent the last one.
  CHECK(world.broadcasts.Call(&Stub::TestBroadcast, once, Test(con))->id() == test->id());
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {2, 1}});
  world.Sql(
      "DELETE FROM sims.dispatch_states USING sims.dispatches d WHERE d.id = dispatch_states.id "
      "AND 2 = ANY(d.contact_ids); DELETE FROM sims.dispatches WHERE 2 = ANY(contact_ids)");
  CHECK(world.broadcasts.Call(&Stub::TestBroadcast, once, Test(con))->id() == test->id());
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {2, 1}});
  // Without a key, or with another, it is another test.
  CHECK(world.broadcasts.Call(&Stub::TestBroadcast, world.caller(), Test({con[1]}))->id() !=
        test->id());
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {2, 2}});
}

TEST_CASE("A test's request is checked") {
  BroadcastWorld world(/*stepwise=*/true);
  const auto con = world.Contacts(11);
  const auto problems = [&](const v1::TestBroadcastRequest& request) {
    std::vector<std::string> fields;
    for (const FieldProblem& problem : FieldProblemsOf(
             world.broadcasts.Call(&Stub::TestBroadcast, world.caller(), request).status())) {
      fields.push_back(problem.field + " " + problem.reason);
    }
    return fields;
  };
  using Fields = std::vector<std::string>;
  CHECK(problems(Test({con[0], FormatId("con", 99)}, "{{nam}}")) ==
        Fields{"content.text.body BAD_PLACEHOLDER", "contacts[1] NOT_FOUND"});
  CHECK(problems(Test({})) == Fields{"contacts REQUIRED"});
  CHECK(problems(Test(con)) == Fields{"contacts TOO_MANY"});
  CHECK(world.SentTo().empty());
}

}  // namespace
}  // namespace mo::channels

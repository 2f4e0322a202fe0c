// What was received, over all contacts and groups.
#include "absl/strings/str_cat.h"
#include "services/inbox/test_desk.h"

namespace mo::inbox {
namespace {

namespace inbox_v1 = messageorganizer::inbox::v1;

const Caller kRules = ServiceCaller("rules", 1);

// The texts of all pages within a time.
std::vector<std::string> TextsIn(TestDesk& desk, absl::Time start, absl::Time end,
                                 const Caller& caller = kRules) {
  inbox_v1::ListReceivedRequest request;
  *request.mutable_start_time() = ToProto(start);
  *request.mutable_end_time() = ToProto(end);
  request.set_page_size(2);
  std::vector<std::string> texts;
  do {
    auto page = desk.inbox.Call(&Stub::ListReceived, caller, request);
    REQUIRE(page.ok());
    CHECK(page->messages_size() <= 2);
    for (const inbox_v1::ReceivedMessage& one : page->messages()) {
      texts.push_back(
          absl::StrCat(one.message().group_id(), one.message().content().text().body()));
      CHECK(FromProto(one.receive_time()) >= start - absl::Milliseconds(1));
      CHECK(FromProto(one.receive_time()) < end);
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return texts;
}

TEST_CASE("What was received within a time is listed in its order, groups included, answers not") {
  TestDesk desk;
  const absl::Time start = absl::Now();
  const std::string contact = desk.Write("+436641000001", "a");
  REQUIRE(desk.Send(contact, "an answer").ok());
  desk.Write("+436641000002", "b");
  sims_v1::AgentItem item;
  item.mutable_inbound()->set_provider_message_id("g1");
  item.mutable_inbound()->set_sender_address("+436641000003");
  item.mutable_inbound()->set_group_id("Us");
  item.mutable_inbound()->mutable_content()->mutable_text()->set_body("!");
  desk.agent->WaitForAck(desk.agent->Say({item}));
  WaitFor(
      [&] {
        return desk.Sql("SELECT count(*) FROM inbox.messages WHERE contact_id = 0")[0].Int(0) == 1;
      },
      "the group's message");
  desk.Write("+436641000001", "c");
  const absl::Time end = absl::Now() + absl::Milliseconds(2);
  CHECK(TextsIn(desk, start, end) == std::vector<std::string>{"a", "b", "Us!", "c"});
  CHECK(TextsIn(desk, end, end + absl::Hours(1)).empty());
  CHECK(TextsIn(desk, start - absl::Hours(1), start - absl::Milliseconds(1)).empty());
  CHECK(TextsIn(desk, start, end, ServiceCaller("rules", 2)).empty());
}

TEST_CASE("What was received is found in its index, however much was sent") {
  TestDesk desk;
  desk.Sql(
      "WITH made AS (INSERT INTO inbox.messages (account_id, id, contact_id, sim_id, direction, "
      "content, create_time, time) SELECT 1, n, n % 100 + 1, 1, CASE WHEN n % 100 = 0 THEN 1 ELSE "
      "2 END, '', now(), now() FROM generate_series(1, 20000) n RETURNING 1) "
      "SELECT count(*) FROM made");
  auto owner = storage::Connection::Open(desk.env.postgres().UrlAs("postgres"));
  REQUIRE((*owner)->Script("ANALYZE inbox.messages").ok());
  auto role = storage::Connection::Open(desk.env.postgres().UrlAs("mo_inbox"));
  REQUIRE((*role)
              ->Script("SET mo.account_id = '1'; SET random_page_cost = 1.1; "
                       "SET plan_cache_mode = force_generic_plan; "
                       "PREPARE asked(bigint, bigint, bigint, int) AS SELECT m.id, m.content FROM "
                       "inbox.messages m WHERE m.account_id = $1 AND m.id >= $2 AND m.id < $3 AND "
                       "m.direction = 1 ORDER BY m.id LIMIT $4")
              .ok());
  auto plan = (*role)->Query("EXPLAIN EXECUTE asked(1, 1, 20001, 100)", storage::Parameters());
  REQUIRE(plan.ok());
  std::string text;
  for (const storage::Row row : *plan) absl::StrAppend(&text, row.String(0), "\n");
  INFO(text);
  CHECK(text.find("Index Scan using messages_received") != std::string::npos);
  CHECK(text.find("Sort") == std::string::npos);
}

}  // namespace
}  // namespace mo::inbox

#include "services/inbox/conversations.h"

#include <set>

#include "services/inbox/test_desk.h"

namespace mo::inbox {
namespace {

constexpr char kPhone[] = "+436641000001";

TEST_CASE("What a phone writes is in the inbox, once, unread until it is read") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  const std::string other = desk.Write("+436641000002", "Hi");
  desk.agent->WaitForAck(desk.agent->Write("in1", kPhone, "Hello"));  // the same once more
  REQUIRE(desk.Write(kPhone, "Anybody?") == contact);

  auto list = desk.List();
  REQUIRE(list.conversations_size() == 2);
  CHECK(list.conversations(0).contact_id() == contact);
  CHECK(list.conversations(0).unread() == 2);
  CHECK(list.conversations(1).contact_id() == other);
  v1::MarkReadRequest read;
  read.set_id(list.conversations(0).id());
  CHECK(desk.inbox.Call(&Stub::MarkRead, desk.env.caller(), read)->unread() == 0);
  CHECK(desk.List(/*unread_only=*/true).conversations_size() == 1);

  auto timeline = desk.Timeline(contact);
  REQUIRE(timeline->messages_size() == 2);
  CHECK(timeline->messages(0).content().text().body() == "Anybody?");
  CHECK(timeline->messages(0).direction() == v1::DIRECTION_INBOUND);
  CHECK(timeline->messages(0).sim_id() == desk.sim_id);

  CHECK(ReasonOf(desk.inbox.Call(&Stub::MarkRead, desk.env.caller(2), read).status()) ==
        "CONVERSATION_NOT_FOUND");
  CHECK(ReasonOf(desk.Timeline("con_0000000000001").status()) == "CONVERSATION_NOT_FOUND");
}

TEST_CASE("Conversations are paged, the latest first") {
  TestDesk desk;
  for (int i = 0; i < 5; ++i)
    desk.Write("+43664100001" + std::to_string(i), "I am " + std::to_string(i));
  std::string order;
  v1::ListConversationsRequest request;
  request.set_page_size(2);
  do {
    auto page = desk.inbox.Call(&Stub::ListConversations, desk.env.caller(), request);
    REQUIRE(page.ok());
    for (const auto& conversation : page->conversations()) order += conversation.snippet().back();
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  CHECK(order == "43210");
  request.set_page_token("nonsense");
  CHECK(FieldProblemsOf(
            desk.inbox.Call(&Stub::ListConversations, desk.env.caller(), request).status())
            .at(0)
            .field == "page_token");
}

TEST_CASE("The timeline merges single messages and broadcasts; paging is stable") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "0");
  int broadcasts = 0;
  auto broadcast = [&](const std::string& text) {
    sims_v1::SubmitRequest request;
    auto* dispatch = request.add_dispatches();
    dispatch->set_key("b" + std::to_string(++broadcasts));
    dispatch->set_sim_id(desk.sim_id);
    dispatch->set_lane(sims_v1::LANE_BULK);
    dispatch->set_group(FormatId("brd", broadcasts));
    dispatch->mutable_content()->mutable_text()->set_body(text + "{{name}}");
    dispatch->add_parameter_names("name");
    auto* recipient = dispatch->add_recipients();
    recipient->set_contact_id(IdOf(contact));
    recipient->set_address(kPhone);
    recipient->add_parameters("");
    REQUIRE(
        desk.dispatches.Call(&sims_v1::DispatchService::Stub::Submit, desk.env.caller(), request)
            .ok());
  };
  broadcast("1");
  broadcast("2");
  REQUIRE(desk.Send(contact, "3").ok());
  broadcast("4");
  REQUIRE(desk.Write(kPhone, "5") == contact);
  REQUIRE(desk.Send(contact, "6").ok());
  broadcast("7");

  for (int size = 1; size <= 9; ++size) {
    std::string order;
    std::set<std::string> ids;
    std::string token;
    do {
      auto page = desk.Timeline(contact, size, token);
      REQUIRE(page.ok());
      CHECK(page->messages_size() <= size);
      for (const auto& message : page->messages()) {
        CHECK(ids.insert(message.id()).second);
        order += message.content().text().body();
      }
      token = page->next_page_token();
    } while (!token.empty());
    CHECK(order == "76543210");
  }

  // What comes after the first page was read does not move the rest.
  auto first = desk.Timeline(contact, 2);
  CHECK(first->messages(0).origin() == v1::ORIGIN_BROADCAST);
  CHECK(first->messages(0).broadcast_id() == FormatId("brd", broadcasts));
  for (int i = 0; i < 5; ++i) broadcast("new");
  REQUIRE(desk.Send(contact, "newest").ok());
  auto second = desk.Timeline(contact, 2, first->next_page_token());
  REQUIRE(second->messages_size() == 2);
  CHECK(second->messages(0).content().text().body() == "5");
  CHECK(second->messages(1).content().text().body() == "4");
  CHECK(FieldProblemsOf(desk.Timeline(contact, 2, "nonsense").status()).at(0).field ==
        "page_token");
}

TEST_CASE("A group's message is kept without a contact") {
  TestDesk desk;
  sims_v1::AgentItem item;
  item.mutable_inbound()->set_provider_message_id("g1");
  item.mutable_inbound()->set_sender_address(kPhone);
  item.mutable_inbound()->set_group_id("group-7");
  item.mutable_inbound()->mutable_content()->mutable_text()->set_body("Stop");
  desk.agent->WaitForAck(desk.agent->Say({item}));
  WaitFor(
      [&] {
        return desk.Sql(
                       "SELECT count(*) FROM inbox.messages WHERE group_id = 'group-7' AND "
                       "contact_id = 0")[0]
                   .Int(0) == 1;
      },
      "the group's message");
  CHECK(desk.List().conversations().empty());
  contacts_v1::CountContactsResponse counts =
      *desk.contacts.Call(&contacts_v1::ContactService::Stub::CountContacts, desk.env.caller(),
                          contacts_v1::CountContactsRequest());
  CHECK(counts.active() + counts.pending() + counts.stopped() == 0);
}

}  // namespace
}  // namespace mo::inbox

#include "services/inbox/messages.h"

#include "libs/runtime/clock.h"
#include "services/inbox/test_desk.h"

namespace mo::inbox {
namespace {

using Texts = std::vector<std::string>;

constexpr char kPhone[] = "+436641000001";

TEST_CASE("A message reaches its contact, and its state rises with the receipts") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  contacts_v1::UpdateContactRequest update;
  update.mutable_contact()->set_id(contact);
  update.mutable_contact()->set_display_name("Zoë {{name}}");
  (*update.mutable_contact()->mutable_attributes())["table"] = "7";
  REQUIRE(desk.contacts
              .Call(&contacts_v1::ContactService::Stub::UpdateContact, desk.env.caller(), update)
              .ok());
  auto sent = desk.Send(contact, "Hi {{name|you}}, table {{attributes.table}} {{attributes.x|-}}");
  REQUIRE(sent.ok());
  CHECK(sent->state() == common_v1::DELIVERY_STATE_QUEUED);
  CHECK(sent->origin() == v1::ORIGIN_API);
  CHECK(desk.Get(sent->id(), 2).status().code() == absl::StatusCode::kNotFound);
  desk.agent->WaitForSent(1);
  CHECK(desk.agent->texts(kPhone) == Texts{"Hi Zoë {{name}}, table 7 -"});
  const int64_t key = desk.agent->order().at(0);
  desk.agent->Result(key, sims_v1::SEND_OUTCOME_ACCEPTED);
  desk.WaitForState(sent->id(), common_v1::DELIVERY_STATE_ACCEPTED);
  desk.agent->Receipt(key, sims_v1::RECEIPT_STATE_READ);
  desk.agent->WaitForAck(desk.agent->Receipt(key, sims_v1::RECEIPT_STATE_DELIVERED));
  desk.WaitForState(sent->id(), common_v1::DELIVERY_STATE_READ);
  CHECK(ReasonOf(desk.Cancel(sent->id()).status()) == "MESSAGE_NOT_CANCELABLE");
}

TEST_CASE("One idempotency key is one message, even when the contact has stopped meanwhile") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  auto first = desk.Send(contact, "once", "k1");
  REQUIRE(first.ok());
  desk.Stop(contact);
  auto again = desk.Send(contact, "once", "k1");
  REQUIRE(again.ok());
  CHECK(first->SerializeAsString() == again->SerializeAsString());
  CHECK(ReasonOf(desk.Send(contact, "other", "k1").status()) == "IDEMPOTENCY_KEY_REUSED");
  CHECK(desk.Timeline(contact)->messages_size() == 2);
}

TEST_CASE("A service that knows the contact vouches for it, until the ledger knows better") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  contacts_v1::GetContactRequest get;
  get.set_id(contact);
  const auto known =
      desk.contacts.Call(&contacts_v1::ContactService::Stub::GetContact, desk.env.caller(), get);
  REQUIRE(known.ok());
  desk.Stop(contact);
  v1::SendMessageRequest request = TestDesk::Request(contact, "too late");
  *request.mutable_contact() = *known;
  const Caller service = ServiceCaller("rules", desk.env.caller().account_id).WithKey("k");
  const auto sent = desk.inbox.Call(&Stub::SendMessage, service, request);
  REQUIRE(sent.ok());
  desk.WaitForState(sent->id(), common_v1::DELIVERY_STATE_SKIPPED);
  CHECK(desk.Get(sent->id())->reason() == common_v1::DELIVERY_REASON_STOPPED);
  CHECK(desk.agent->order().empty());
  // The same request, whatever is known of the contact now.
  request.clear_contact();
  const auto again = desk.inbox.Call(&Stub::SendMessage, service, request);
  REQUIRE(again.ok());
  CHECK(again->id() == sent->id());
}

TEST_CASE("Nothing is sent to contacts that are pending, stopped or unknown") {
  TestDesk desk;
  contacts_v1::RegisterRequest registration;
  registration.set_network(common_v1::NETWORK_WHATSAPP);
  registration.set_phone("+436641000002");
  auto registered = desk.contacts.Call(&contacts_v1::ContactService::Stub::Register,
                                       desk.env.caller(), registration);
  REQUIRE(registered.ok());
  CHECK(ReasonOf(desk.Send(registered->contact_id(), "x").status()) == "CONTACT_PENDING");
  CHECK(ReasonOf(desk.Send("con_0000000000001", "x").status()) == "CONTACT_NOT_FOUND");

  const std::string contact = desk.Write(kPhone, "Hello");
  v1::SendMessageRequest confirmation = TestDesk::Request(contact, "Bye");
  confirmation.set_stop_confirmation(true);
  CHECK(ReasonOf(desk.inbox.Call(&Stub::SendMessage, desk.env.caller(), confirmation).status()) ==
        "CONTACT_NOT_STOPPED");
  desk.Stop(contact);
  CHECK(ReasonOf(desk.Send(contact, "x").status()) == "CONTACT_STOPPED");
  // The one exception.
  REQUIRE(desk.inbox.Call(&Stub::SendMessage, desk.env.caller(), confirmation).ok());
  desk.agent->WaitForSent(1);
  CHECK(desk.agent->texts(kPhone) == Texts{"Bye"});
}

TEST_CASE("Bad requests name every field; what services may say is refused to others") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  Caller user = desk.env.caller();
  v1::SendMessageRequest request;
  request.set_contact_id(contact);
  request.mutable_content()->mutable_location()->set_latitude(91);
  request.set_origin(v1::ORIGIN_RULE);
  request.set_stop_confirmation(true);
  request.mutable_contact()->set_id(contact);
  // A call with the user's own token, as edge makes it.
  grpc::ClientContext context;
  context.AddMetadata(kIdentityMetadata,
                      desk.env.app().identity().Sign(user, desk.env.app().clock().Now()));
  v1::Message response;
  const grpc::Status status =
      v1::InboxService::NewStub(desk.env.app().ChannelTo(v1::InboxService::service_full_name()))
          ->SendMessage(&context, request, &response);
  auto problems = FieldProblemsOf(FromGrpc(status));
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "origin");
  CHECK(problems[1].field == "stop_confirmation");
  CHECK(problems[2].field == "contact.id");

  request.clear_contact();
  request.set_origin(v1::ORIGIN_UNSPECIFIED);
  request.set_stop_confirmation(false);
  auto field = [&] {
    auto refused = desk.inbox.Call(&Stub::SendMessage, user, request);
    auto list = FieldProblemsOf(refused.status());
    REQUIRE(list.size() == 1);
    return list[0].field + " " + list[0].reason;
  };
  CHECK(field() == "content.location.latitude OUT_OF_RANGE");
  request.mutable_content()->mutable_text()->set_body("{{attributes.x}}");
  CHECK(field() == "content.text.body REQUIRED");
  request.mutable_content()->mutable_text()->set_body("Hi");
  *request.mutable_send_time() = ToProto(absl::Now() - absl::Hours(1));
  CHECK(field() == "send_time IN_THE_PAST");
  *request.mutable_send_time() = ToProto(absl::Now() + absl::Hours(24 * 400));
  CHECK(field() == "send_time OUT_OF_RANGE");
  CHECK(desk.Timeline(contact)->messages_size() == 1);
}

TEST_CASE("A delayed message leaves at its time; a stop or a cancel before keeps it back") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  const std::string stopping = desk.Write("+436641000003", "Hello too");
  auto send_at = [&](const std::string& to, const std::string& text, absl::Time time) {
    v1::SendMessageRequest request = TestDesk::Request(to, text);
    *request.mutable_send_time() = ToProto(time);
    auto sent = desk.inbox.Call(&Stub::SendMessage, desk.env.caller(), request);
    REQUIRE(sent.ok());
    CHECK(sent->has_send_time());
    return *sent;
  };
  const absl::Time soon = absl::Now() + absl::Seconds(2);
  const v1::Message due = send_at(contact, "now", soon);
  const v1::Message stopped = send_at(stopping, "never", soon);
  const v1::Message canceled = send_at(contact, "not", soon);
  desk.Stop(stopping);
  CHECK(desk.Cancel(canceled.id())->state() == common_v1::DELIVERY_STATE_SKIPPED);
  CHECK(desk.Cancel(canceled.id())->reason() == common_v1::DELIVERY_REASON_CANCELED);
  CHECK(desk.agent->order().empty());

  desk.agent->WaitForSent(1);
  CHECK(absl::Now() >= soon);
  CHECK(absl::Now() < soon + absl::Seconds(1));
  CHECK(desk.agent->texts(kPhone) == Texts{"now"});
  desk.WaitForState(stopped.id(), common_v1::DELIVERY_STATE_SKIPPED);
  CHECK(desk.Get(stopped.id())->reason() == common_v1::DELIVERY_REASON_STOPPED);
  CHECK(desk.Timeline(contact)->messages(0).state() != common_v1::DELIVERY_STATE_UNSPECIFIED);
  CHECK(desk.agent->order().size() == 1);
  CHECK(desk.Get(due.id())->state() != common_v1::DELIVERY_STATE_SKIPPED);
}

TEST_CASE("A message that was not attempted is canceled through the ledger") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  desk.agent->Drop();
  auto sent = desk.Send(contact, "late");
  REQUIRE(sent.ok());
  // Whether the cancel or the message reaches the ledger first.
  REQUIRE(desk.Cancel(sent->id()).ok());
  desk.Attach();
  desk.WaitForState(sent->id(), common_v1::DELIVERY_STATE_SKIPPED);
  CHECK(desk.Get(sent->id())->reason() == common_v1::DELIVERY_REASON_CANCELED);
  CHECK(desk.Cancel(sent->id()).ok());
  CHECK(ReasonOf(desk.Cancel("msg_0000000000001").status()) == "MESSAGE_NOT_FOUND");
  CHECK(desk.agent->order().empty());
}

TEST_CASE("What a crash left between our row and the ledger is submitted, and nothing twice") {
  TestDesk desk;
  const std::string contact = desk.Write(kPhone, "Hello");
  REQUIRE(desk.Send(contact, "sent").ok());
  desk.agent->WaitForSent(1);
  auto open = [&] {
    return desk.Sql("SELECT count(*) FROM inbox.messages WHERE phase < 2")[0].Int(0);
  };
  WaitFor([&] { return open() == 0; }, "the mark");
  // As after a crash: the sent one lost its mark, another one was never submitted.
  desk.Sql(
      "WITH lost AS (UPDATE inbox.messages SET phase = 1, due_time = now() WHERE direction = 2 "
      "RETURNING *) INSERT INTO inbox.messages (account_id, id, contact_id, sim_id, direction, "
      "content, state, origin, create_time, time, phase, due_time) SELECT account_id, id + 1, "
      "contact_id, sim_id, direction, content, 1, origin, create_time, time, 1, now() FROM lost");
  WaitFor([&] { return open() == 0; }, "both in the ledger");
  desk.agent->WaitForSent(2);
  CHECK(desk.agent->texts(kPhone) == Texts{"sent", "sent"});
  CHECK(desk.Sql("SELECT count(*) FROM sims.dispatches")[0].Int(0) == 2);
}

}  // namespace
}  // namespace mo::inbox

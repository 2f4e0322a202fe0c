// What the tests of the inbox do again and again.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "libs/runtime/ids.h"
#include "libs/storage/transaction.h"
#include "libs/testing/environment.h"
#include "libs/testing/wait.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/contacts/install.h"
#include "services/inbox/install.h"
#include "services/sims/install.h"
#include "services/sims/test_agent.h"

namespace mo::inbox {

namespace v1 = messageorganizer::inbox::v1;
namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace sims_v1 = messageorganizer::sims::v1;
using Stub = v1::InboxService::Stub;
using testing::WaitFor;

// sims, contacts and inbox with one SIM and its agent.
struct TestDesk {
  testing::Environment env{{sims::Install, contacts::Install, Install}};
  Client<sims_v1::SimService> sims{env.app()};
  Client<sims_v1::DispatchService> dispatches{env.app()};
  Client<contacts_v1::ContactService> contacts{env.app()};
  Client<v1::InboxService> inbox{env.app()};
  std::string sim_id = AddSim();
  std::unique_ptr<sims::TestAgent> agent;
  int written = 0;

  TestDesk() { Attach(); }

  std::string AddSim() {
    sims_v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common_v1::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+436640001");
    request.mutable_sim()->set_capacity(100);
    auto sim = sims.Call(&sims_v1::SimService::Stub::CreateSim, env.caller(), request);
    REQUIRE(sim.ok());
    return sim->id();
  }
  void Attach() {
    sims_v1::CreateAgentTokenRequest request;
    request.set_id(sim_id);
    auto token = sims.Call(&sims_v1::SimService::Stub::CreateAgentToken, env.caller(), request);
    REQUIRE(token.ok());
    agent = std::make_unique<sims::TestAgent>(env.app().grpc_port(), token->token());
  }
  // A phone writes; the contact that it is, once its message has reached the inbox.
  std::string Write(const std::string& phone, const std::string& text) {
    const std::string id = "in" + std::to_string(++written);
    agent->WaitForAck(agent->Write(id, phone, text));
    std::string contact_id;
    WaitFor(
        [&] {
          const v1::ListConversationsResponse list = List();
          for (const auto& conversation : list.conversations()) {
            if (conversation.snippet() == text) contact_id = conversation.contact_id();
          }
          return !contact_id.empty();
        },
        "the message in the inbox");
    return contact_id;
  }
  absl::StatusOr<v1::Message> Send(const std::string& contact_id, const std::string& text,
                                   const std::string& key = "") {
    return inbox.Call(&Stub::SendMessage, env.caller().WithKey(key), Request(contact_id, text));
  }
  static v1::SendMessageRequest Request(const std::string& contact_id, const std::string& text) {
    v1::SendMessageRequest request;
    request.set_contact_id(contact_id);
    request.mutable_content()->mutable_text()->set_body(text);
    return request;
  }
  absl::StatusOr<v1::Message> Get(const std::string& id, int64_t account = 1) {
    v1::GetMessageRequest request;
    request.set_id(id);
    return inbox.Call(&Stub::GetMessage, env.caller(account), request);
  }
  absl::StatusOr<v1::Message> Cancel(const std::string& id) {
    v1::CancelMessageRequest request;
    request.set_id(id);
    return inbox.Call(&Stub::CancelMessage, env.caller(), request);
  }
  void WaitForState(const std::string& id, common_v1::DeliveryState state) {
    WaitFor([&] { return Get(id)->state() == state; },
            common_v1::DeliveryState_Name(state) + " of a message");
  }
  v1::ListConversationsResponse List(bool unread_only = false) {
    v1::ListConversationsRequest request;
    request.set_unread_only(unread_only);
    auto list = inbox.Call(&Stub::ListConversations, env.caller(), request);
    REQUIRE(list.ok());
    return *list;
  }
  absl::StatusOr<v1::ListTimelineResponse> Timeline(const std::string& contact_id,
                                                    int32_t page_size = 0,
                                                    const std::string& token = "") {
    v1::ListTimelineRequest request;
    request.set_id(FormatId("cnv", IdOf(contact_id)));
    request.set_page_size(page_size);
    request.set_page_token(token);
    return inbox.Call(&Stub::ListTimeline, env.caller(), request);
  }
  void Stop(const std::string& contact_id) {
    contacts_v1::StopContactRequest request;
    request.set_id(contact_id);
    REQUIRE(
        contacts.Call(&contacts_v1::ContactService::Stub::StopContact, env.caller(), request).ok());
  }
  // Runs a statement past the product's own code.
  storage::Result Sql(const std::string& sql) {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    auto result = (*connection)->Query(sql, storage::Parameters());
    REQUIRE(result.ok());
    return *std::move(result);
  }
};

}  // namespace mo::inbox

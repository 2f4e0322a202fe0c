// The services that rules act through, with a SIM whose phones write and are answered.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "libs/runtime/ids.h"
#include "libs/storage/transaction.h"
#include "libs/testing/environment.h"
#include "libs/testing/wait.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "messageorganizer/rules/v1/rules.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/accounts/install.h"
#include "services/channels/install.h"
#include "services/contacts/install.h"
#include "services/inbox/install.h"
#include "services/rules/install.h"
#include "services/sims/install.h"
#include "services/sims/test_agent.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;
namespace accounts_v1 = messageorganizer::accounts::v1;
namespace channels_v1 = messageorganizer::channels::v1;
namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace inbox_v1 = messageorganizer::inbox::v1;
namespace sims_v1 = messageorganizer::sims::v1;
using Texts = std::vector<std::string>;
using testing::WaitFor;

using Services = std::vector<void (*)(App&)>;

// Everything below rules.
inline Services Below() {
  return {accounts::Install, sims::Install, contacts::Install, channels::Install, inbox::Install};
}
inline Services WithRules() {
  Services services = Below();
  services.push_back(Install);
  return services;
}

struct TestStory {
  explicit TestStory(const Services& services = WithRules()) : env(services) {
    sims_v1::CreateSimRequest sim;
    sim.mutable_sim()->set_network(common_v1::NETWORK_WHATSAPP);
    sim.mutable_sim()->set_address("+436640001");
    sim.mutable_sim()->set_capacity(100);
    auto created = sims.Call(&sims_v1::SimService::Stub::CreateSim, caller, sim);
    REQUIRE(created.ok());
    sims_v1::CreateAgentTokenRequest token;
    token.set_id(created->id());
    agent = std::make_unique<sims::TestAgent>(
        env.app().grpc_port(),
        sims.Call(&sims_v1::SimService::Stub::CreateAgentToken, caller, token)->token());
  }

  void Write(const std::string& phone, const std::string& text) {
    agent->WaitForAck(agent->Write("in" + std::to_string(++written), phone, text));
  }
  // Waits for the phone's texts; all it has got, nothing else.
  void Expect(const std::string& phone, const Texts& texts) {
    WaitFor([&] { return agent->texts(phone).size() >= texts.size(); }, "answers");
    CHECK(agent->texts(phone) == texts);
  }
  void WaitForEvaluations(int count) {
    WaitFor([&] { return Evaluations().evaluations_size() >= count; }, "evaluations");
  }
  v1::ListEvaluationsResponse Evaluations() {
    auto list =
        rules.Call(&v1::RuleService::Stub::ListEvaluations, caller, v1::ListEvaluationsRequest());
    REQUIRE(list.ok());
    return *list;
  }
  channels_v1::Channel AddChannel(const std::string& keyword, const std::string& welcome = "") {
    channels_v1::CreateChannelRequest request;
    request.mutable_channel()->set_display_name(keyword);
    request.mutable_channel()->set_keyword(keyword);
    request.mutable_channel()->set_welcome_text(welcome);
    auto channel =
        channels.Call(&channels_v1::ChannelService::Stub::CreateChannel, caller, request);
    REQUIRE(channel.ok());
    return *channel;
  }
  int Subscribers(const channels_v1::Channel& channel) {
    channels_v1::ListSubscriptionsRequest request;
    request.set_channel_id(channel.id());
    return channels.Call(&channels_v1::ChannelService::Stub::ListSubscriptions, caller, request)
        ->subscriptions_size();
  }
  contacts_v1::Contact OnlyContact() {
    auto list = contacts.Call(&contacts_v1::ContactService::Stub::ListContacts, caller,
                              contacts_v1::ListContactsRequest());
    REQUIRE(list->contacts_size() == 1);
    return list->contacts(0);
  }
  absl::StatusOr<v1::StandardAnswers> SetAnswers(const v1::StandardAnswers& answers) {
    v1::SetStandardAnswersRequest request;
    *request.mutable_answers() = answers;
    return rules.Call(&v1::RuleService::Stub::SetStandardAnswers, caller, request);
  }

  testing::Environment env;
  Caller caller = env.caller();
  Client<sims_v1::SimService> sims{env.app()};
  Client<contacts_v1::ContactService> contacts{env.app()};
  Client<channels_v1::ChannelService> channels{env.app()};
  Client<inbox_v1::InboxService> inbox{env.app()};
  Client<v1::RuleService> rules{env.app()};
  std::unique_ptr<sims::TestAgent> agent;
  int written = 0;
};

// Short texts in English, which is what an account without settings speaks.
inline v1::StandardAnswers ShortAnswers() {
  v1::StandardAnswers answers;
  answers.set_language("en");
  answers.set_welcome_text("welcome");
  answers.set_stop_text("stopped");
  answers.set_leave_text("left {{channel}}");
  answers.set_subscribe_text("joined {{channel}}");
  return answers;
}

}  // namespace mo::rules

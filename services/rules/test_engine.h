// An account with rules of its own, for tests.
#pragma once

#include <string>
#include <vector>

#include "services/rules/test_story.h"

namespace mo::rules {

using RuleStub = v1::RuleService::Stub;

constexpr char kWriter[] = "+436641000001";

inline v1::Rule Answering(const std::string& name, const std::string& text) {
  v1::Rule rule;
  rule.set_display_name(name);
  rule.set_trigger(v1::RULE_TRIGGER_ALWAYS);
  rule.add_actions()->mutable_answer()->mutable_text()->set_body(text);
  return rule;
}

inline v1::Rule Defined(const std::string& words, const std::string& text) {
  v1::Rule rule = Answering(words, text);
  rule.set_trigger(v1::RULE_TRIGGER_DEFINE);
  rule.set_match_type(v1::MATCH_TYPE_CONTAINS);
  rule.add_patterns(words);
  return rule;
}

struct EngineStory : TestStory {
  EngineStory() {
    v1::StandardAnswers answers = ShortAnswers();
    answers.set_welcome_text("");
    REQUIRE(SetAnswers(answers).ok());
  }
  void WriteInGroup(const std::string& group, const std::string& text) {
    sims_v1::AgentItem item;
    item.mutable_inbound()->set_provider_message_id("group" + std::to_string(++written));
    item.mutable_inbound()->set_sender_address(kWriter);
    item.mutable_inbound()->set_group_id(group);
    item.mutable_inbound()->mutable_content()->mutable_text()->set_body(text);
    agent->WaitForAck(agent->Say({item}));
  }
  void Subscribe(const channels_v1::Channel& channel, const std::string& contact) {
    channels_v1::SubscribeRequest request;
    request.set_channel_id(channel.id());
    request.set_contact_id(contact);
    REQUIRE(channels.Call(&channels_v1::ChannelService::Stub::Subscribe, caller, request).ok());
  }
  absl::StatusOr<v1::Rule> TryAdd(const v1::Rule& rule) {
    v1::CreateRuleRequest request;
    *request.mutable_rule() = rule;
    return rules.Call(&RuleStub::CreateRule, caller, request);
  }
  v1::Rule Add(const v1::Rule& rule) {
    auto added = TryAdd(rule);
    INFO(added.status());
    REQUIRE(added.ok());
    return *added;
  }
  v1::ListRulesResponse List(int size = 0, const std::string& token = "") {
    v1::ListRulesRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    auto list = rules.Call(&RuleStub::ListRules, caller, request);
    REQUIRE(list.ok());
    return *list;
  }
  v1::Evaluation Test(const std::string& text, absl::Time time, const std::string& contact = "") {
    v1::TestRulesRequest request;
    request.set_text(text);
    request.set_contact_id(contact);
    *request.mutable_receive_time() = ToProto(time);
    auto evaluation = rules.Call(&RuleStub::TestRules, caller, request);
    REQUIRE(evaluation.ok());
    return *evaluation;
  }
};

inline std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldProblem& problem : FieldProblemsOf(status)) fields.push_back(problem.field);
  return fields;
}

}  // namespace mo::rules

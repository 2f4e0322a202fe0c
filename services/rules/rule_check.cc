#include "services/rules/rule_check.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/text/content.h"
#include "libs/text/normalize.h"
#include "services/rules/forwarding.h"
#include "services/rules/rule_set.h"

namespace mo::rules {

namespace channels_v1 = messageorganizer::channels::v1;
namespace common_v1 = messageorganizer::common::v1;

namespace {

void CheckPatterns(const v1::Rule& rule, Problems& problems) {
  const bool define = rule.trigger() == v1::RULE_TRIGGER_DEFINE;
  if (!define) {
    if (rule.match_type() != v1::MATCH_TYPE_UNSPECIFIED)
      problems.Add("rule.match_type", "NOT_ALLOWED", "is for rules with the trigger DEFINE");
    if (!rule.patterns().empty())
      problems.Add("rule.patterns", "NOT_ALLOWED", "are for rules with the trigger DEFINE");
    return;
  }
  if (rule.match_type() == v1::MATCH_TYPE_UNSPECIFIED)
    problems.Add("rule.match_type", "REQUIRED", "must be set with the trigger DEFINE");
  if (rule.patterns().empty())
    problems.Add("rule.patterns", "REQUIRED", "must not be empty with the trigger DEFINE");
  for (int i = 0; i < rule.patterns_size(); ++i) {
    const std::string field = absl::StrCat("rule.patterns[", i, "]");
    if (rule.match_type() == v1::MATCH_TYPE_REGEXP) {
      const absl::Status status = CheckRegexp(rule.patterns(i));
      if (!status.ok()) problems.Add(field, "BAD_REGEXP", status.message());
    } else if (text::Fold(rule.patterns(i)).plain.empty()) {
      problems.Add(field, "BAD_FORMAT", "has no letter or digit");
    }
  }
}

// Members of lists of an enum; those of single fields are checked before.
template <class List>
void CheckValues(const List& values, const google::protobuf::EnumDescriptor& type,
                 absl::string_view field, Problems& problems) {
  for (int i = 0; i < values.size(); ++i) {
    if (values[i] != 0 && type.FindValueByNumber(values[i]) != nullptr) continue;
    problems.Add(absl::StrCat(field, "[", i, "]"), "UNKNOWN_VALUE", "is not one of the values");
  }
}

void CheckSchedule(const v1::Rule& rule, Problems& problems) {
  for (int i = 0; i < rule.schedule_size(); ++i) {
    CheckValues(rule.schedule(i).weekdays(), *channels_v1::Weekday_descriptor(),
                absl::StrCat("rule.schedule[", i, "].weekdays"), problems);
  }
}

void CheckActions(const v1::Rule& rule, Problems& problems) {
  for (int i = 0; i < rule.actions_size(); ++i) {
    const std::string field = absl::StrCat("rule.actions[", i, "]");
    const v1::RuleAction& action = rule.actions(i);
    switch (action.action_case()) {
      case v1::RuleAction::kAnswer:
        text::CheckOutbound(action.answer(), absl::StrCat(field, ".answer"), AnswerPlaceholders(),
                            problems);
        break;
      case v1::RuleAction::kAddToChannel:
        if (action.add_to_channel().empty())
          problems.Add(absl::StrCat(field, ".add_to_channel"), "REQUIRED", "must not be empty");
        break;
      case v1::RuleAction::kRemoveFromChannel:
        if (action.remove_from_channel().empty())
          problems.Add(absl::StrCat(field, ".remove_from_channel"), "REQUIRED",
                       "must not be empty");
        break;
      case v1::RuleAction::ACTION_NOT_SET:
        problems.Add(field, "REQUIRED", "must be one of the actions");
        break;
      default:
        CheckForward(action, field, problems);
        break;
    }
  }
}

// Nothing can be sent to a group, and its members are not contacts.
void CheckForGroups(const v1::Rule& rule, Problems& problems) {
  if (!rule.also_for_groups()) return;
  for (int i = 0; i < rule.actions_size(); ++i) {
    const v1::RuleAction& action = rule.actions(i);
    const char* const field = action.has_answer()                ? "answer"
                              : action.has_add_to_channel()      ? "add_to_channel"
                              : action.has_remove_from_channel() ? "remove_from_channel"
                              : action.has_stop()                ? "stop"
                              : action.has_bot()                 ? "bot"
                                                                 : nullptr;
    if (field == nullptr) continue;
    problems.Add(absl::StrCat("rule.actions[", i, "].", field), "NOT_FOR_GROUPS",
                 "is not possible in groups: use another rule for it, without also_for_groups");
  }
}

}  // namespace

const std::vector<absl::string_view>& AnswerPlaceholders() {
  static const auto* const names = new std::vector<absl::string_view>{
      "name", "contact.name", "contact.phone", "contact.language", "message", "network",
      "date", "time",         "sim",           "channel"};
  return *names;
}

absl::Status CheckRule(const v1::Rule& rule) {
  Problems problems;
  if (rule.display_name().empty())
    problems.Add("rule.display_name", "REQUIRED", "must not be empty");
  if (rule.trigger() == v1::RULE_TRIGGER_UNSPECIFIED)
    problems.Add("rule.trigger", "REQUIRED", "must be set");
  if (rule.actions().empty()) problems.Add("rule.actions", "REQUIRED", "at least one is needed");
  CheckValues(rule.networks(), *common_v1::Network_descriptor(), "rule.networks", problems);
  CheckValues(rule.message_kinds(), *v1::MessageKind_descriptor(), "rule.message_kinds", problems);
  CheckPatterns(rule, problems);
  CheckSchedule(rule, problems);
  CheckActions(rule, problems);
  CheckForGroups(rule, problems);
  return problems.ToStatus();
}

}  // namespace mo::rules

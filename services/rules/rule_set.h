// An account's rules, compiled: which of them a message is for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/schedule.h"

namespace re2 {
class RE2;
}

namespace mo::rules {

// A message as far as rules depend on it.
struct RuleOccasion {
  std::string text;  // or a medium's caption
  v1::MessageKind kind = v1::MESSAGE_KIND_TEXT;
  messageorganizer::common::v1::Network network = messageorganizer::common::v1::NETWORK_UNSPECIFIED;
  std::string sim_id;
  bool first = false;
  bool in_group = false;
  // Whether the product has answered it by itself: a keyword, a welcome.
  bool answered = false;
  absl::Time time;
  absl::TimeZone zone;
};

// What is found of a rule at a message.
struct Finding {
  const v1::Rule* rule;
  v1::Verdict verdict;
};

// Whether the message's contact is subscribed to at least one of a rule's channels. Asked only for
// rules that have some, and that are for the message in every other respect.
using InChannels = std::function<absl::StatusOr<bool>(const v1::Rule& rule)>;

// Immutable; safe to share between threads.
class RuleSet {
 public:
  // Rules that were checked, in any order.
  explicit RuleSet(std::vector<v1::Rule> rules, int64_t version = 0);
  ~RuleSet();
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  // Which state of the account's rules it is.
  int64_t version() const { return version_; }
  // In the order in which they are asked.
  const std::vector<v1::Rule>& rules() const { return rules_; }
  // Whether one of them is for messages in groups.
  bool for_groups() const { return for_groups_; }
  // The numbers of all channels whose subscribers rules are for.
  const std::vector<int64_t>& channels() const { return channels_; }

  // Every rule, in order, judged by itself: FIRED where the message is one for it, else why it is
  // not. Linear in the text's length; all patterns are looked for at once. Without `in_channels`
  // the message is nobody's who has subscribed; fails only as that does.
  absl::StatusOr<std::vector<Finding>> Find(const RuleOccasion& occasion,
                                            const InChannels& in_channels = nullptr) const;

 private:
  struct Patterns;  // of one match type

  std::vector<bool> Matches(absl::string_view text) const;
  v1::Verdict Judge(size_t index, const RuleOccasion& occasion,
                    const std::vector<bool>& matches) const;

  int64_t version_;
  std::vector<v1::Rule> rules_;
  bool for_groups_ = false;
  std::vector<int64_t> channels_;
  std::vector<Schedule> schedules_;
  std::unique_ptr<Patterns> words_;
  std::unique_ptr<Patterns> regexps_;
};

// Goes through what was found in order: a rule that is only tried does nothing, one that fires with
// stop_here keeps those behind it away. `allow` says of each that is to fire FIRED, or what forbids
// it.
using Allow = std::function<absl::StatusOr<v1::Verdict>(const v1::Rule& rule)>;
absl::Status Settle(std::vector<Finding>& findings, const Allow& allow);

// Adds what was found of each rule to an evaluation; unless it is to be whole, without those that
// are disabled, not for groups, or whose patterns are not there.
void Explain(const std::vector<Finding>& findings, bool whole, v1::Evaluation& evaluation);

// What a content is.
v1::MessageKind KindOf(const messageorganizer::common::v1::Content& content);

// Why RE2 does not take a regular expression, with the position and what may help; OK if it does.
absl::Status CheckRegexp(const std::string& pattern);

}  // namespace mo::rules

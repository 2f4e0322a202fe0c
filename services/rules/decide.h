// What a message asks for, and what is to be done about it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "messageorganizer/rules/v1/forwards.pb.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/rule_set.h"
#include "services/rules/rulebook.h"

namespace mo::rules {

// A message as far as decisions depend on it.
struct Occasion {
  std::string text;  // or a medium's caption
  messageorganizer::contacts::v1::Contact contact;
  messageorganizer::contacts::v1::InboundOutcome outcome =
      messageorganizer::contacts::v1::INBOUND_OUTCOME_KNOWN;
  std::vector<std::string> chosen_channels;  // "chn_…", at registration
  v1::MessageKind kind = v1::MESSAGE_KIND_TEXT;
  std::string sim_id;
  bool in_group = false;
  absl::Time received = absl::UnixEpoch();
  // All of it; null in a test of a text.
  const messageorganizer::common::v1::Content* content = nullptr;
};

// One thing to do.
struct Step {
  // What it is among the steps of its message ("welcome"): the same whenever it is decided again,
  // so that it is done once.
  std::string name;
  v1::Action action;
  // The one message that a contact that has opted out still gets.
  bool confirms_stop = false;
  // What goes to another system.
  std::optional<v1::StoredForward> forward = std::nullopt;
};

// What a message is taken for, and what follows, in order.
struct Decision {
  v1::Recognition recognition = v1::RECOGNITION_NONE;
  std::string channel_id;  // the one that the text names
  std::vector<Step> steps;
};

// Whether the message has registered the contact, activated it or brought it back.
bool IsFirst(messageorganizer::contacts::v1::InboundOutcome outcome);

// Decides. In a group nothing is done: its members are not contacts. Opting out comes before
// everything else, and silences everything but its confirmation; a first message is welcomed, its
// channels are joined, then its text is obeyed like any other.
Decision Decide(const Rulebook& book, const Occasion& occasion);

// What the account's rules are asked about the occasion; nullopt: it is no rule's business.
std::optional<RuleOccasion> ForRules(const Rulebook& book, const Occasion& occasion,
                                     const Decision& decision);
// Adds the steps of the rules that have fired, in order.
void Obey(const Rulebook& book, const Occasion& occasion, const std::vector<Finding>& findings,
          Decision& decision);

// The value of a placeholder in what rules say; nullopt: there is none of this name.
absl::optional<std::string> PlaceholderValue(absl::string_view name, const Rulebook& book,
                                             const Occasion& occasion, const Decision& decision);
// A rule's answer with its placeholders filled in.
messageorganizer::common::v1::Content RenderedAnswer(messageorganizer::common::v1::Content content,
                                                     const Rulebook& book, const Occasion& occasion,
                                                     const Decision& decision);

// Takes the confirmation from a decision to stop.
void Silence(Decision& decision);

}  // namespace mo::rules

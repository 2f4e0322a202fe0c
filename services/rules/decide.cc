#include "services/rules/decide.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"
#include "libs/text/content.h"
#include "services/rules/forwarding.h"
#include "services/rules/rule_check.h"

namespace mo::rules {

namespace channels_v1 = messageorganizer::channels::v1;
namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;

namespace {

using Kind = text::Decision::Kind;

// Bytes of a message that an answer may quote.
constexpr size_t kQuoted = 1000;

absl::string_view NameOf(common_v1::Network network) {
  switch (network) {
    case common_v1::NETWORK_WHATSAPP:
      return "WhatsApp";
    case common_v1::NETWORK_TELEGRAM:
      return "Telegram";
    case common_v1::NETWORK_MESSENGER:
      return "Messenger";
    case common_v1::NETWORK_SMS:
      return "SMS";
    default:
      return "";
  }
}

v1::Recognition RecognitionOf(Kind kind) {
  switch (kind) {
    case Kind::kStopAll:
      return v1::RECOGNITION_STOP;
    case Kind::kStopChannel:
      return v1::RECOGNITION_STOP_CHANNEL;
    case Kind::kSubscribe:
      return v1::RECOGNITION_SUBSCRIBE;
    case Kind::kStart:
      return v1::RECOGNITION_START;
    default:
      return v1::RECOGNITION_NONE;
  }
}

// Collects the steps of one decision.
class Plan {
 public:
  Plan(const Rulebook& book, const Occasion& occasion)
      : contact_(occasion.contact),
        answers_(AnswersFor(book.account->answers, occasion.contact.language(),
                            book.account->default_language)) {}

  void Stop() {
    Add("stop", v1::ACTION_KIND_STOP_CONTACT);
    Add("leave-all", v1::ACTION_KIND_UNSUBSCRIBE);
    Answer("confirmation", answers_.stop_text(), nullptr);
    if (!steps_.empty() && steps_.back().action.kind() == v1::ACTION_KIND_ANSWER)
      steps_.back().confirms_stop = true;
  }
  void Welcome() { Answer("welcome", answers_.welcome_text(), nullptr); }
  void Leave(const channels_v1::Channel& channel) {
    Add("leave", v1::ACTION_KIND_UNSUBSCRIBE, &channel);
    Answer("left", channel.leave_text().empty() ? answers_.leave_text() : channel.leave_text(),
           &channel);
  }
  // By the channel's keyword: always answered.
  void Subscribe(const channels_v1::Channel& channel) {
    Join(channel,
         channel.welcome_text().empty() ? answers_.subscribe_text() : channel.welcome_text());
  }
  // By a choice at registration: answered where the channel has something to say.
  void Choose(const channels_v1::Channel& channel) { Join(channel, channel.welcome_text()); }

  // What a rule does. Channels that are gone are left out.
  void Obey(const v1::Rule& rule, const Rulebook& book, const Occasion& occasion,
            const Decision& before);

  std::vector<Step> Take() { return std::move(steps_); }

 private:
  void Join(const channels_v1::Channel& channel, const std::string& text) {
    Add(absl::StrCat("subscribe ", channel.id()), v1::ACTION_KIND_SUBSCRIBE, &channel);
    Answer(absl::StrCat("subscribed ", channel.id()), text, &channel);
  }

  v1::Action& Add(std::string name, v1::ActionKind kind,
                  const channels_v1::Channel* channel = nullptr) {
    Step& step = steps_.emplace_back();
    step.name = std::move(name);
    step.action.set_kind(kind);
    if (channel != nullptr) step.action.set_channel_id(channel->id());
    return step.action;
  }

  // An empty text sends nothing.
  void Answer(std::string name, const std::string& text, const channels_v1::Channel* channel) {
    const std::string rendered =
        RenderAnswer(text, [&](absl::string_view placeholder) -> absl::optional<std::string> {
          if (placeholder == "name") return contact_.display_name();
          if (placeholder == "channel") return channel ? channel->display_name() : "";
          if (placeholder == "keyword") return channel ? channel->keyword() : "";
          absl::ConsumePrefix(&placeholder, "attributes.");
          const auto value = contact_.attributes().find(std::string(placeholder));
          if (value == contact_.attributes().end()) return absl::nullopt;
          return value->second;
        });
    if (rendered.empty()) return;
    Add(std::move(name), v1::ACTION_KIND_ANSWER, channel).set_text(rendered);
  }

  const contacts_v1::Contact& contact_;
  const v1::StandardAnswers answers_;
  std::vector<Step> steps_;
};

void Plan::Obey(const v1::Rule& rule, const Rulebook& book, const Occasion& occasion,
                const Decision& before) {
  const size_t first = steps_.size();
  for (int i = 0; i < rule.actions_size(); ++i) {
    const v1::RuleAction& action = rule.actions(i);
    const std::string name = absl::StrCat("rule ", rule.id(), " ", i);
    if (action.has_answer()) {
      common_v1::Content answer = RenderedAnswer(action.answer(), book, occasion, before);
      // Nothing but placeholders without a value: nothing to say.
      if (answer.has_text() && answer.text().body().empty()) continue;
      *Add(name, v1::ACTION_KIND_ANSWER).mutable_content() = std::move(answer);
    } else if (action.has_add_to_channel()) {
      Add(name, v1::ACTION_KIND_SUBSCRIBE).set_channel_id(action.add_to_channel());
    } else if (action.has_remove_from_channel()) {
      Add(name, v1::ACTION_KIND_UNSUBSCRIBE).set_channel_id(action.remove_from_channel());
    } else if (action.has_stop()) {
      Stop();
      break;
    } else if (auto forward = ForwardOf(action, book, occasion, before)) {
      Add(name, v1::ACTION_KIND_FORWARD).set_forward_kind(KindOf(*forward));
      steps_.back().forward = std::move(forward);
    }
  }
  for (size_t i = first; i < steps_.size(); ++i) steps_[i].action.set_rule_id(rule.id());
}

}  // namespace

bool IsFirst(contacts_v1::InboundOutcome outcome) {
  return outcome == contacts_v1::INBOUND_OUTCOME_ACTIVATED ||
         outcome == contacts_v1::INBOUND_OUTCOME_REGISTERED ||
         outcome == contacts_v1::INBOUND_OUTCOME_REACTIVATED;
}

Decision Decide(const Rulebook& book, const Occasion& occasion) {
  Decision decision;
  if (occasion.in_group) return decision;
  const text::Decision match = book.matcher.Match(occasion.text);
  decision.recognition = RecognitionOf(match.kind);
  // Nothing can be sent to it, nor is it anybody's subscriber.
  if (occasion.outcome == contacts_v1::INBOUND_OUTCOME_NO_ROOM) return decision;
  Plan plan(book, occasion);
  if (match.kind == Kind::kStopAll) {
    plan.Stop();
    decision.steps = plan.Take();
    return decision;
  }
  const auto named = book.channels.find(match.channel_id);
  const channels_v1::Channel* channel = named == book.channels.end() ? nullptr : &named->second;
  if (channel != nullptr) decision.channel_id = channel->id();

  if (IsFirst(occasion.outcome)) plan.Welcome();
  for (const std::string& id : occasion.chosen_channels) {
    const auto chosen = book.channels.find(IdOf(id));
    // One that was deleted since is nobody's; the one that the text names comes below.
    if (chosen == book.channels.end() || id == decision.channel_id) continue;
    plan.Choose(chosen->second);
  }
  if (channel != nullptr && match.kind == Kind::kSubscribe) plan.Subscribe(*channel);
  if (channel != nullptr && match.kind == Kind::kStopChannel) plan.Leave(*channel);
  decision.steps = plan.Take();
  return decision;
}

std::optional<RuleOccasion> ForRules(const Rulebook& book, const Occasion& occasion,
                                     const Decision& decision) {
  if (book.account->rules->rules().empty() || decision.recognition == v1::RECOGNITION_STOP ||
      occasion.outcome == contacts_v1::INBOUND_OUTCOME_NO_ROOM) {
    return std::nullopt;
  }
  RuleOccasion asked;
  asked.text = occasion.text;
  asked.kind = occasion.kind;
  asked.network = occasion.contact.network();
  asked.sim_id = occasion.sim_id;
  asked.first = !occasion.in_group && IsFirst(occasion.outcome);
  asked.in_group = occasion.in_group;
  asked.answered = decision.recognition != v1::RECOGNITION_NONE || !decision.steps.empty();
  asked.time = occasion.received;
  asked.zone = book.account->zone;
  return asked;
}

void Obey(const Rulebook& book, const Occasion& occasion, const std::vector<Finding>& findings,
          Decision& decision) {
  Plan plan(book, occasion);
  for (const Finding& finding : findings) {
    if (finding.verdict == v1::VERDICT_FIRED) plan.Obey(*finding.rule, book, occasion, decision);
  }
  for (Step& step : plan.Take()) decision.steps.push_back(std::move(step));
}

absl::optional<std::string> PlaceholderValue(absl::string_view name, const Rulebook& book,
                                             const Occasion& occasion, const Decision& decision) {
  const contacts_v1::Contact& contact = occasion.contact;
  if (name == "name" || name == "contact.name") return contact.display_name();
  if (name == "contact.phone") return contact.phone();
  if (name == "contact.language") return contact.language();
  if (name == "message") return text::Cut(occasion.text, kQuoted);
  if (name == "network") return std::string(NameOf(contact.network()));
  if (name == "sim") return occasion.sim_id;
  if (name == "channel") {
    const auto channel = book.channels.find(IdOf(decision.channel_id));
    return channel == book.channels.end() ? "" : channel->second.display_name();
  }
  const absl::TimeZone zone = book.account->zone;
  if (name == "date") return absl::FormatTime("%Y-%m-%d", occasion.received, zone);
  if (name == "time") return absl::FormatTime("%H:%M", occasion.received, zone);
  absl::ConsumePrefix(&name, "attributes.");
  const auto value = contact.attributes().find(std::string(name));
  if (value == contact.attributes().end()) return absl::nullopt;
  return value->second;
}

// Placeholders were checked when the rule was saved. What they put in never makes a text longer
// than networks take, or than it was written.
common_v1::Content RenderedAnswer(common_v1::Content content, const Rulebook& book,
                                  const Occasion& occasion, const Decision& decision) {
  text::VisitTexts(content, [&](const text::PersonalText& part) {
    const auto parsed = text::Template::Parse(*part.text, AnswerPlaceholders());
    if (!parsed.ok()) return;
    const std::string filled = parsed->Render(
        [&](absl::string_view name) { return PlaceholderValue(name, book, occasion, decision); });
    *part.text = text::Cut(filled, std::max(part.limit, part.text->size()));
  });
  return content;
}

void Silence(Decision& decision) {
  std::erase_if(decision.steps,
                [](const Step& step) { return step.action.kind() == v1::ACTION_KIND_ANSWER; });
}

}  // namespace mo::rules

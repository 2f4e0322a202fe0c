#include "services/rules/decide.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"

namespace mo::rules {

namespace channels_v1 = messageorganizer::channels::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;

namespace {

using Kind = text::Decision::Kind;

bool IsFirst(contacts_v1::InboundOutcome outcome) {
  return outcome == contacts_v1::INBOUND_OUTCOME_ACTIVATED ||
         outcome == contacts_v1::INBOUND_OUTCOME_REGISTERED ||
         outcome == contacts_v1::INBOUND_OUTCOME_REACTIVATED;
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

}  // namespace

Decision Decide(const Rulebook& book, const Occasion& occasion) {
  const text::Decision match = book.matcher.Match(occasion.text);
  Decision decision;
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

void Silence(Decision& decision) {
  std::erase_if(decision.steps,
                [](const Step& step) { return step.action.kind() == v1::ACTION_KIND_ANSWER; });
}

}  // namespace mo::rules

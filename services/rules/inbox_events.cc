#include "services/rules/inbox_events.h"

#include <deque>
#include <iterator>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/keyed.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"
#include "libs/transcode/registry.h"
#include "services/rules/forwarding.h"
#include "services/rules/store.h"

namespace mo::rules {

namespace inbox_v1 = messageorganizer::inbox::v1;

namespace {

// As long as what an event says of a contact is taken for what it is: its SIM may change later.
constexpr absl::Duration kNews = absl::Seconds(5);

// What is decided one after the other: the messages of a contact, or of a group.
const std::string& DialogOf(const inbox_v1::Message& message) {
  return message.group_id().empty() ? message.contact_id() : message.group_id();
}

}  // namespace

bool InboxEvents::Wants(const events::Event& event) {
  return event.envelope.type() == inbox_v1::MessageReceived::descriptor()->full_name();
}

absl::Status InboxEvents::Handle(storage::Transaction& tx,
                                 const std::vector<events::Event>& batch) {
  std::deque<Case> cases;  // cases keep their places
  absl::flat_hash_map<std::string, const Case*> last;
  for (const events::Event& event : batch) {
    auto received = events::As<inbox_v1::MessageReceived>(event);
    if (!received) continue;
    Case& one = cases.emplace_back();
    one.caller = ServiceCaller("rules", event.envelope.account_id(), event.envelope.request_id());
    one.received = FromProto(event.envelope.time());
    one.event = *std::move(received);
    const Case*& previous = last[DialogOf(one.event.message())];
    one.previous = std::exchange(previous, &one);
  }
  std::vector<KeyedTask> tasks;
  for (Case& one : cases) {
    tasks.push_back({DialogOf(one.event.message()), [this, &one] {
                       // What comes before must be done before.
                       one.evaluation = one.previous == nullptr || one.previous->evaluation.ok()
                                            ? Evaluate(one)
                                            : one.previous->evaluation.status();
                     }});
  }
  RunByKey(executor_, std::move(tasks));
  Evaluations evaluations;
  std::vector<Forward> forwards;
  for (Case& one : cases) {
    MO_RETURN_IF_ERROR(one.evaluation.status());
    // What was written in a group that no rule is for is nobody's business.
    if (one.evaluation->message_id().empty()) continue;
    evaluations.emplace_back(one.caller.account_id, &*one.evaluation);
    std::move(one.forwards.begin(), one.forwards.end(), std::back_inserter(forwards));
  }
  if (!evaluations.empty()) InsertEvaluations(tx, evaluations);
  if (!forwards.empty()) {
    InsertForwards(tx, forwards);
    tx.AfterCommit(queued_);
  }
  return absl::OkStatus();
}

Occasion InboxEvents::OccasionOf(const Case& one) {
  const inbox_v1::Message& message = one.event.message();
  Occasion occasion;
  occasion.text = std::string(text::WordsOf(message.content()));
  occasion.contact = one.event.contact();
  occasion.outcome = one.event.outcome();
  occasion.chosen_channels = {one.event.channel_ids().begin(), one.event.channel_ids().end()};
  occasion.kind = KindOf(message.content());
  occasion.sim_id = message.sim_id();
  occasion.in_group = !message.group_id().empty();
  // Nothing more is known of who writes there.
  if (occasion.in_group) occasion.contact.set_network(one.event.network());
  occasion.received = one.received;
  occasion.content = &message.content();
  return occasion;
}

absl::StatusOr<v1::Evaluation> InboxEvents::Evaluate(Case& one) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const Rulebook> book,
                      rulebooks_.Get(one.caller, one.received));
  const RuleSet& rules = *book->account->rules;
  const Occasion occasion = OccasionOf(one);
  if (occasion.in_group && !rules.for_groups()) return v1::Evaluation();
  Decision decision = Decide(*book, occasion);
  if (decision.recognition == v1::RECOGNITION_STOP) {
    // Exactly one confirmation, however often a contact says it.
    MO_ASSIGN_OR_RETURN(const bool was_stopped, WasStopped(one));
    if (was_stopped) Silence(decision);
  }
  const inbox_v1::Message& message = one.event.message();
  std::vector<Finding> findings;
  if (const auto asked = ForRules(*book, occasion, decision)) {
    const int64_t writer = WriterOf(message);
    MO_ASSIGN_OR_RETURN(
        findings, referee_.Judge({one.caller.account_id, IdOf(message.id()), writer}, rules, *asked,
                                 subscriptions_.Lazily(one.caller, rules, writer)));
    Obey(*book, occasion, findings, decision);
  }
  MO_ASSIGN_OR_RETURN(one.forwards, ForwardsOf(one, decision));
  Actor::Target target{message.contact_id()};
  if (app_.clock().Now() - one.received < kNews) target.known = &one.event.contact();
  MO_ASSIGN_OR_RETURN(const std::vector<v1::Action> done,
                      actor_.Act(one.caller, message.id(), target, decision));
  v1::Evaluation evaluation;
  evaluation.set_message_id(message.id());
  evaluation.set_contact_id(message.contact_id());
  evaluation.set_group_id(message.group_id());
  evaluation.set_recognition(decision.recognition);
  evaluation.set_channel_id(decision.channel_id);
  evaluation.set_first_message(IsFirst(occasion.outcome));
  for (const v1::Action& action : done) *evaluation.add_actions() = action;
  Explain(findings, /*whole=*/false, evaluation);
  *evaluation.mutable_evaluate_time() = ToProto(app_.clock().Now());
  return evaluation;
}

absl::StatusOr<std::vector<Forward>> InboxEvents::ForwardsOf(const Case& one, Decision& decision) {
  std::vector<Forward> forwards;
  std::string data;
  for (Step& step : decision.steps) {
    if (!step.forward) continue;
    if (data.empty()) {
      MO_RETURN_IF_ERROR(transcode::Registry::Embedded().types().ToJson(
          Received::descriptor(), one.event.SerializeAsString(), &data));
    }
    Forward& forward = forwards.emplace_back(
        BeginForward(one.caller.account_id, *step.forward, app_.clock().Now()));
    forward.id = app_.ids().Next();
    forward.rule_id = IdOf(step.action.rule_id());
    forward.message_id = IdOf(one.event.message().id());
    forward.contact_id = IdOf(one.event.message().contact_id());
    if (!one.event.message().group_id().empty())
      forward.request.set_group(absl::StrCat("group-", absl::Hex(WriterOf(one.event.message()))));
    if (forward.kind == v1::FORWARD_KIND_HTTP || forward.kind == v1::FORWARD_KIND_BOT) {
      forward.request.set_type(
          transcode::Registry::Embedded().FindEvent(Received::descriptor()->full_name())->name);
      forward.request.set_data(data);
      *forward.request.mutable_event_time() = ToProto(one.received);
    }
    step.action.set_forward_id(FormatId("fwd", forward.id));
  }
  return forwards;
}

absl::StatusOr<bool> InboxEvents::WasStopped(const Case& one) {
  if (one.previous != nullptr) {
    return one.previous->evaluation->recognition() == v1::RECOGNITION_STOP;
  }
  MO_ASSIGN_OR_RETURN(const std::vector<v1::Evaluation> before,
                      database_.ReadAs(one.caller.account_id, [&](storage::Transaction& tx) {
                        return SelectEvaluations(tx, IdOf(one.event.message().contact_id()),
                                                 IdOf(one.event.message().id()), 1);
                      }));
  return !before.empty() && before[0].recognition() == v1::RECOGNITION_STOP;
}

}  // namespace mo::rules

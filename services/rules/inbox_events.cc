#include "services/rules/inbox_events.h"

#include <deque>

#include "absl/container/flat_hash_map.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/keyed.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"
#include "services/rules/store.h"

namespace mo::rules {

namespace inbox_v1 = messageorganizer::inbox::v1;

namespace {

// As long as what an event says of a contact is taken for what it is: its SIM may change later.
constexpr absl::Duration kNews = absl::Seconds(5);

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
    if (!received || !received->message().group_id().empty()) continue;
    Case& one = cases.emplace_back();
    one.caller = ServiceCaller("rules", event.envelope.account_id(), event.envelope.request_id());
    one.received = FromProto(event.envelope.time());
    one.event = *std::move(received);
    const Case*& previous = last[one.event.message().contact_id()];
    one.previous = std::exchange(previous, &one);
  }
  std::vector<KeyedTask> tasks;
  for (Case& one : cases) {
    tasks.push_back({one.event.message().contact_id(), [this, &one] {
                       // What comes before must be done before.
                       one.evaluation = one.previous == nullptr || one.previous->evaluation.ok()
                                            ? Evaluate(one)
                                            : one.previous->evaluation.status();
                     }});
  }
  RunByKey(executor_, std::move(tasks));
  Evaluations evaluations;
  for (const Case& one : cases) {
    MO_RETURN_IF_ERROR(one.evaluation.status());
    evaluations.emplace_back(one.caller.account_id, &*one.evaluation);
  }
  if (!evaluations.empty()) InsertEvaluations(tx, evaluations);
  return absl::OkStatus();
}

absl::StatusOr<v1::Evaluation> InboxEvents::Evaluate(const Case& one) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const Rulebook> book,
                      rulebooks_.Get(one.caller, one.received));
  Occasion occasion;
  occasion.text = std::string(text::WordsOf(one.event.message().content()));
  occasion.contact = one.event.contact();
  occasion.outcome = one.event.outcome();
  occasion.chosen_channels = {one.event.channel_ids().begin(), one.event.channel_ids().end()};
  occasion.kind = KindOf(one.event.message().content());
  occasion.sim_id = one.event.message().sim_id();
  occasion.received = one.received;
  Decision decision = Decide(*book, occasion);
  if (decision.recognition == v1::RECOGNITION_STOP) {
    // Exactly one confirmation, however often a contact says it.
    MO_ASSIGN_OR_RETURN(const bool was_stopped, WasStopped(one));
    if (was_stopped) Silence(decision);
  }
  const inbox_v1::Message& message = one.event.message();
  std::vector<Finding> findings;
  if (const auto asked = ForRules(*book, occasion, decision)) {
    MO_ASSIGN_OR_RETURN(findings, referee_.Judge({one.caller.account_id, IdOf(message.id()),
                                                  IdOf(message.contact_id())},
                                                 *book->account->rules, *asked));
    Obey(*book, occasion, findings, decision);
  }
  Actor::Target target{message.contact_id()};
  if (app_.clock().Now() - one.received < kNews) target.known = &one.event.contact();
  MO_ASSIGN_OR_RETURN(const std::vector<v1::Action> done,
                      actor_.Act(one.caller, message.id(), target, decision));
  v1::Evaluation evaluation;
  evaluation.set_message_id(message.id());
  evaluation.set_contact_id(message.contact_id());
  evaluation.set_recognition(decision.recognition);
  evaluation.set_channel_id(decision.channel_id);
  for (const v1::Action& action : done) *evaluation.add_actions() = action;
  Explain(findings, /*whole=*/false, evaluation);
  *evaluation.mutable_evaluate_time() = ToProto(app_.clock().Now());
  return evaluation;
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

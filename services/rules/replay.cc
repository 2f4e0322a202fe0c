#include "services/rules/replay.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "libs/text/content.h"
#include "services/rules/store.h"

namespace mo::rules {

namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace inbox_v1 = messageorganizer::inbox::v1;
namespace sims_v1 = messageorganizer::sims::v1;

namespace {

constexpr absl::Duration kFarthestBack = absl::Hours(7 * 24);
// A client's clock may be behind.
constexpr absl::Duration kGrace = absl::Hours(1);
constexpr int64_t kReadAtOnce = 1000;

}  // namespace

struct Replay::Course {
  Course(const Rulebook& book, const v1::Rule& draft, const v1::ReplayRuleRequest& request,
         int64_t listed_after)
      : rehearsal(book, draft),
        most(storage::PageSize(request.page_size())),
        only_fired(request.fired_only()),
        has_id(!request.rule().id().empty()),
        after(listed_after) {}

  // Counts the verdict, and lists the message where it is this page's.
  void Note(const Received& received, v1::Verdict verdict, Occasion occasion) {
    ++verdicts[verdict];
    const int64_t id = IdOf(received.message().id());
    if (id <= after || (only_fired && verdict != v1::VERDICT_FIRED)) return;
    if (static_cast<int>(listed.size()) == most) {
      more = true;
      return;
    }
    v1::ReplayedMessage& message = listed.emplace_back();
    message.set_message_id(received.message().id());
    message.set_contact_id(received.message().contact_id());
    message.set_group_id(received.message().group_id());
    *message.mutable_receive_time() = received.receive_time();
    message.set_verdict(verdict);
    occasions.push_back(std::move(occasion));
  }

  Rehearsal rehearsal;
  const int most;
  const bool only_fired;
  const bool has_id;
  const int64_t after;
  std::map<std::string, common_v1::Network> networks;  // by SIM
  std::map<v1::Verdict, int64_t> verdicts;
  std::vector<v1::ReplayedMessage> listed;
  std::vector<Occasion> occasions;  // of those listed
  bool more = false;
};

absl::StatusOr<Replay::Span> Replay::SpanOf(const v1::ReplayRuleRequest& request) const {
  const absl::Time now = app_.clock().Now();
  if (!request.page_token().empty()) {
    MO_ASSIGN_OR_RETURN(const std::string key, storage::PageKey(request.page_token()));
    const std::vector<std::string> parts = absl::StrSplit(key, ' ');
    int64_t start = 0, end = 0, after = 0;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &start) ||
        !absl::SimpleAtoi(parts[1], &end) || !absl::SimpleAtoi(parts[2], &after)) {
      return InvalidField("page_token", "BAD_PAGE_TOKEN", "is none of this list");
    }
    return Span{absl::FromUnixMicros(start), absl::FromUnixMicros(end), after};
  }
  Span span{now - kFarthestBack, now};
  if (request.has_start_time()) span.start = FromProto(request.start_time());
  if (request.has_end_time()) span.end = std::min(span.end, FromProto(request.end_time()));
  Problems problems;
  if (span.start < now - kFarthestBack - kGrace)
    problems.Add("start_time", "TOO_EARLY", "is more than seven days ago");
  if (span.start >= span.end)
    problems.Add("end_time", "OUT_OF_RANGE", "must be after start_time, which must be in the past");
  MO_RETURN_IF_ERROR(problems.ToStatus());
  return span;
}

absl::StatusOr<v1::ReplayRuleResponse> Replay::Run(const Caller& caller,
                                                   const v1::ReplayRuleRequest& request) {
  MO_ASSIGN_OR_RETURN(const Span span, SpanOf(request));
  MO_ASSIGN_OR_RETURN(const v1::Rule draft,
                      catalogue_.Draft(caller, request.rule(), request.update_mask()));
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const Rulebook> book,
                      rulebooks_.Get(caller, app_.clock().Now()));
  Course course(*book, draft, request, span.after);
  v1::ReplayRuleResponse response;
  int64_t left = kMostReplayed;
  std::string page_token;
  do {
    MO_ASSIGN_OR_RETURN(const ReceivedPage page,
                        NextPage(caller, span, std::max<int64_t>(left, 1), page_token));
    page_token = page.next_page_token();
    if (page.messages().empty()) break;
    if (left == 0) {
      *response.mutable_unreplayed_time() = page.messages(0).receive_time();
      break;
    }
    MO_RETURN_IF_ERROR(RunPage(caller, page, course));
    left -= page.messages_size();
  } while (!page_token.empty());
  MO_RETURN_IF_ERROR(AddActions(caller, course));
  Tell(span, course, response);
  return response;
}

void Replay::Tell(const Span& span, Course& course, v1::ReplayRuleResponse& response) {
  v1::ReplayTotals& totals = *response.mutable_totals();
  for (const auto& [verdict, messages] : course.verdicts) {
    v1::VerdictCount& count = *totals.add_verdicts();
    count.set_verdict(verdict);
    count.set_messages(messages);
    totals.set_messages(totals.messages() + messages);
    if (verdict == v1::VERDICT_FIRED) totals.set_fired(messages);
  }
  for (v1::ReplayedMessage& message : course.listed) *response.add_messages() = std::move(message);
  if (!course.more) return;
  const int64_t last = IdOf(response.messages(response.messages_size() - 1).message_id());
  response.set_next_page_token(storage::PageToken(
      absl::StrCat(absl::ToUnixMicros(span.start), " ", absl::ToUnixMicros(span.end), " ", last)));
}

absl::StatusOr<Replay::ReceivedPage> Replay::NextPage(const Caller& caller, const Span& span,
                                                      int64_t most, const std::string& page_token) {
  inbox_v1::ListReceivedRequest request;
  *request.mutable_start_time() = ToProto(span.start);
  *request.mutable_end_time() = ToProto(span.end);
  request.set_page_size(static_cast<int32_t>(std::min(most, kReadAtOnce)));
  request.set_page_token(page_token);
  return inbox_.Call(MO_METHOD(inbox_v1::InboxService, ListReceived), caller.WithKey(""), request);
}

absl::Status Replay::RunPage(const Caller& caller, const ReceivedPage& page, Course& course) {
  std::vector<int64_t> messages;
  std::set<int64_t> contacts;
  for (const Received& one : page.messages()) {
    messages.push_back(IdOf(one.message().id()));
    if (!one.message().contact_id().empty()) contacts.insert(IdOf(one.message().contact_id()));
  }
  MO_ASSIGN_OR_RETURN(const std::set<int64_t> first,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectFirstMessages(tx, messages);
                      }));
  MO_ASSIGN_OR_RETURN(auto channels, subscriptions_.Of(caller, course.rehearsal.rules(),
                                                       {contacts.begin(), contacts.end()}));
  for (const Received& one : page.messages()) {
    const inbox_v1::Message& message = one.message();
    Occasion occasion;
    occasion.text = std::string(text::WordsOf(message.content()));
    occasion.contact.set_id(message.contact_id());
    MO_ASSIGN_OR_RETURN(const common_v1::Network network,
                        NetworkOf(caller, message.sim_id(), course));
    occasion.contact.set_network(network);
    occasion.outcome = first.contains(IdOf(message.id())) ? contacts_v1::INBOUND_OUTCOME_REGISTERED
                                                          : contacts_v1::INBOUND_OUTCOME_KNOWN;
    occasion.kind = KindOf(message.content());
    occasion.sim_id = message.sim_id();
    occasion.in_group = !message.group_id().empty();
    occasion.received = FromProto(one.receive_time());
    MO_ASSIGN_OR_RETURN(
        const v1::Verdict verdict,
        course.rehearsal.Judge(occasion, WriterOf(message), channels[IdOf(message.contact_id())]));
    course.Note(one, verdict, std::move(occasion));
  }
  return absl::OkStatus();
}

absl::StatusOr<common_v1::Network> Replay::NetworkOf(const Caller& caller,
                                                     const std::string& sim_id, Course& course) {
  const auto [known, is_new] = course.networks.try_emplace(sim_id);
  if (is_new) {
    sims_v1::GetSimRequest get;
    get.set_id(sim_id);
    const auto sim = sims_.Call(&sims_v1::SimService::Stub::GetSim, caller.WithKey(""), get);
    if (!sim.ok() && !absl::IsNotFound(sim.status())) return sim.status();
    if (sim.ok()) known->second = sim->network();
  }
  return known->second;
}

absl::Status Replay::AddActions(const Caller& caller, Course& course) {
  std::map<std::string, contacts_v1::Contact> contacts;
  for (size_t i = 0; i < course.listed.size(); ++i) {
    if (course.listed[i].verdict() != v1::VERDICT_FIRED) continue;
    Occasion& occasion = course.occasions[i];
    if (const std::string id = occasion.contact.id(); !id.empty()) {
      const auto [known, is_new] = contacts.try_emplace(id, occasion.contact);
      if (is_new) {
        contacts_v1::GetContactRequest get;
        get.set_id(id);
        auto contact =
            contacts_.Call(&contacts_v1::ContactService::Stub::GetContact, caller.WithKey(""), get);
        if (!contact.ok() && !absl::IsNotFound(contact.status())) return contact.status();
        if (contact.ok()) known->second = *std::move(contact);
      }
      occasion.contact = known->second;
    }
    for (v1::Action& action : course.rehearsal.Actions(occasion)) {
      // A draft has no id that anybody could look up.
      if (!course.has_id) action.clear_rule_id();
      *course.listed[i].add_actions() = std::move(action);
    }
  }
  return absl::OkStatus();
}

}  // namespace mo::rules

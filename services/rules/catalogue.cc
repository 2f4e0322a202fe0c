#include "services/rules/catalogue.h"

#include <limits>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "libs/text/content.h"
#include "services/rules/rule_check.h"
#include "services/rules/rule_store.h"

namespace mo::rules {

namespace media_v1 = messageorganizer::media::v1;
namespace sims_v1 = messageorganizer::sims::v1;

namespace {

// As long as an event may be handled again.
constexpr absl::Duration kKeepDecisions = absl::Hours(8 * 24);

const std::vector<std::string>& Updatable() {
  static const auto* const fields = new std::vector<std::string>{
      "display_name", "state",   "priority",           "trigger",        "match_type", "patterns",
      "networks",     "sim_ids", "only_first_message", "message_kinds",  "schedule",   "limit",
      "stop_here",    "actions", "channel_ids",        "also_for_groups"};
  return *fields;
}

using OrderKey = std::pair<int64_t, int64_t>;

OrderKey KeyOf(const v1::Rule& rule) { return {rule.priority(), IdOf(rule.id())}; }

absl::StatusOr<OrderKey> ParseKey(const std::string& key) {
  if (key.empty()) return OrderKey{std::numeric_limits<int64_t>::min(), 0};
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  OrderKey parsed;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &parsed.first) ||
      !absl::SimpleAtoi(parts[1], &parsed.second)) {
    return InvalidField("page_token", "BAD_PAGE_TOKEN", "is none of this list");
  }
  return parsed;
}

// NOT_FOUND becomes a problem of the field, other errors are the caller's.
absl::Status Found(const absl::Status& status, absl::string_view field, Problems& problems) {
  if (!absl::IsNotFound(status)) return status;
  problems.Add(field, "NOT_FOUND", "the account has none with this id");
  return absl::OkStatus();
}

}  // namespace

absl::Status Catalogue::CheckReferences(const Caller& caller, const v1::Rule& rule) {
  Problems problems;
  const Caller reader = caller.WithKey("");
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const Rulebook> book,
                      rulebooks_.Get(reader, app_.clock().Now()));
  for (int i = 0; i < rule.actions_size(); ++i) {
    const std::string field = absl::StrCat("rule.actions[", i, "]");
    const v1::RuleAction& action = rule.actions(i);
    const bool adds = action.has_add_to_channel();
    if (adds || action.has_remove_from_channel()) {
      const std::string& id = adds ? action.add_to_channel() : action.remove_from_channel();
      if (!book->channels.contains(IdOf(id)))
        problems.Add(absl::StrCat(field, adds ? ".add_to_channel" : ".remove_from_channel"),
                     "NOT_FOUND", "the account has none with this id");
    }
    if (!action.has_answer()) continue;
    const text::FileIn file = text::FileOf(action.answer());
    if (file.media_id.empty()) continue;
    media_v1::GetMediaRequest get;
    get.set_id(file.media_id);
    MO_RETURN_IF_ERROR(
        Found(media_.Call(&media_v1::MediaService::Stub::GetMedia, reader, get).status(),
              absl::StrCat(field, ".answer", file.path), problems));
  }
  for (int i = 0; i < rule.channel_ids_size(); ++i) {
    if (!book->channels.contains(IdOf(rule.channel_ids(i))))
      problems.Add(absl::StrCat("rule.channel_ids[", i, "]"), "NOT_FOUND",
                   "the account has none with this id");
  }
  for (int i = 0; i < rule.sim_ids_size(); ++i) {
    sims_v1::GetSimRequest get;
    get.set_id(rule.sim_ids(i));
    MO_RETURN_IF_ERROR(Found(sims_.Call(&sims_v1::SimService::Stub::GetSim, reader, get).status(),
                             absl::StrCat("rule.sim_ids[", i, "]"), problems));
  }
  return problems.ToStatus();
}

absl::StatusOr<v1::Rule> Catalogue::Create(const Caller& caller,
                                           const v1::CreateRuleRequest& request) {
  v1::Rule rule = request.rule();
  MO_RETURN_IF_ERROR(CheckRule(rule));
  MO_RETURN_IF_ERROR(CheckReferences(caller, rule));
  rule.set_id(FormatId("rul", app_.ids().Next()));
  if (rule.state() == v1::RULE_STATE_UNSPECIFIED) rule.set_state(v1::RULE_STATE_ENABLED);
  *rule.mutable_create_time() = ToProto(app_.clock().Now());
  *rule.mutable_update_time() = rule.create_time();
  rule.set_etag("1");
  auto created = database_.Once<v1::Rule>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Rule> {
        MO_RETURN_IF_ERROR(InsertRule(tx, rule));
        return rule;
      });
  rulebooks_.Forget(caller.account_id);
  return created;
}

absl::StatusOr<v1::Rule> Catalogue::Get(const Caller& caller, const v1::GetRuleRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectRule(tx, IdOf(request.id()));
  });
}

absl::StatusOr<v1::ListRulesResponse> Catalogue::List(const Caller& caller,
                                                      const v1::ListRulesRequest& request) {
  const auto size = static_cast<int>(storage::PageSize(request.page_size()));
  MO_ASSIGN_OR_RETURN(const std::string token, storage::PageKey(request.page_token()));
  MO_ASSIGN_OR_RETURN(const OrderKey after, ParseKey(token));
  // There are at most 500.
  MO_ASSIGN_OR_RETURN(std::vector<v1::Rule> rules,
                      database_.ReadAs(caller.account_id, SelectAllRules));
  v1::ListRulesResponse response;
  for (v1::Rule& rule : rules) {
    const OrderKey key = KeyOf(rule);
    if (key <= after) continue;
    if (response.rules_size() == size) {
      const OrderKey last = KeyOf(response.rules(size - 1));
      response.set_next_page_token(storage::PageToken(absl::StrCat(last.first, "/", last.second)));
      break;
    }
    *response.add_rules() = std::move(rule);
  }
  return response;
}

absl::StatusOr<v1::Rule> Catalogue::Update(const Caller& caller,
                                           const v1::UpdateRuleRequest& request) {
  const int64_t id = IdOf(request.rule().id());
  if (id == 0) return InvalidField("rule.id", "REQUIRED", "must not be empty");
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.rule(), request.update_mask(), Updatable()));
  v1::Rule named;  // what the request brings along is checked before the row is locked
  CopyFields(request.rule(), fields, named);
  MO_RETURN_IF_ERROR(CheckReferences(caller, named));
  auto updated = database_.Once<v1::Rule>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Rule> {
        MO_ASSIGN_OR_RETURN(v1::Rule rule, SelectRule(tx, id, /*lock=*/true));
        MO_RETURN_IF_ERROR(CheckEtag(request.rule().etag(), rule.etag()));
        CopyFields(request.rule(), fields, rule);
        if (rule.state() == v1::RULE_STATE_UNSPECIFIED) rule.set_state(v1::RULE_STATE_ENABLED);
        MO_RETURN_IF_ERROR(CheckRule(rule));
        *rule.mutable_update_time() = ToProto(app_.clock().Now());
        ReplaceRule(tx, rule);
        return SelectRule(tx, id);
      });
  rulebooks_.Forget(caller.account_id);
  return updated;
}

absl::StatusOr<v1::Rule> Catalogue::Draft(const Caller& caller, const v1::Rule& rule,
                                          const google::protobuf::FieldMask& mask) {
  MO_RETURN_IF_ERROR(CheckReferences(caller, rule));
  v1::Rule draft = rule;
  if (const int64_t id = IdOf(rule.id()); id != 0) {
    MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                        FieldsToUpdate(rule, mask, Updatable()));
    auto found = database_.ReadAs(caller.account_id,
                                  [&](storage::Transaction& tx) { return SelectRule(tx, id); });
    if (!found.ok()) return WithField(found.status(), "rule.id");
    MO_RETURN_IF_ERROR(CheckEtag(rule.etag(), found->etag()));
    draft = *std::move(found);
    CopyFields(rule, fields, draft);
  } else {
    draft.set_id(FormatId("rul", std::numeric_limits<int64_t>::max()));
  }
  MO_RETURN_IF_ERROR(CheckRule(draft));
  return draft;
}

absl::StatusOr<google::protobuf::Empty> Catalogue::Delete(const Caller& caller,
                                                          const v1::DeleteRuleRequest& request) {
  auto deleted = database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_RETURN_IF_ERROR(DeleteRule(tx, IdOf(request.id())));
        return google::protobuf::Empty();
      });
  rulebooks_.Forget(caller.account_id);
  return deleted;
}

absl::StatusOr<bool> Catalogue::DeleteOld() {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(const int64_t uses, database_.AsSystem([&](storage::Transaction& tx) {
    return DeleteUses(tx, now);
  }));
  MO_ASSIGN_OR_RETURN(const int64_t decisions, database_.AsSystem([&](storage::Transaction& tx) {
    return DeleteDecisions(tx, now - kKeepDecisions);
  }));
  return uses > 0 || decisions == 1000;
}

}  // namespace mo::rules

#include "services/rules/rule_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/rules/errors.h"

namespace mo::rules {
namespace {

v1::Rule RuleOf(const storage::Row& row) {
  v1::Rule rule;
  rule.ParseFromString(row.String(0));
  rule.set_etag(absl::StrCat(row.Int(1)));
  return rule;
}

std::string BytesOf(v1::Rule rule) {
  rule.clear_etag();
  return rule.SerializeAsString();
}

// The row that says which rules an account has: also the lock under which they change. `$2`: how
// many more.
constexpr char kTouch[] =
    "INSERT INTO rules.rule_sets AS sets (account_id, version, rules) VALUES ($1, 1, $2) "
    "ON CONFLICT (account_id) DO UPDATE SET version = sets.version + 1, rules = sets.rules + $2 "
    "RETURNING rules";

}  // namespace

constexpr char kInsertRule[] =
    "INSERT INTO rules.rules (account_id, id, priority, rule) VALUES ($1, $2, $3, $4)";
absl::Status InsertRule(storage::Transaction& tx, const v1::Rule& rule) {
  MO_ASSIGN_OR_RETURN(const storage::Result sets, tx.Query(kTouch, tx.account_id(), int32_t{1}));
  if (sets[0].Int(0) > kMostRules) return TooManyRules();
  const std::string bytes = BytesOf(rule);
  return tx.Run(kInsertRule, tx.account_id(), IdOf(rule.id()), rule.priority(),
                storage::Bytes{bytes});
}

constexpr char kSelectRule[] =
    "SELECT rule, version FROM rules.rules WHERE account_id = $1 AND id = $2";
constexpr char kLockRule[] =
    "SELECT rule, version FROM rules.rules WHERE account_id = $1 AND id = $2 FOR UPDATE";
absl::StatusOr<v1::Rule> SelectRule(storage::Transaction& tx, int64_t id, bool lock) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(lock ? kLockRule : kSelectRule, tx.account_id(), id));
  if (rows.empty()) return RuleNotFound();
  return RuleOf(rows[0]);
}

constexpr char kSelectAllRules[] =
    "SELECT rule, version FROM rules.rules WHERE account_id = $1 ORDER BY priority, id";
absl::StatusOr<std::vector<v1::Rule>> SelectAllRules(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectAllRules, tx.account_id()));
  std::vector<v1::Rule> rules;
  for (const storage::Row row : rows) rules.push_back(RuleOf(row));
  return rules;
}

constexpr char kReplaceRule[] =
    "UPDATE rules.rules SET priority = $3, rule = $4, version = version + 1 "
    "WHERE account_id = $1 AND id = $2";
void ReplaceRule(storage::Transaction& tx, const v1::Rule& rule) {
  tx.Defer(kTouch, tx.account_id(), int32_t{0});
  const std::string bytes = BytesOf(rule);
  tx.Defer(kReplaceRule, tx.account_id(), IdOf(rule.id()), rule.priority(), storage::Bytes{bytes});
}

constexpr char kDeleteRule[] = "DELETE FROM rules.rules WHERE account_id = $1 AND id = $2";
constexpr char kInsertDeleted[] =
    "INSERT INTO rules.deleted_rules (account_id, rule_id) VALUES ($1, $2)";
absl::Status DeleteRule(storage::Transaction& tx, int64_t id) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kDeleteRule, tx.account_id(), id));
  if (rows.affected() == 0) return RuleNotFound();
  tx.Defer(kTouch, tx.account_id(), int32_t{-1});
  tx.Defer(kInsertDeleted, tx.account_id(), id);
  return absl::OkStatus();
}

// One statement sees one state.
constexpr char kSelectRuleSet[] =
    "SELECT rule.rule, rule.version, sets.version FROM rules.rule_sets AS sets "
    "LEFT JOIN rules.rules AS rule ON rule.account_id = sets.account_id "
    "WHERE sets.account_id = $1 ORDER BY rule.priority, rule.id";
absl::StatusOr<VersionedRules> SelectRuleSet(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectRuleSet, tx.account_id()));
  VersionedRules set;
  for (const storage::Row row : rows) {
    set.version = row.Int(2);
    if (!row.IsNull(0)) set.rules.push_back(RuleOf(row));
  }
  return set;
}

// The row's lock makes others wait, who then see what was counted.
constexpr char kCountUse[] =
    "INSERT INTO rules.uses AS known (account_id, rule_id, contact_id, period_start, uses, "
    "expire_time) "
    "VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (account_id, rule_id, contact_id, period_start) "
    "DO UPDATE SET uses = known.uses + 1 WHERE known.uses < $6";
absl::StatusOr<bool> CountUse(storage::Transaction& tx, const UseKey& key, int32_t limit) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kCountUse, tx.account_id(), key.rule_id, key.contact_id,
                               key.period.start, key.period.end, limit));
  return rows.affected() == 1;
}

constexpr char kTakeBackUse[] =
    "UPDATE rules.uses SET uses = uses - 1 WHERE account_id = $1 AND rule_id = $2 "
    "AND contact_id = $3 AND period_start = $4";
void TakeBackUse(storage::Transaction& tx, const UseKey& key) {
  tx.Defer(kTakeBackUse, tx.account_id(), key.rule_id, key.contact_id, key.period.start);
}

constexpr char kSelectDecision[] =
    "SELECT fired FROM rules.decisions WHERE account_id = $1 AND message_id = $2";
absl::StatusOr<Fired> SelectDecision(storage::Transaction& tx, int64_t message_id) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectDecision, tx.account_id(), message_id));
  if (rows.empty()) return Fired();
  return Fired{true, rows[0].Get<std::vector<int64_t>>(0)};
}

constexpr char kInsertDecision[] =
    "INSERT INTO rules.decisions (account_id, message_id, fired, decide_time) "
    "VALUES ($1, $2, $3, $4)";
absl::Status InsertDecision(storage::Transaction& tx, int64_t message_id,
                            const std::vector<int64_t>& fired, absl::Time now) {
  return tx.Run(kInsertDecision, tx.account_id(), message_id, fired, now);
}

constexpr char kDeleteExpired[] =
    "DELETE FROM rules.uses WHERE (account_id, rule_id, contact_id, period_start) IN "
    "(SELECT account_id, rule_id, contact_id, period_start FROM rules.uses "
    "WHERE expire_time < $1 LIMIT 1000)";
constexpr char kSelectDeleted[] = "SELECT account_id, rule_id FROM rules.deleted_rules LIMIT 1";
constexpr char kDeleteOfRule[] =
    "DELETE FROM rules.uses WHERE (account_id, rule_id, contact_id, period_start) IN "
    "(SELECT account_id, rule_id, contact_id, period_start FROM rules.uses "
    "WHERE account_id = $1 AND rule_id = $2 LIMIT 1000)";
constexpr char kForgetDeleted[] =
    "DELETE FROM rules.deleted_rules WHERE account_id = $1 AND rule_id = $2";
absl::StatusOr<int64_t> DeleteUses(storage::Transaction& tx, absl::Time now) {
  MO_ASSIGN_OR_RETURN(const storage::Result expired,
                      tx.Query(kDeleteExpired, now - absl::Hours(24)));
  MO_ASSIGN_OR_RETURN(const storage::Result gone, tx.Query(kSelectDeleted));
  if (gone.empty()) return expired.affected();
  const int64_t account = gone[0].Int(0), rule = gone[0].Int(1);
  MO_ASSIGN_OR_RETURN(const storage::Result orphans, tx.Query(kDeleteOfRule, account, rule));
  if (orphans.affected() < 1000) tx.Defer(kForgetDeleted, account, rule);
  return expired.affected() + std::max<int64_t>(orphans.affected(), 1);
}

constexpr char kDeleteDecisions[] =
    "DELETE FROM rules.decisions WHERE (account_id, message_id) IN (SELECT account_id, message_id "
    "FROM rules.decisions WHERE decide_time < $1 LIMIT 1000)";
absl::StatusOr<int64_t> DeleteDecisions(storage::Transaction& tx, absl::Time before) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kDeleteDecisions, before));
  return rows.affected();
}

}  // namespace mo::rules

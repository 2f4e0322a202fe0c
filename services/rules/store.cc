#include "services/rules/store.h"

#include "absl/strings/ascii.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

namespace mo::rules {

constexpr char kSelectAnswers[] =
    "SELECT language, welcome_text, stop_text, leave_text, subscribe_text "
    "FROM rules.standard_answers WHERE account_id = $1";
constexpr char kSelectStopWords[] =
    "SELECT added, removed FROM rules.stop_words WHERE account_id = $1";
constexpr char kSelectLanguages[] =
    "SELECT language, added, removed FROM rules.stop_word_languages WHERE account_id = $1 "
    "ORDER BY language";
constexpr char kSelectRuleSetVersion[] =
    "SELECT version FROM rules.rule_sets WHERE account_id = $1";

namespace {

OwnAnswers AnswersOf(const storage::Result& rows) {
  OwnAnswers own;
  for (const storage::Row row : rows) {
    v1::StandardAnswers& answers = own[row.String(0)];
    answers.set_language(row.String(0));
    answers.set_welcome_text(row.String(1));
    answers.set_stop_text(row.String(2));
    answers.set_leave_text(row.String(3));
    answers.set_subscribe_text(row.String(4));
  }
  return own;
}

// The words in two columns from `column` on.
template <class Message>
void ReadWords(const storage::Row& row, int column, Message& words) {
  for (auto& word : row.Get<std::vector<std::string>>(column)) words.add_added(std::move(word));
  for (auto& word : row.Get<std::vector<std::string>>(column + 1))
    words.add_removed(std::move(word));
}

v1::StopWords StopWordsIn(const storage::Result& rows, const storage::Result& languages) {
  v1::StopWords words;
  if (!rows.empty()) ReadWords(rows[0], 0, words);
  for (const storage::Row row : languages) {
    v1::LanguageStopWords& one = *words.add_languages();
    one.set_language(row.String(0));
    ReadWords(row, 1, one);
  }
  return words;
}

template <class Words>
std::vector<std::string> ListOf(const Words& words) {
  return {words.begin(), words.end()};
}

}  // namespace

absl::StatusOr<OwnRules> SelectRules(storage::Transaction& tx) {
  storage::Pending answers = tx.Ask(kSelectAnswers, tx.account_id());
  storage::Pending stop_words = tx.Ask(kSelectStopWords, tx.account_id());
  storage::Pending languages = tx.Ask(kSelectLanguages, tx.account_id());
  storage::Pending version = tx.Ask(kSelectRuleSetVersion, tx.account_id());
  MO_ASSIGN_OR_RETURN(const storage::Result answers_rows, answers.Get());
  MO_ASSIGN_OR_RETURN(const storage::Result stop_words_rows, stop_words.Get());
  MO_ASSIGN_OR_RETURN(const storage::Result language_rows, languages.Get());
  MO_ASSIGN_OR_RETURN(const storage::Result versions, version.Get());
  return OwnRules{AnswersOf(answers_rows), StopWordsIn(stop_words_rows, language_rows),
                  versions.empty() ? 0 : versions[0].Int(0)};
}

absl::StatusOr<v1::StopWords> SelectStopWords(storage::Transaction& tx) {
  storage::Pending stop_words = tx.Ask(kSelectStopWords, tx.account_id());
  storage::Pending languages = tx.Ask(kSelectLanguages, tx.account_id());
  MO_ASSIGN_OR_RETURN(const storage::Result rows, stop_words.Get());
  MO_ASSIGN_OR_RETURN(const storage::Result language_rows, languages.Get());
  return StopWordsIn(rows, language_rows);
}

constexpr char kUpsertAnswers[] =
    "INSERT INTO rules.standard_answers (account_id, language, welcome_text, stop_text, "
    "leave_text, subscribe_text) VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (account_id, language) DO UPDATE SET welcome_text = excluded.welcome_text, "
    "stop_text = excluded.stop_text, leave_text = excluded.leave_text, "
    "subscribe_text = excluded.subscribe_text";
void UpsertAnswers(storage::Transaction& tx, const v1::StandardAnswers& answers) {
  tx.Defer(kUpsertAnswers, tx.account_id(), absl::AsciiStrToLower(answers.language()),
           answers.welcome_text(), answers.stop_text(), answers.leave_text(),
           answers.subscribe_text());
}

constexpr char kUpsertStopWords[] =
    "INSERT INTO rules.stop_words (account_id, added, removed) VALUES ($1, $2, $3) "
    "ON CONFLICT (account_id) DO UPDATE SET added = excluded.added, removed = excluded.removed";
constexpr char kUpsertLanguage[] =
    "INSERT INTO rules.stop_word_languages (account_id, language, added, removed) "
    "VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, language) "
    "DO UPDATE SET added = excluded.added, removed = excluded.removed";
constexpr char kDeleteLanguage[] =
    "DELETE FROM rules.stop_word_languages WHERE account_id = $1 AND language = $2";
void UpsertStopWords(storage::Transaction& tx, const v1::StopWords& words) {
  tx.Defer(kUpsertStopWords, tx.account_id(), ListOf(words.added()), ListOf(words.removed()));
  for (const v1::LanguageStopWords& one : words.languages()) {
    if (one.added().empty() && one.removed().empty()) {
      tx.Defer(kDeleteLanguage, tx.account_id(), one.language());
    } else {
      tx.Defer(kUpsertLanguage, tx.account_id(), one.language(), ListOf(one.added()),
               ListOf(one.removed()));
    }
  }
}

constexpr char kInsertEvaluations[] =
    "INSERT INTO rules.evaluations (account_id, message_id, contact_id, evaluation, evaluate_time) "
    "SELECT * FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), "
    "(SELECT $4::bytea[]), "
    "(SELECT $5::timestamptz[])) ON CONFLICT (account_id, message_id) DO NOTHING";
void InsertEvaluations(storage::Transaction& tx, const Evaluations& evaluations) {
  std::vector<int64_t> accounts, messages, contacts;
  std::vector<std::string> bytes;
  std::vector<absl::Time> times;
  for (const auto& [account_id, evaluation] : evaluations) {
    accounts.push_back(account_id);
    messages.push_back(IdOf(evaluation->message_id()));
    contacts.push_back(IdOf(evaluation->contact_id()));
    bytes.push_back(evaluation->SerializeAsString());
    times.push_back(FromProto(evaluation->evaluate_time()));
  }
  const std::vector<storage::Bytes> protos(bytes.begin(), bytes.end());
  tx.Defer(kInsertEvaluations, accounts, messages, contacts, protos, times);
}

constexpr char kSelectAll[] =
    "SELECT evaluation FROM rules.evaluations WHERE account_id = $1 AND message_id < $2 "
    "ORDER BY message_id DESC LIMIT $3";
constexpr char kSelectOfContact[] =
    "SELECT evaluation FROM rules.evaluations WHERE account_id = $1 AND message_id < $2 "
    "AND contact_id = $4 ORDER BY message_id DESC LIMIT $3";
absl::StatusOr<std::vector<v1::Evaluation>> SelectEvaluations(storage::Transaction& tx,
                                                              int64_t contact_id, int64_t before,
                                                              int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      contact_id == 0
                          ? tx.Query(kSelectAll, tx.account_id(), before, limit)
                          : tx.Query(kSelectOfContact, tx.account_id(), before, limit, contact_id));
  std::vector<v1::Evaluation> evaluations;
  for (const storage::Row row : rows) {
    evaluations.emplace_back().ParseFromString(row.String(0));
  }
  return evaluations;
}

constexpr char kSelectEvaluationsOf[] =
    "SELECT message_id, evaluation FROM rules.evaluations "
    "WHERE account_id = $1 AND message_id = ANY($2)";
absl::StatusOr<std::set<int64_t>> SelectFirstMessages(storage::Transaction& tx,
                                                      const std::vector<int64_t>& messages) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectEvaluationsOf, tx.account_id(), messages));
  std::set<int64_t> first;
  for (const storage::Row row : rows) {
    v1::Evaluation evaluation;
    evaluation.ParseFromString(row.String(1));
    if (evaluation.first_message()) first.insert(row.Int(0));
  }
  return first;
}

constexpr char kDeleteEvaluations[] =
    "DELETE FROM rules.evaluations WHERE (account_id, message_id) IN (SELECT account_id, "
    "message_id "
    "FROM rules.evaluations WHERE evaluate_time < $1 LIMIT 1000)";
absl::StatusOr<int64_t> DeleteEvaluations(storage::Transaction& tx, absl::Time before) {
  MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(kDeleteEvaluations, before));
  return deleted.affected();
}

}  // namespace mo::rules

#include "services/rules/rulebook.h"

#include <utility>
#include <vector>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/rules/rule_store.h"
#include "services/rules/stop_words.h"
#include "services/rules/store.h"

namespace mo::rules {

namespace accounts_v1 = messageorganizer::accounts::v1;
namespace channels_v1 = messageorganizer::channels::v1;

namespace {

constexpr absl::Duration kRulesAge = absl::Seconds(2);
// More accounts than this are not remembered at once.
constexpr size_t kMostEntries = 10000;

std::vector<text::Channel> Keywords(const channels_v1::ListKeywordsResponse& keywords) {
  std::vector<text::Channel> channels;
  for (const channels_v1::Channel& channel : keywords.channels()) {
    channels.push_back({IdOf(channel.id()), channel.keyword(), channel.leave_keyword()});
  }
  return channels;
}

}  // namespace

Rulebook::Rulebook(std::shared_ptr<const AccountRules> rules,
                   const channels_v1::ListKeywordsResponse& keywords)
    : account(std::move(rules)), matcher(account->stop_words, Keywords(keywords)) {
  for (const channels_v1::Channel& channel : keywords.channels())
    channels[IdOf(channel.id())] = channel;
}

std::shared_ptr<Rulebooks::Entry> Rulebooks::EntryOf(int64_t account_id) {
  std::lock_guard lock(mutex_);
  if (entries_.size() >= kMostEntries) entries_.clear();
  std::shared_ptr<Entry>& entry = entries_[account_id];
  if (!entry) entry = std::make_shared<Entry>();
  return entry;
}

void Rulebooks::Forget(int64_t account_id) {
  std::lock_guard lock(mutex_);
  entries_.erase(account_id);
}

absl::StatusOr<std::shared_ptr<const AccountRules>> Rulebooks::Load(const Caller& caller,
                                                                    const AccountRules* before) {
  MO_ASSIGN_OR_RETURN(const accounts_v1::Settings settings,
                      accounts_.Call(&accounts_v1::AccountService::Stub::GetSettings,
                                     caller.WithKey(""), accounts_v1::GetSettingsRequest()));
  auto rules = std::make_shared<AccountRules>();
  rules->default_language = settings.default_language();
  MO_ASSIGN_OR_RETURN(OwnRules own, database_.ReadAs(caller.account_id, SelectRules));
  rules->answers = std::move(own.answers);
  rules->stop_words = StopWordsOf(settings, own.stop_words);
  rules->zone = ZoneOf(settings.time_zone());
  if (before != nullptr && before->rules->version() == own.rule_set_version) {
    rules->rules = before->rules;
  } else if (own.rule_set_version != 0) {
    MO_ASSIGN_OR_RETURN(VersionedRules set, database_.ReadAs(caller.account_id, SelectRuleSet));
    rules->rules = std::make_shared<const RuleSet>(std::move(set.rules), set.version);
  }
  return rules;
}

absl::StatusOr<std::shared_ptr<const Rulebook>> Rulebooks::Get(const Caller& caller,
                                                               absl::Time as_of) {
  const std::shared_ptr<Entry> entry = EntryOf(caller.account_id);
  std::lock_guard lock(entry->mutex);
  const absl::Time now = app_.clock().Now();
  if (!entry->rules || now - entry->rules_time > kRulesAge) {
    MO_ASSIGN_OR_RETURN(entry->rules, Load(caller, entry->rules.get()));
    entry->rules_time = now;
  }
  // What was asked for after that moment shows what was made before it. The same microsecond is no
  // proof.
  if (entry->keywords_time <= as_of) {
    channels_v1::ListKeywordsRequest request;
    request.set_etag(entry->keywords.etag());
    MO_ASSIGN_OR_RETURN(channels_v1::ListKeywordsResponse keywords,
                        channels_.Call(MO_METHOD(channels_v1::ChannelService, ListKeywords),
                                       caller.WithKey(""), request));
    if (keywords.etag() != entry->keywords.etag()) {
      entry->keywords = std::move(keywords);
      entry->book = nullptr;
    }
    entry->keywords_time = now;
  }
  if (!entry->book || entry->book->account != entry->rules) {
    entry->book = std::make_shared<const Rulebook>(entry->rules, entry->keywords);
  }
  return entry->book;
}

}  // namespace mo::rules

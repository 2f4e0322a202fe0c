// Everything an account's decisions depend on, at one moment.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "libs/text/matcher.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "services/rules/answers.h"
#include "services/rules/rule_set.h"

namespace mo::rules {

// What an account has set. Immutable.
struct AccountRules {
  std::string default_language;
  OwnAnswers answers;
  text::StopWords stop_words;
  absl::TimeZone zone;
  std::shared_ptr<const RuleSet> rules = std::make_shared<const RuleSet>(std::vector<v1::Rule>());
};

// An account's rules and channels. Immutable; safe to share between threads.
struct Rulebook {
  Rulebook(std::shared_ptr<const AccountRules> rules,
           const messageorganizer::channels::v1::ListKeywordsResponse& keywords);

  std::shared_ptr<const AccountRules> account;
  std::map<int64_t, messageorganizer::channels::v1::Channel> channels;
  text::Matcher matcher;
};

// The rulebooks of the accounts, kept for a while. Thread-safe.
class Rulebooks {
 public:
  Rulebooks(App& app, storage::Database& database)
      : app_(app), database_(database), accounts_(app), channels_(app) {}

  // The rulebook of the caller's account. It knows every channel there was at `as_of`; settings,
  // answers and stop words are at most two seconds old.
  absl::StatusOr<std::shared_ptr<const Rulebook>> Get(const Caller& caller, absl::Time as_of);
  // What the account has set, as it is now. Rules that are those of `before` are not compiled anew.
  absl::StatusOr<std::shared_ptr<const AccountRules>> Load(const Caller& caller,
                                                           const AccountRules* before = nullptr);
  // The account has changed its answers, stop words or rules.
  void Forget(int64_t account_id);

 private:
  struct Entry {
    std::mutex mutex;  // one thread asks, the others wait for its answer
    std::shared_ptr<const AccountRules> rules;
    absl::Time rules_time = absl::InfinitePast();
    messageorganizer::channels::v1::ListKeywordsResponse keywords;  // that the book was made from
    absl::Time keywords_time = absl::InfinitePast();
    std::shared_ptr<const Rulebook> book;
  };

  std::shared_ptr<Entry> EntryOf(int64_t account_id);

  App& app_;
  storage::Database& database_;
  Client<messageorganizer::accounts::v1::AccountService> accounts_;
  Client<messageorganizer::channels::v1::ChannelService> channels_;
  std::mutex mutex_;
  absl::flat_hash_map<int64_t, std::shared_ptr<Entry>> entries_;
};

}  // namespace mo::rules

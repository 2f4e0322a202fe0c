// The redirect: what people reach when they follow a short link.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/http/server.h"
#include "libs/runtime/app.h"
#include "services/links/click_log.h"
#include "services/links/code_key.h"
#include "services/links/link_settings.h"
#include "services/links/target_cache.h"
#include "services/links/target_store.h"
#include "services/links/visitors.h"

namespace mo::links {

// How the redirect is set up.
struct RedirectOptions {
  std::string listen;  // host:port; empty: no redirect
  int threads = 1;
  size_t cache = 100000;      // targets in memory, by code and by number each
  bool behind_proxy = false;  // the visitor's address is the last one of X-Forwarded-For
};

// An HTTP listener that answers GET and HEAD of /<code>: 302 to the link's target, 404 when there
// is none (there, for this account's or the product's domain), 410 when it has expired, 503 when
// the target is not in memory and the database is away; /healthz. Targets in memory are taken as
// they are for 2 s, refreshed while they are used for 10 s, and loaded anew later; while the
// database is away they are good however old. Clicks never make anybody wait.
class Redirect {
 public:
  Redirect(App& app, RedirectOptions options, CodeKey& codes, Settings& settings,
           TargetStore& store, Visitors& visitors, ClickLog& clicks);

  absl::Status Start();
  void Stop();
  int port() const { return server_ == nullptr ? 0 : server_->port(); }

  // The link was changed or deleted.
  void Forget(int64_t link_id) { cache_.Forget(link_id, app_.clock().Now()); }
  // Reads the accounts' own domains. False: there is no more to do now.
  absl::StatusOr<bool> RefreshDomains();

 private:
  // What somebody asks for, and who.
  struct Visit {
    absl::Time now;
    std::string host;
    absl::string_view user_agent;
    absl::string_view address;
    bool bot = false;
    TargetKey key;
  };
  // The accounts' own domains.
  struct Domains {
    absl::flat_hash_map<std::string, int64_t> accounts;
    absl::flat_hash_set<int64_t> with_own;
  };

  bool Quick(const http::QuickRequest& request, http::QuickAnswer* answer);
  void Handle(http::Request request, const http::Responder& responder);
  template <class Lookup>
  Visit VisitOf(absl::string_view target, bool head_only, absl::string_view peer,
                const Lookup& header) const;
  TargetPtr Find(const TargetKey& key);
  void Keep(const TargetKey& key, const TargetPtr& target);
  // Whether a target from memory may be answered with; starts to refresh it when it is time to.
  bool IsFresh(const TargetPtr& target, const Visit& visit);
  // 302, 404 or 410; a 302 is counted.
  int Decide(const Target& target, const Visit& visit);
  bool AnswersAt(const Target& target, const std::string& host) const;

  App& app_;
  const RedirectOptions options_;
  CodeKey& codes_;
  Settings& settings_;
  TargetStore& store_;
  Visitors& visitors_;
  ClickLog& clicks_;
  TargetCache cache_;
  prometheus::Counter& redirects_;
  prometheus::Counter& refused_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Domains> domains_ ABSL_GUARDED_BY(mutex_);
  // Where a refresh is under way.
  absl::flat_hash_set<int64_t> refreshing_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<http::Server> server_;
};

}  // namespace mo::links

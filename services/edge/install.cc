#include "services/edge/install.h"

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "libs/events/events.h"
#include "libs/redis/token_bucket.h"
#include "libs/runtime/executor.h"
#include "libs/runtime/status.h"
#include "libs/storage/database.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"
#include "services/edge/edge.h"
#include "services/edge/feed_store.h"

ABSL_FLAG(int64_t, rate_limit, 1000, "requests per second that an API key may make; 0: no limit");

namespace mo::embedded {
std::vector<storage::Migration> edge_migrations();
}

namespace mo::edge {
namespace {

namespace accounts = messageorganizer::accounts::v1;
using transcode::Registry;

constexpr absl::Duration kFeedKept = absl::Hours(24);
constexpr int kBlockingThreads = 4;
constexpr size_t kBlockingQueue = 4096;

const transcode::Method& AuthenticateMethod() {
  for (const auto& method : Registry::Embedded().methods()) {
    if (method->descriptor->input_type()->full_name() ==
        accounts::AuthenticateRequest::descriptor()->full_name()) {
      return *method;
    }
  }
  std::abort();  // not these contracts
}

absl::StatusOr<Caller> CallerOf(const absl::StatusOr<std::string>& bytes) {
  MO_RETURN_IF_ERROR(bytes.status());
  accounts::AuthenticateResponse response;
  if (!response.ParseFromString(*bytes))
    return absl::InternalError("malformed AuthenticateResponse");
  Caller caller;
  caller.account_id = response.account_id();
  caller.actor = absl::StrCat("key:", response.key_id());
  for (const std::string& scope : response.scopes()) {
    // Whatever a key holds: services' own rights never come from outside.
    if (scope != "internal") caller.scopes.push_back(scope);
  }
  return caller;
}

// How the authenticator asks the accounts service.
Authenticator::Lookup LookupIn(Backends& backends) {
  return [&backends](const std::string& secret, const std::string& request_id,
                     const Authenticator::Done& done) {
    static const transcode::Method& method = AuthenticateMethod();
    accounts::AuthenticateRequest request;
    request.set_secret(secret);
    backends.Call(method, ServiceCaller("edge", 0, request_id), request.SerializeAsString(),
                  [done](const absl::StatusOr<std::string>& bytes) { done(CallerOf(bytes)); });
  };
}

// How the rate limiter takes from the bucket in Redis.
RateLimiter::Take TakeFrom(App& app, redis::TokenBucket& buckets, int64_t per_second) {
  return [&app, &buckets, per_second](const std::string& key, int64_t want) {
    const auto rate = static_cast<double>(per_second);
    return buckets.TakeUpTo(absl::StrCat("edge:rate:", key), {rate, rate}, want, app.clock().Now());
  };
}

// Only what is public goes into the feed.
bool IsPublic(const events::Event& event) {
  return event.envelope.account_id() != 0 &&
         Registry::Embedded().FindEvent(event.envelope.type()) != nullptr;
}

// Writes the public ones of a batch into the feed.
absl::Status Feed(FeedStore& store, storage::Transaction& tx,
                  const std::vector<events::Event>& batch) {
  const Registry& registry = Registry::Embedded();
  std::vector<FeedEvent> feed;
  for (const events::Event& event : batch) {
    if (!IsPublic(event)) continue;
    const auto& envelope = event.envelope;
    const transcode::Event* known = registry.FindEvent(envelope.type());
    FeedEvent entry;
    entry.account_id = envelope.account_id();
    entry.type = known->name;
    entry.time = absl::FromUnixSeconds(envelope.time().seconds()) +
                 absl::Nanoseconds(envelope.time().nanos());
    MO_RETURN_IF_ERROR(registry.types().ToJson(known->message, envelope.payload(), &entry.payload));
    feed.push_back(std::move(entry));
  }
  store.Append(tx, std::move(feed));
  return absl::OkStatus();
}

}  // namespace

Edge& InstallEdge(App& app) {
  storage::Database& database = storage::InstallDatabase(app, "edge", embedded::edge_migrations());
  FeedStore& store = app.Own<FeedStore>(database);
  FeedHub& hub = app.Own<FeedHub>(store, app.metrics());
  events::InstallConsumer(
      app, database,
      {.name = "feed",
       .sources = Registry::Embedded().publishers(),
       .wants = IsPublic,
       .linger = absl::Milliseconds(50)},
      [&store, &hub](storage::Transaction& tx, const std::vector<events::Event>& batch) {
        tx.AfterCommit([&hub] { hub.Wake(); });
        return Feed(store, tx, batch);
      });
  app.OwnWorker("edge.trim", absl::Minutes(5),
                [&app, &store] { return store.Trim(app.clock().Now() - kFeedKept); });

  Executor& executor = app.Own<Executor>(kBlockingThreads, kBlockingQueue);
  Backends& backends = app.Own<Backends>(app, Registry::Embedded());
  Authenticator& authenticator = app.Own<Authenticator>(app.clock(), LookupIn(backends));
  redis::TokenBucket& buckets = app.Own<redis::TokenBucket>(redis::InstallPool(app));
  const int64_t rate = absl::GetFlag(FLAGS_rate_limit);
  RateLimiter& limiter =
      app.Own<RateLimiter>(app.clock(), executor, rate, TakeFrom(app, buckets, rate));
  Gate& gate = app.Own<Gate>(authenticator, limiter);
  Api& api = app.Own<Api>(Registry::Embedded(), gate, backends, executor, app.metrics());
  Callbacks& callbacks = app.Own<Callbacks>(backends, app.metrics());
  Edge& edge = app.Own<Edge>(app, api, gate, backends, hub, callbacks);
  app.OnRun(
      [&] {
        backends.Connect();
        hub.Start();
        return edge.Start();
      },
      [&] {
        edge.Stop();
        executor.Stop();
        backends.Stop();
      });
  return edge;
}

void Install(App& app) { InstallEdge(app); }

}  // namespace mo::edge

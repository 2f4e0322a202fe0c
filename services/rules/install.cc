#include "services/rules/install.h"

#include "libs/events/events.h"
#include "libs/storage/database.h"
#include "libs/transcode/registry.h"
#include "services/rules/act.h"
#include "services/rules/catalogue.h"
#include "services/rules/forward_service.h"
#include "services/rules/inbox_events.h"
#include "services/rules/replay.h"
#include "services/rules/rulebook.h"
#include "services/rules/service.h"

namespace mo::embedded {
std::vector<storage::Migration> rules_migrations();
}

namespace mo::rules {
namespace {

// They share the partitions of inbox's stream, so that a slow answer holds up only some of them.
constexpr int kConsumers = 2;

// What goes to other systems: the queue, and what fills it beside the rules.
ForwardQueue& InstallForwards(App& app, storage::Database& database) {
  events::Outbox& outbox = events::InstallOutbox(app, database);
  SigningSecrets& secrets = app.Own<SigningSecrets>(app, database);
  app.OnOpen([&secrets] { return secrets.status(); });
  app.OwnWorker("rules-signing", absl::Minutes(1), [&secrets] { return secrets.Maintain(); });
  ForwardQueue& queue = app.Own<ForwardQueue>(app, database, outbox, secrets);
  app.OnRun([] { return absl::OkStatus(); }, [&queue] { queue.Stop(); });
  queue.SetWorker(
      app.OwnWorker("rules-forwards", absl::Seconds(1), [&queue] { return queue.RunOnce(); }));
  Forwards& forwards = app.Own<Forwards>(app, database, secrets, queue);
  app.OwnWorker("rules-forwards-retention", absl::Minutes(10),
                [&forwards] { return forwards.DeleteOld(); });
  app.Serve(app.Own<ForwardService>(app.OwnRpc("forwards", /*threads=*/4), forwards));

  WebhookEvents& events = app.Own<WebhookEvents>(app, database, queue);
  app.OnOpen([&events] { return events.Refresh().status(); });
  app.OwnWorker("rules-webhooks", absl::Seconds(1), [&events] { return events.Refresh(); });
  events::InstallConsumer(
      app, database,
      {.name = "webhooks",
       .sources = transcode::Registry::Embedded().publishers(),
       .wants = [&events](const events::Event& event) { return events.Wants(event); },
       .linger = absl::Milliseconds(20)},
      [&events](storage::Transaction& tx, const std::vector<events::Event>& batch) {
        return events.Handle(tx, batch);
      });
  Webhooks& webhooks = app.Own<Webhooks>(app, database, secrets, events, queue);
  app.Serve(app.Own<WebhookService>(app.OwnRpc("webhooks", /*threads=*/4), webhooks));
  return queue;
}

}  // namespace

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "rules", embedded::rules_migrations());
  Rulebooks& rulebooks = app.Own<Rulebooks>(app, database);
  Actor& actor = app.Own<Actor>(app);
  ForwardQueue& queue = InstallForwards(app, database);
  InboxEvents& inbox_events =
      app.Own<InboxEvents>(app, database, rulebooks, actor, [&queue] { queue.Kick(); });
  for (int i = 0; i < kConsumers; ++i) {
    events::InstallConsumer(
        app, database, {.name = "rules", .sources = {"inbox"}, .wants = InboxEvents::Wants},
        [&inbox_events](storage::Transaction& tx, const std::vector<events::Event>& batch) {
          return inbox_events.Handle(tx, batch);
        });
  }
  Rules& rules = app.Own<Rules>(app, database, rulebooks);
  app.OwnWorker("rules-evaluations", absl::Minutes(10), [&rules] { return rules.DeleteOld(); });
  Catalogue& catalogue = app.Own<Catalogue>(app, database, rulebooks);
  app.OwnWorker("rules-counts", absl::Minutes(10), [&catalogue] { return catalogue.DeleteOld(); });
  Replay& replay = app.Own<Replay>(app, database, rulebooks, catalogue);
  app.Serve(app.Own<Service>(app.OwnRpc("rules"), rules, catalogue, replay));
}

}  // namespace mo::rules

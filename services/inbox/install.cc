#include "services/inbox/install.h"

#include "libs/events/events.h"
#include "libs/storage/database.h"
#include "services/inbox/service.h"
#include "services/inbox/sims_events.h"
#include "services/inbox/submitter.h"

namespace mo::embedded {
std::vector<storage::Migration> inbox_migrations();
}

namespace mo::inbox {
namespace {

// They share the partitions of sims' stream, so that a slow answer holds up only some of them.
constexpr int kConsumers = 2;

}  // namespace

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "inbox", embedded::inbox_migrations());
  events::Outbox& outbox = events::InstallOutbox(app, database);
  Submitter& submitter = app.Own<Submitter>(app, database, outbox);
  app.OnRun([] { return absl::OkStatus(); }, [&submitter] { submitter.Stop(); });
  // A delayed message leaves at most so much late.
  app.OwnWorker("inbox-due", absl::Milliseconds(300), [&submitter] { return submitter.RunOnce(); });
  SimsEvents& sims_events = app.Own<SimsEvents>(app, outbox);
  const events::Handler handle = [&sims_events](storage::Transaction& tx,
                                                const std::vector<events::Event>& batch) {
    return sims_events.Handle(tx, batch);
  };
  for (int i = 0; i < kConsumers; ++i) {
    events::InstallConsumer(
        app, database, {.name = "inbox", .sources = {"sims"}, .wants = SimsEvents::WantsInbound},
        handle);
  }
  events::InstallConsumer(app, database,
                          {.name = "states",
                           .sources = {"sims"},
                           .batch = 2000,
                           .wants = SimsEvents::WantsNews,
                           .linger = absl::Milliseconds(50)},
                          handle);
  Messages& messages = app.Own<Messages>(app, database, outbox, submitter);
  Conversations& conversations = app.Own<Conversations>(app, database);
  app.Serve(app.Own<Service>(app.OwnRpc("inbox"), messages, conversations));
}

}  // namespace mo::inbox

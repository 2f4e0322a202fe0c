#include "services/channels/install.h"

#include "absl/flags/flag.h"
#include "absl/time/time.h"
#include "libs/events/events.h"
#include "libs/storage/database.h"
#include "services/channels/audit.h"
#include "services/channels/expander.h"
#include "services/channels/reporter.h"
#include "services/channels/series_service.h"
#include "services/channels/series_worker.h"
#include "services/channels/service.h"
#include "services/channels/turn_leases.h"

ABSL_FLAG(absl::Duration, channels_audit_interval, absl::Seconds(10),
          "pause between two parts of the audit of channels' ledger");

namespace mo::embedded {
std::vector<storage::Migration> channels_migrations();
}

namespace mo::channels {
namespace {

constexpr int kExpanders = 2;
// A scheduled broadcast, or an occurrence of a series, starts at most so late; everything else is
// kicked.
constexpr absl::Duration kPoll = absl::Milliseconds(500);
// Leases of turns last several times as long.
constexpr absl::Duration kRenewInterval = absl::Seconds(2);

// All parts, wired.
struct Parts {
  storage::Database& database;
  Starter& starter;
  Workers workers;
};

Parts Wire(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "channels", embedded::channels_migrations());
  events::Outbox& outbox = events::InstallOutbox(app, database);
  Channels& channels = app.Own<Channels>(app, database, outbox);
  Subscriptions& subscriptions = app.Own<Subscriptions>(app, database, outbox);
  Controls& controls = app.Own<Controls>(app, database);
  Starter& starter = app.Own<Starter>();
  BroadcastCheck& check = app.Own<BroadcastCheck>(app, database);
  Ledgers& ledgers = app.Own<Ledgers>(app, database);
  const BroadcastParts broadcasts{
      app.Own<Broadcasts>(app, database, outbox, check, starter),
      app.Own<Steering>(app, database, outbox, controls, starter),
      ledgers,
      app.Own<Preview>(app, database, check),
      app.Own<TestSend>(app, database, check),
      app.Own<Resend>(app, database, outbox, ledgers, starter),
      app.Own<DeliveryCsv>(ledgers),
  };
  Occurrences& occurrences = app.Own<Occurrences>(app, outbox, starter);
  TurnLeases& leases = app.Own<TurnLeases>(app, database);
  Expander& expander = app.Own<Expander>(app, database, outbox, occurrences, leases);
  Reporter& reporter = app.Own<Reporter>(app, database, outbox, ledgers);
  SeriesCheck& series_check = app.Own<SeriesCheck>(app, check);
  Series& series = app.Own<Series>(app, database, outbox, series_check, occurrences);
  SeriesWorker& series_worker = app.Own<SeriesWorker>(app, database, outbox, occurrences);
  Rpc& rpc = app.OwnRpc("channels");
  app.Serve(app.Own<ChannelService>(rpc, channels, subscriptions));
  app.Serve(app.Own<BroadcastService>(rpc, broadcasts));
  app.Serve(app.Own<SeriesService>(rpc, series));
  Worker& sweeper = app.OwnWorker("channels-sweeper", absl::Seconds(10),
                                  [&channels] { return channels.SweepOnce(); });
  channels.OnDeleted([&sweeper] { sweeper.Kick(); });
  return {database, starter, {expander, controls, reporter, series_worker, leases}};
}

}  // namespace

Workers InstallWithoutWorkers(App& app) { return Wire(app).workers; }

void Install(App& app) {
  const Parts parts = Wire(app);
  Expander& expander = parts.workers.expander;
  Controls& controls = parts.workers.controls;
  Reporter& reporter = parts.workers.reporter;
  std::vector<Worker*> expanders;
  for (int i = 0; i < kExpanders; ++i) {
    expanders.push_back(
        &app.OwnWorker("channels-expander", kPoll, [&expander] { return expander.RunOnce(); }));
  }
  TurnLeases& leases = parts.workers.leases;
  app.OwnWorker("channels-leases", kRenewInterval, [&leases] { return leases.RenewOnce(); });
  parts.starter.OnDue([expanders] {
    for (Worker* worker : expanders) worker->Kick();
  });
  Audit& audit = app.Own<Audit>(app, app.metrics(), parts.database);
  app.OwnWorker("channels-audit", absl::GetFlag(FLAGS_channels_audit_interval),
                [&audit] { return audit.RunOnce(); });
  SeriesWorker& series = parts.workers.series;
  app.OwnWorker("channels-series", kPoll, [&series] { return series.RunOnce(); });
  app.OwnWorker("channels-controls", kPoll, [&controls] { return controls.RunOnce(); });
  Worker& reports =
      app.OwnWorker("channels-reporter", kPoll, [&reporter] { return reporter.RunOnce(); });
  reporter.OnMarked([&reports] { reports.Kick(); });
  events::InstallConsumer(
      app, parts.database,
      {.name = "progress",
       .sources = {"sims", "links"},
       .wants = Reporter::Wants,
       .linger = absl::Milliseconds(50)},
      [&reporter](storage::Transaction& tx, const std::vector<events::Event>& batch) {
        return reporter.Handle(tx, batch);
      });
}

}  // namespace mo::channels

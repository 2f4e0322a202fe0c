#include "services/sims/install.h"

#include "absl/flags/flag.h"
#include "absl/time/time.h"
#include "libs/redis/pool.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/storage/database.h"
#include "services/sims/audit.h"
#include "services/sims/credential_probe.h"
#include "services/sims/group_commands.h"
#include "services/sims/health.h"
#include "services/sims/inbound_media.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/ledger_names.h"
#include "services/sims/occupancy.h"
#include "services/sims/provider_hosts.h"
#include "services/sims/provider_leases.h"
#include "services/sims/quality.h"
#include "services/sims/quality_judge.h"
#include "services/sims/rehoming.h"
#include "services/sims/service.h"
#include "services/sims/sim_history.h"
#include "services/sims/templates.h"

ABSL_FLAG(absl::Duration, sims_audit_interval, absl::Seconds(10),
          "pause between two parts of the audit of sims' ledger");
ABSL_FLAG(absl::Duration, sims_quality_interval, absl::Minutes(1),
          "how often a SIM is judged by what becomes of its messages");
ABSL_FLAG(absl::Duration, sims_occupancy_interval, absl::Seconds(30),
          "how often it is told how full SIMs are");
ABSL_FLAG(int, sims_inbound_files, 16,
          "most files of messages that came in that are fetched at once, of up to 10 MB each");
ABSL_FLAG(int, sims_provider_sims, 10000,
          "most SIMs with a provider's API that this process drives");
ABSL_FLAG(int, sims_provider_connections, 2048,
          "most connections at once to one provider's host, for all SIMs of this process");

namespace mo::embedded {
std::vector<storage::Migration> sims_migrations();
}

namespace mo::sims {
namespace {

// Provider ids of messages are kept long enough for any replay (an agent keeps what is unacked for
// days at most).
constexpr char kDeleteOldInbound[] =
    "DELETE FROM sims.inbound WHERE ctid = ANY(ARRAY(SELECT ctid FROM sims.inbound "
    "WHERE receive_time < $1 LIMIT 1000))";
constexpr absl::Duration kInboundRetention = absl::Hours(30 * 24);
// No provider reports on a message for longer.
constexpr absl::Duration kNamesRetention = absl::Hours(35 * 24);
// How often what was counted of SIMs' messages is written, and looked at.
constexpr absl::Duration kFlushInterval = absl::Seconds(1);
// Callbacks are understood on these; nothing waits on them.
constexpr int kCallbackThreads = 4;

// What a network has told of a SIM itself.
absl::Status TakeHealth(storage::Database& database, events::Outbox& outbox, Gateway& gateway,
                        const SimDriver& sim, const HealthEvent& event) {
  const absl::Time now = gateway.app().clock().Now();
  MO_ASSIGN_OR_RETURN(const bool changed, database.AsSystem([&](storage::Transaction& tx) {
    return ApplyHealth(tx, outbox, sim.account_id, sim.sim_id, event, now);
  }));
  if (changed) gateway.Reconfigure(sim.sim_id);
  return absl::OkStatus();
}

}  // namespace

void Install(App& app) {
  storage::Database& database = storage::InstallDatabase(app, "sims", embedded::sims_migrations());
  events::Outbox& outbox = events::InstallOutbox(app, database);
  Quality& quality = app.Own<Quality>(app.clock(), database);
  LedgerCommit& commit = app.Own<LedgerCommit>(app, database, outbox, &quality);
  Gateway& gateway = app.Own<Gateway>(app, database, outbox, commit);
  http::PoolClient& client = app.Own<http::PoolClient>(http::PoolClientOptions{
      .connections_per_origin = absl::GetFlag(FLAGS_sims_provider_connections)});
  http::PoolClient& poll_client = app.Own<http::PoolClient>(
      http::PoolClientOptions{.connections_per_origin = absl::GetFlag(FLAGS_sims_provider_sims)});
  GroupCommands& groups = app.Own<GroupCommands>(app, database, gateway);
  // Stopped in reverse: first the streams, then what they wait for.
  app.OnRun([] { return absl::OkStatus(); }, [&groups] { groups.Stop(); });
  app.OnRun([] { return absl::OkStatus(); },
            [&commit, &quality] {
              commit.Stop();
              if (!quality.Flush().ok()) Log(LogLevel::kWarning, "statistics of SIMs were lost");
            });
  app.OnRun([] { return absl::OkStatus(); },
            [&client, &poll_client] {
              client.Stop();
              poll_client.Stop();
            });
  app.OnRun(
      [&gateway] {
        gateway.Start();
        return absl::OkStatus();
      },
      [&gateway] { gateway.Stop(); });
  app.OwnWorker("sims-inbound-retention", absl::Minutes(10), [&app, &database] {
    return database.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
      MO_ASSIGN_OR_RETURN(storage::Result deleted,
                          tx.Query(kDeleteOldInbound, app.clock().Now() - kInboundRetention));
      return deleted.affected() == 1000;
    });
  });
  app.OwnWorker("sims-history-retention", absl::Minutes(10), [&app, &database] {
    return database.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
      const absl::Time now = app.clock().Now();
      MO_ASSIGN_OR_RETURN(const bool history, ForgetHistory(tx, now - kHistoryRetention));
      MO_ASSIGN_OR_RETURN(const bool hours, ForgetQuality(tx, now - kQualityRetention));
      return history || hours;
    });
  });
  app.OwnWorker("sims-quality", kFlushInterval, [&quality]() -> absl::StatusOr<bool> {
    MO_RETURN_IF_ERROR(quality.Flush());
    return false;
  });
  QualityJudge& judge = app.Own<QualityJudge>(app, database, outbox, gateway,
                                              absl::GetFlag(FLAGS_sims_quality_interval));
  app.OwnWorker("sims-judge", kFlushInterval, [&judge] { return judge.RunOnce(); });
  Audit& audit = app.Own<Audit>(app.metrics(), app.clock(), database);
  app.OwnWorker("sims-audit", absl::GetFlag(FLAGS_sims_audit_interval),
                [&audit] { return audit.RunOnce(); });

  Credentials& credentials = app.Own<Credentials>(app, database);
  app.OnOpen([&credentials] { return credentials.status(); });
  app.OwnWorker("sims-reseal", absl::Minutes(1), [&credentials] { return credentials.Reseal(); });

  SimDrivers& drivers = app.Own<SimDrivers>(app, database, credentials);
  app.OwnWorker("sims-names-retention", absl::Minutes(10), [&app, &database] {
    return database.AsSystem([&](storage::Transaction& tx) {
      return ForgetNames(tx, app.clock().Now() - kNamesRetention);
    });
  });

  InboundMedia& inbound_media = app.Own<InboundMedia>(
      app, database, GuardProviderRequest,
      InboundMedia::Options{.files = absl::GetFlag(FLAGS_sims_inbound_files)});
  app.OnRun([] { return absl::OkStatus(); }, [&inbound_media] { inbound_media.Stop(); });
  Templates& templates = app.Own<Templates>(app, database, drivers, client, GuardProviderRequest);
  app.OwnWorker("sims-templates", absl::Seconds(5), [&templates] { return templates.RunOnce(); });

  app.OwnWorker("sims-group-commands", absl::Milliseconds(300),
                [&groups] { return groups.RunOnce(); });
  Occupancy& occupancy = app.Own<Occupancy>(database, outbox);
  app.OwnWorker("sims-occupancy", absl::GetFlag(FLAGS_sims_occupancy_interval),
                [&occupancy] { return occupancy.RunOnce(); });
  Rehoming& rehoming = app.Own<Rehoming>(app, database, outbox);
  app.OwnWorker("sims-rehoming", absl::Seconds(1), [&rehoming] { return rehoming.RunOnce(); });
  CredentialProbe& probe = app.Own<CredentialProbe>(app, client, GuardProviderRequest);
  Callbacks& callbacks = app.Own<Callbacks>(
      app, drivers, commit,
      CallbackHandlers{&inbound_media,
                       [&](const SimDriver& sim, const HealthEvent& event) {
                         return TakeHealth(database, outbox, gateway, sim, event);
                       },
                       [&](const SimDriver& sim, const HealthEvent& event) {
                         return templates.Note(sim, event);
                       }});
  const ProviderDeps deps{client,
                          poll_client,
                          callbacks,
                          app.Own<MediaSource>(app),
                          app.Own<ProviderMetrics>(app),
                          app.Own<SendLimiter>(redis::InstallPool(app), app.clock()),
                          GuardProviderRequest};
  ProviderLeases& leases =
      app.Own<ProviderLeases>(gateway, deps, drivers, absl::GetFlag(FLAGS_sims_provider_sims));
  app.OwnWorker("sims-providers", absl::Milliseconds(250), [&leases] { return leases.RunOnce(); });

  Rpc& rpc = app.OwnRpc("sims");
  app.Serve(app.Own<SimService>(
      rpc, app.Own<Pool>(app, database, outbox, gateway, credentials, drivers, probe),
      app.Own<PoolSettings>(app, database), templates, groups, rehoming));
  app.Serve(app.Own<AllocationService>(rpc, app.Own<Allocation>(app, database)));
  app.Serve(app.Own<DispatchService>(rpc, app.Own<Ledger>(app, database, outbox, gateway)));
  app.Serve(
      app.Own<ProviderCallbackService>(app.OwnRpc("sims-callbacks", kCallbackThreads), callbacks));
  app.Serve(app.Own<DeviceAgentService>(gateway));
}

}  // namespace mo::sims

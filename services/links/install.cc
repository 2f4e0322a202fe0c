#include "services/links/install.h"

#include <sys/resource.h>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "libs/events/events.h"
#include "libs/storage/database.h"
#include "services/links/clicks.h"
#include "services/links/service.h"
#include "services/links/shorten.h"

ABSL_FLAG(
    std::string, redirect_listen, "",
    "host:port where short links are answered, plain HTTP for a TLS proxy or the open; empty: "
    "nowhere");
ABSL_FLAG(
    std::string, redirect_url, "",
    "how people reach --redirect_listen, e.g. https://short.example: what codes stand behind, "
    "where an account has no domain of its own");
ABSL_FLAG(int32_t, redirect_threads, 1, "threads of the redirect; one answers 100,000 clicks/s");
ABSL_FLAG(int32_t, redirect_cache, 100000, "links that the redirect keeps in memory");
ABSL_FLAG(
    bool, redirect_behind_proxy, false,
    "a proxy stands before the redirect: visitors' addresses are the last of X-Forwarded-For");
ABSL_FLAG(std::string, click_spool, "",
          "folder for clicks while the database is away; empty: clicks in --data_dir");
ABSL_FLAG(absl::Duration, click_retention, absl::Hours(400 * 24),
          "how long it is kept who has clicked; the sums stay");

namespace mo::embedded {
std::vector<storage::Migration> links_migrations();
}

namespace mo::links {
namespace {

// Clicks are in the statistics so late at most, beyond what counting takes.
constexpr absl::Duration kCount = absl::Milliseconds(500);
constexpr absl::Duration kDeliver = absl::Milliseconds(500);
// A domain that another process was told of is known so late.
constexpr absl::Duration kDomains = absl::Seconds(5);

// Lowers the calling thread's priority: counting gives way to redirects, for which somebody waits.
void GiveWay() {
  constexpr int kNice = 10;
  thread_local const int done = setpriority(PRIO_PROCESS, 0, kNice);  // on Linux: of this thread
  (void)done;
}

// In the order of a start: the clicks' way, then the listener. Stopped backwards, so that no click
// is left behind.
void InstallRedirect(App& app, const RedirectOptions& options, Redirect& redirect,
                     Visitors& visitors, ClickLog& log, Spool& spool) {
  app.OnOpen([&spool] { return spool.Open(); });
  app.OnOpen([&visitors] { return visitors.Refresh().status(); });
  app.OnOpen([&redirect] { return redirect.RefreshDomains().status(); });
  app.OwnWorker("links-spool", kDeliver, [&log] { return log.DeliverSpool(); });
  app.OwnWorker("links-visitors", absl::Minutes(1), [&visitors] { return visitors.Refresh(); });
  if (options.listen.empty()) return;
  app.OnRun(
      [&log] {
        log.Start();
        return absl::OkStatus();
      },
      [&log] { log.Stop(); });
  app.OnRun([&redirect] { return redirect.Start(); }, [&redirect] { redirect.Stop(); });
}

}  // namespace

Parts InstallWith(App& app, RedirectOptions options, const std::string& redirect_url,
                  std::string spool_folder) {
  storage::Database& database =
      storage::InstallDatabase(app, "links", embedded::links_migrations());
  events::Outbox& outbox = events::InstallOutbox(app, database);
  if (spool_folder.empty()) spool_folder = absl::StrCat(app.options().data_dir, "/clicks");
  CodeKey& codes = app.Own<CodeKey>(app, database);
  app.OnOpen([&codes] { return codes.Open(); });
  Settings& settings = app.Own<Settings>(database, redirect_url);
  Visitors& visitors = app.Own<Visitors>(app, database);
  Spool& spool = app.Own<Spool>(std::move(spool_folder));
  ClickLog& log = app.Own<ClickLog>(app, database, spool);
  TargetStore& store = app.Own<TargetStore>(app.clock(), database);
  Redirect& redirect = app.Own<Redirect>(app, options, codes, settings, store, visitors, log);
  Counter& counter = app.Own<Counter>(app, database, outbox);
  app.OwnWorker("links-counter", kCount, [&counter] {
    GiveWay();
    return counter.RunOnce();
  });
  app.OwnWorker("links-retention", absl::Hours(1),
                [&counter] { return counter.DeleteOld(absl::GetFlag(FLAGS_click_retention)); });
  Worker& domains =
      app.OwnWorker("links-domains", kDomains, [&redirect] { return redirect.RefreshDomains(); });
  settings.OnChanged([&domains] { domains.Kick(); });
  InstallRedirect(app, options, redirect, visitors, log, spool);
  Links& links = app.Own<Links>(app, database, codes, settings);
  links.OnChanged([&redirect](int64_t id) { redirect.Forget(id); });
  Clicks& clicks = app.Own<Clicks>(app, database);
  Shortener& shortener = app.Own<Shortener>(app, database, codes, settings);
  app.Serve(app.Own<Service>(app.OwnRpc("links"), links, settings, clicks, shortener));
  return {database, redirect, counter};
}

void Install(App& app) {
  RedirectOptions options;
  options.listen = absl::GetFlag(FLAGS_redirect_listen);
  options.threads = absl::GetFlag(FLAGS_redirect_threads);
  options.cache = static_cast<size_t>(std::max(absl::GetFlag(FLAGS_redirect_cache), 1));
  options.behind_proxy = absl::GetFlag(FLAGS_redirect_behind_proxy);
  InstallWith(app, options, absl::GetFlag(FLAGS_redirect_url), absl::GetFlag(FLAGS_click_spool));
}

}  // namespace mo::links

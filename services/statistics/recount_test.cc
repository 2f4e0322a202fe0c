#include <atomic>
#include <random>
#include <thread>

#include "services/statistics/test_numbers.h"

namespace mo::statistics {
namespace {

// Runs a recount to its end.
v1::Recount Recounted(Numbers& f, bool repair = false) {
  v1::StartRecountRequest request;
  request.set_repair(repair);
  Client<v1::StatisticsService> client(f.env.app());
  auto started = client.Call(&Stub::StartRecount, f.Operator(), request);
  INFO(started.status().message());
  REQUIRE(started.ok());
  v1::Recount run;
  WaitFor(
      [&] {
        run = f.Run();
        return run.state() != v1::RECOUNT_STATE_RUNNING;
      },
      "the recount has ended", absl::Minutes(2));
  return run;
}

// The messages of a source's outbox that are of a type, by account.
int64_t InOutbox(Numbers& f, const std::string& source, int64_t account, const std::string& type) {
  return f.Count(absl::StrCat("SELECT count(*) FROM ", source, ".outbox WHERE account_id = ",
                              account, " AND position('", type, "'::bytea IN envelope) > 0"));
}

TEST_CASE("A recount finds what differs and repairs it") {
  Numbers f;
  f.Append("inbox", 1, inbox::MessageReceived(), 30);
  f.WaitForMarks(2);
  f.clock.Advance(absl::Hours(30));
  f.WaitForMarks(2);
  v1::Recount run = Recounted(f);
  CHECK(run.state() == v1::RECOUNT_STATE_EQUAL);
  CHECK(run.compared() >= 2 * 4);
  CHECK(run.different() == 0);
  // Somebody has meddled with the numbers of an hour.
  REQUIRE(f.System()
              ->Script("UPDATE statistics.rollups SET value = value + 1 WHERE account_id = 1 AND "
                       "cube = 2 AND resolution = 2")
              .ok());
  run = Recounted(f);
  CHECK(run.state() == v1::RECOUNT_STATE_DIFFERENT);
  REQUIRE(run.differences_size() == 1);
  CHECK(run.differences(0).account_id() == FormatId("acc", 1));
  CHECK(run.differences(0).metric() == "received");
  CHECK(run.differences(0).seconds() == 3600);
  CHECK(run.differences(0).kept() == 31);
  CHECK(run.differences(0).recounted() == 30);
  run = Recounted(f, /*repair=*/true);
  CHECK(run.state() == v1::RECOUNT_STATE_EQUAL);
  CHECK(run.repaired() == 1);
  CHECK(Recounted(f).different() == 0);
  // Nothing is kept for it any more.
  WaitFor(
      [&] {
        return f.Count(
                   "SELECT coalesce(min(id), 0) FROM inbox.event_consumers WHERE consumer LIKE "
                   "'%recount'") > 1000000;
      },
      "the sources know that it will not come back");
}

TEST_CASE("A repair adds what is missing, of days and months that began earlier too") {
  Numbers f;  // 2026-01-15 12:00
  f.Append("inbox", 1, inbox::MessageReceived(), 30);
  f.WaitForMarks(2);
  f.clock.Advance(absl::Hours(6 * 24 - 2));
  f.Append("inbox", 1, inbox::MessageReceived(), 5);
  f.WaitForMarks(2);
  // Somebody has lost a fifth of everything.
  REQUIRE(
      f.System()
          ->Script("UPDATE statistics.rollups SET value = value - value / 5 WHERE account_id = 1")
          .ok());
  const auto months = [&] {
    return f.Count(
        "SELECT sum(value)::bigint FROM statistics.rollups WHERE account_id = 1 AND cube = 0 AND "
        "resolution = 4");
  };
  CHECK(months() == 28);
  v1::Recount run = Recounted(f);
  CHECK(run.state() == v1::RECOUNT_STATE_DIFFERENT);
  // In between, messages arrive: what is repaired is what differed, not what has come since.
  v1::StartRecountRequest request;
  request.set_repair(true);
  REQUIRE(Client<v1::StatisticsService>(f.env.app())
              .Call(&Stub::StartRecount, f.Operator(), request)
              .ok());
  f.Append("inbox", 1, inbox::MessageReceived(), 100);
  WaitFor([&] { return f.Run().state() == v1::RECOUNT_STATE_EQUAL; }, "it is repaired");
  for (int resolution = 0; resolution < kResolutions; ++resolution) {
    INFO(resolution);
    WaitFor(
        [&] {
          // Minutes of six days ago are not looked at any more.
          return f.Count(absl::StrCat(
                     "SELECT sum(value)::bigint FROM statistics.rollups WHERE account_id = 1 AND "
                     "cube = 0 AND resolution = ",
                     resolution)) == (resolution == 0 ? 129 : 135);
        },
        "everything is right");
  }
  CHECK(Recounted(f).different() == 0);
}

TEST_CASE("A recount does not wait for events that are gone") {
  Numbers f;
  links::LinkClicked clicked;
  clicked.set_link_id(kLink);
  *clicked.mutable_hour() = ToProto(f.clock.Now());
  clicked.mutable_counts()->set_clicks(1);
  f.Append("links", 1, clicked);
  f.Append("inbox", 1, inbox::MessageReceived(), 30);
  f.WaitForMarks(2);
  WaitFor([&] { return f.Ask(&Stub::GetClicks, v1::GetClicksRequest()).total().clicks() == 1; },
          "the click is counted");
  // Its source knows how far it is, so that it finds the place again.
  WaitFor(
      [&] {
        return f.Count("SELECT max(id) FROM links.event_consumers") ==
               f.Count("SELECT max(id) FROM statistics.event_offsets WHERE source = 'links'");
      },
      "the source knows");
  REQUIRE(f.System()->Script("DELETE FROM links.outbox").ok());
  f.env.redis().Wipe();
  CHECK(Recounted(f).state() != v1::RECOUNT_STATE_RUNNING);
}

TEST_CASE("One recount at a time; another process takes it over") {
  Numbers f;
  f.Append("inbox", 1, inbox::MessageReceived(), 3000);
  f.WaitForMarks(2);
  f.clock.Advance(absl::Hours(1));
  Client<v1::StatisticsService> client(f.env.app());
  v1::StartRecountRequest request;
  REQUIRE(client.Call(&Stub::StartRecount, f.Operator(), request).ok());
  const auto second = client.Call(&Stub::StartRecount, f.Operator(), request);
  if (!second.ok()) CHECK(ReasonOf(second.status()) == "RECOUNT_RUNNING");
  f.env.Restart();
  WaitFor([&] { return f.Run().state() == v1::RECOUNT_STATE_EQUAL; },
          "it is finished after a restart");
}

TEST_CASE("100,000 events, twice, in pieces, with crashes: what SQL counts in the sources") {
  Numbers f;
  constexpr int kThreads = 4, kPieces = 100, kPiece = 250;
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < kPieces; ++i, ++done) {
        const int64_t account = 1 + static_cast<int64_t>(random() % 3);
        switch (random() % 4) {
          case 0:
            f.Append("inbox", account, inbox::MessageReceived(), kPiece);
            break;
          case 1:
            f.Append("contacts", account, contacts::ContactRegistered(), kPiece);
            break;
          case 2:
            f.Append("channels", account, channels::SubscriptionCreated(), kPiece);
            break;
          default: {
            sims::DeliveriesCounted counted;
            counted.add_tallies()->mutable_change()->set_audience(1);
            f.Append("sims", account, counted, kPiece);
          }
        }
        if (random() % 16 == 0) f.clock.Advance(absl::Seconds(static_cast<int>(random() % 600)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(done == kThreads * kPieces);
  // Processes die and Redis is wiped while it is counted for the first time, …
  for (int crash = 0; crash < 3; ++crash) {
    if (crash == 1) f.env.redis().Wipe();
    f.env.Restart();
  }
  auto sum = [&](const char* table, Metric metric, int64_t account, Resolution resolution) {
    return f.Count(absl::StrCat("SELECT coalesce(sum(value), 0)::bigint FROM statistics.", table,
                                " WHERE account_id = ", account,
                                " AND metric = ", static_cast<int>(metric),
                                " AND cube = 0 AND resolution = ", static_cast<int>(resolution)));
  };
  const struct {
    const char* source;
    const google::protobuf::Descriptor* type;
    Metric metric;
  } kinds[] = {{"inbox", inbox::MessageReceived::descriptor(), Metric::kReceived},
               {"contacts", contacts::ContactRegistered::descriptor(), Metric::kRegistered},
               {"channels", channels::SubscriptionCreated::descriptor(), Metric::kSubscribed},
               {"sims", sims::DeliveriesCounted::descriptor(), Metric::kSubmitted}};
  int64_t events = 0;
  for (int64_t account = 1; account <= 3; ++account) {
    for (const auto& kind : kinds) {
      const int64_t expected = InOutbox(f, kind.source, account, kind.type->full_name());
      events += expected;
      WaitFor([&] { return sum("rollups", kind.metric, account, Resolution::kDay) >= expected; },
              "everything is counted", absl::Minutes(2));
      for (int r = 0; r < kResolutions; ++r)
        CHECK(sum("rollups", kind.metric, account, static_cast<Resolution>(r)) == expected);
    }
  }
  CHECK(events == kThreads * kPieces * kPiece);
  // … and for the second time.
  f.clock.Advance(absl::Hours(48));
  f.WaitForMarks(4);
  v1::StartRecountRequest request;
  REQUIRE(Client<v1::StatisticsService>(f.env.app())
              .Call(&Stub::StartRecount, f.Operator(), request)
              .ok());
  WaitFor([&] { return f.Count("SELECT count(*) FROM statistics.recounts") > 0; },
          "the recount is under way");
  f.env.Restart();
  v1::Recount run;
  WaitFor(
      [&] {
        run = f.Run();
        return run.state() != v1::RECOUNT_STATE_RUNNING;
      },
      "the recount has ended", absl::Minutes(2));
  CHECK(run.state() == v1::RECOUNT_STATE_EQUAL);
  CHECK(run.different() == 0);
  for (int64_t account = 1; account <= 3; ++account) {
    for (const auto& kind : kinds) {
      CHECK(sum("recounts", kind.metric, account, Resolution::kQuarter) ==
            InOutbox(f, kind.source, account, kind.type->full_name()));
    }
  }
}

}  // namespace
}  // namespace mo::statistics

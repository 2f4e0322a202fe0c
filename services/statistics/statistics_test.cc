#include "services/statistics/statistics.h"

#include <limits>
#include <thread>

#include "services/statistics/test_numbers.h"

namespace mo::statistics {
namespace {

v1::GetSubscribersResponse Subscribers(Numbers& f) {
  return f.Ask(&Stub::GetSubscribers, v1::GetSubscribersRequest());
}

TEST_CASE("Each kind of event is counted for its metric, others for none") {
  Numbers f;
  f.clock.Advance(absl::Seconds(1));  // past the beginning of its hour
  f.Append("contacts", 1, contacts::ContactRegistered(), 1);
  f.Append("contacts", 1, contacts::ContactActivated(), 2);
  f.Append("contacts", 1, contacts::ContactStopped(), 3);
  f.Append("channels", 1, channels::SubscriptionCreated(), 4);
  f.Append("channels", 1, channels::ChannelChanged(), 9);
  f.Append("channels", 1, channels::SubscriptionDeleted(), 5);
  channels::SubscriptionsSwept swept;  // counts for many
  swept.set_count(1000);
  f.Append("channels", 1, swept, 2);
  f.Append("inbox", 1, inbox::MessageStateChanged(), 9);
  f.Append("inbox", 1, inbox::MessageReceived(), 6);
  f.Append("inbox", 1, inbox::MessageCreated(), 7);
  auto subscribers = [&] {
    const auto response = Subscribers(f);
    return response.intervals().empty() ? v1::SubscriberInterval() : response.intervals(0);
  };
  WaitFor(
      [&] {
        const auto interval = subscribers();
        return interval.registered() == 1 && interval.activated() == 2 && interval.stopped() == 3 &&
               interval.subscribed() == 4 && interval.unsubscribed() == 2005;
      },
      "contacts' and channels' events are counted");
  WaitFor(
      [&] {
        const auto response = f.Traffic();
        return response.intervals_size() == 1 && response.intervals(0).received() == 6 &&
               response.intervals(0).created() == 7;
      },
      "the inbox's events are counted");
  CHECK(absl::FormatTime("%F %T", FromProto(f.Traffic().intervals(0).start_time()),
                         absl::UTCTimeZone()) == "2026-01-15 00:00:00");
  CHECK(absl::FormatTime("%F %T", FromProto(f.Traffic(1, v1::STEP_HOUR).intervals(0).start_time()),
                         absl::UTCTimeZone()) == "2026-01-15 12:00:00");
}

TEST_CASE("Hours and days are cut in UTC; empty ones are left out") {
  Numbers f;  // 12:00
  f.Append("inbox", 1, inbox::MessageReceived(), 2);
  f.clock.Advance(absl::Minutes(59) + absl::Seconds(59));
  f.Append("inbox", 1, inbox::MessageReceived(), 3);
  f.clock.Advance(absl::Seconds(1));  // 13:00
  f.Append("inbox", 1, inbox::MessageReceived(), 5);
  f.clock.Advance(absl::Hours(24 * 2 - 1));
  f.Append("inbox", 1, inbox::MessageReceived(), 7);
  // Whole days: of today too.
  WaitFor([&] { return f.Received() == 17; }, "everything is counted");
  // `to` is exclusive: the hour that begins now comes with the next second.
  CHECK(f.Traffic(1, v1::STEP_HOUR).total().received() == 10);
  f.clock.Advance(absl::Seconds(1));
  auto values = [](const v1::GetTrafficResponse& response) {
    std::vector<std::pair<std::string, int64_t>> found;
    for (const auto& interval : response.intervals()) {
      found.emplace_back(
          absl::FormatTime("%d %H", FromProto(interval.start_time()), absl::UTCTimeZone()),
          interval.received());
    }
    return found;
  };
  using Values = std::vector<std::pair<std::string, int64_t>>;
  CHECK(values(f.Traffic(1, v1::STEP_DAY)) == Values{{"15 00", 10}, {"17 00", 7}});
  CHECK(values(f.Traffic(1, v1::STEP_HOUR)) == Values{{"15 12", 5}, {"15 13", 5}, {"17 12", 7}});

  v1::GetTrafficRequest request;
  request.set_step(v1::STEP_HOUR);
  // From the middle of an interval: the whole interval.
  *request.mutable_from() = ToProto(absl::FromUnixSeconds(1768478400) + absl::Minutes(30));
  *request.mutable_to() = ToProto(absl::FromUnixSeconds(1768478400) + absl::Hours(1));
  auto part =
      Client<v1::StatisticsService>(f.env.app()).Call(&Stub::GetTraffic, f.env.caller(), request);
  REQUIRE(part.ok());
  CHECK(values(*part) == Values{{"15 12", 5}});
}

TEST_CASE("Bad periods are refused field by field") {
  Numbers f;
  auto problem = [&](const v1::GetTrafficRequest& request) {
    auto refused =
        Client<v1::StatisticsService>(f.env.app()).Call(&Stub::GetTraffic, f.env.caller(), request);
    auto problems = FieldProblemsOf(refused.status());
    return problems.empty() ? "" : problems[0].field + " " + problems[0].reason;
  };
  auto request = [](absl::Time from, absl::Time to, v1::Step step) {
    v1::GetTrafficRequest made;
    *made.mutable_from() = ToProto(from);
    *made.mutable_to() = ToProto(to);
    made.set_step(step);
    return made;
  };
  const absl::Time day = absl::FromUnixSeconds(1768435200);
  CHECK(problem(request(day, day, v1::STEP_HOUR)) == "from OUT_OF_RANGE");
  CHECK(problem(request(day + absl::Hours(1), day, v1::STEP_DAY)) == "from OUT_OF_RANGE");
  CHECK(problem(request(day, day + absl::Hours(1000), v1::STEP_HOUR)) == "");
  CHECK(problem(request(day, day + absl::Hours(1000) + absl::Seconds(1), v1::STEP_HOUR)) ==
        "from TOO_MANY_INTERVALS");
  CHECK(problem(request(day - absl::Seconds(1), day + absl::Hours(1000), v1::STEP_HOUR)) ==
        "from TOO_MANY_INTERVALS");
  CHECK(problem(request(day, day + absl::Hours(24000), v1::STEP_DAY)) == "");
  CHECK(problem(request(day, day + absl::Hours(24001), v1::STEP_DAY)) == "from TOO_MANY_INTERVALS");
  CHECK(problem(request(absl::UnixEpoch(), absl::UnixEpoch() + absl::Hours(24), v1::STEP_DAY)) ==
        "");
  v1::GetTrafficRequest far = request(day, day, v1::STEP_DAY);
  far.mutable_to()->set_seconds(std::numeric_limits<int64_t>::max());
  CHECK(problem(far) == "to OUT_OF_RANGE");
  v1::GetTrafficRequest unknown;
  unknown.set_step(static_cast<v1::Step>(9));
  CHECK(problem(unknown) == "step UNKNOWN_VALUE");
}

TEST_CASE("Accounts see their own numbers only") {
  Numbers f;
  f.clock.Advance(absl::Seconds(1));
  f.Append("inbox", 1, inbox::MessageReceived(), 3);
  f.Append("inbox", 2, inbox::MessageReceived(), 4);
  WaitFor([&] { return f.Received(1) == 3 && f.Received(2) == 4; }, "both are counted");
  CHECK(f.Traffic(3).intervals().empty());
  auto connection = storage::Connection::Open(f.env.postgres().UrlAs("mo_statistics"));
  REQUIRE(connection.ok());
  auto sum = [&] {
    return (*connection)
        ->Query(
            "SELECT coalesce(sum(value), 0)::bigint FROM statistics.rollups WHERE cube = 0 AND "
            "resolution = 3",
            storage::Parameters())
        ->
        operator[](0)
        .Int(0);
  };
  CHECK(sum() == 0);
  REQUIRE((*connection)->Script("SET mo.account_id = '2'").ok());
  CHECK(sum() == 4);
}

TEST_CASE("Every event is counted once: many batches, restarts in between, a wiped Redis") {
  Numbers f;
  f.clock.Advance(absl::Seconds(1));
  std::vector<std::thread> threads;
  for (int64_t account = 1; account <= 3; ++account) {
    threads.emplace_back([&f, account] {
      for (int i = 0; i < 10; ++i) f.Append("inbox", account, inbox::MessageReceived(), 97);
    });
  }
  for (std::thread& thread : threads) thread.join();
  // In the middle of it, most likely.
  f.env.Restart();
  for (int64_t account = 1; account <= 3; ++account) {
    WaitFor([&] { return f.Received(account) == 970; }, "all are counted after a restart");
  }
  f.env.redis().Wipe();
  f.env.Restart();
  f.WaitForMarks(4);
  for (int64_t account = 1; account <= 3; ++account) CHECK(f.Received(account) == 970);
  f.Append("inbox", 1, inbox::MessageReceived(), 30);
  WaitFor([&] { return f.Received(1) == 1000; }, "it goes on");
}

}  // namespace
}  // namespace mo::statistics

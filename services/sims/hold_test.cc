#include "services/sims/hold.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "libs/testing/clock.h"
#include "services/sims/sender.h"
#include "services/sims/test_agent.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

// Outlives what runs by its clock.
struct ClockOwner {
  testing::FakeClock clock;
};

AppOptions By(const Clock* clock) {
  AppOptions options;
  options.clock = clock;
  return options;
}

absl::Time At(int hour, int minute, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(2026, 1, 15, hour, minute, second), absl::UTCTimeZone());
}

// A SIM by a clock that stands at noon (UTC) on 2026-01-15.
struct Night : ClockOwner, TestPool {
  Night() : TestPool(By(&clock)), sim(AddSim("+4366400001", 1000, 0).id()), token(Token(sim)) {}

  // A bulk dispatch to `count` contacts that waits while it is quiet in UTC.
  v1::SubmitRequest Quiet(const std::string& key, int64_t first, int count, const char* start,
                          const char* end) {
    v1::SubmitRequest request = Dispatch(key, sim, v1::LANE_BULK, first, count);
    auto& hours = *request.mutable_dispatches(0)->mutable_quiet_hours();
    hours.set_start(start);
    hours.set_end(end);
    hours.set_time_zone("UTC");
    return request;
  }
  std::unique_ptr<TestAgent> Attach(bool idempotent = true) {
    return std::make_unique<TestAgent>(env.app().grpc_port(), token, idempotent);
  }
  // Has the agent say that all it was told to send is accepted.
  void Accept(TestAgent& agent) {
    int64_t last = 0;
    for (int64_t key : agent.order()) last = agent.Result(key, v1::SEND_OUTCOME_ACCEPTED);
    agent.WaitForAck(last);
  }
  // Sends something else of the same lane: what was to be sent before it has been sent by then.
  void Probe(TestAgent& agent) {
    const size_t before = agent.order().size();
    ++probes;
    REQUIRE(Submit(Dispatch(absl::StrCat("probe", probes), sim, v1::LANE_BULK, 900000 + probes, 1))
                .ok());
    agent.WaitForSent(before + 1);
    CHECK(agent.order().size() == before + 1);
  }
  int64_t Held() {
    return Count("SELECT count(*) FROM sims.dispatch_states WHERE hold_until IS NOT NULL");
  }
  int64_t HeldUntil(absl::Time time) {
    return Count(absl::StrCat("SELECT count(*) FROM sims.dispatch_states WHERE hold_until = '",
                              absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()),
                              "'"));
  }

  const std::string sim;
  const std::string token;
  int probes = 0;
};

std::shared_ptr<LoadedDispatch> MakeDispatch(int64_t id, int queued, absl::Time quiet_start) {
  auto dispatch = std::make_shared<LoadedDispatch>();
  dispatch->id = id;
  dispatch->lane = v1::LANE_BULK;
  dispatch->quiet_start = quiet_start;
  for (int i = 0; i < queued; ++i) {
    dispatch->contact_ids.push_back(i + 1);
    dispatch->queued.push_back(i);
  }
  return dispatch;
}

TEST_CASE("A sender forgets what has to be quiet from now on, but for what is in flight") {
  const absl::Time night = At(22, 0);
  Sender sender;
  sender.SetCredit(12);  // two of them are for answers
  sender.Offer({MakeDispatch(1, 30, night), MakeDispatch(2, 30, night),
                MakeDispatch(3, 4, absl::InfiniteFuture())});
  const Sender::Cut before = sender.Next(night - absl::Seconds(1));
  CHECK(before.size == 11);
  LedgerOutcome outcome;
  outcome.opened = {before.windows[0].indices};
  sender.Opened(before, outcome);
  sender.SetCredit(100);
  const Sender::Cut after = sender.Next(night);
  REQUIRE(after.windows.size() == 1);
  CHECK(after.windows[0].dispatch_id == 3);
  CHECK(after.size == 4);
  std::vector<int64_t> known = sender.Known();
  std::sort(known.begin(), known.end());
  CHECK(known == std::vector<int64_t>{1, 3});
  for (int index : before.windows[0].indices) CHECK(sender.Resolved(DeliveryKey(1, index)));
  CHECK(sender.Known() == std::vector<int64_t>{3});  // the other may be loaded, and held
}

TEST_CASE("What comes in quiet hours waits for their end; nothing waits behind it") {
  Night night;
  night.clock.Set(At(12, 59, 30));
  for (int i = 0; i < 5; ++i) {  // more than are loaded at once
    REQUIRE(night.Submit(night.Quiet(absl::StrCat("d", i), 10 * i + 1, 2, "11:00", "13:00")).ok());
  }
  // An answer is never held.
  auto answer = night.Quiet("answer", 500, 1, "11:00", "13:00");
  answer.mutable_dispatches(0)->set_lane(v1::LANE_INTERACTIVE);
  REQUIRE(night.Submit(answer).ok());
  CHECK(night.HeldUntil(At(13, 0)) == 5);
  const auto agent = night.Attach();
  agent->WaitForSent(1);
  CHECK(agent->sent().begin()->second == "+43500");
  night.Probe(*agent);
  night.clock.Set(At(12, 59, 59));
  night.Probe(*agent);
  CHECK(night.Counts("d0").queued() == 2);
  night.clock.Set(At(13, 0));
  agent->WaitForSent(3 + 10);
  night.Accept(*agent);
  for (int i = 0; i < 5; ++i) CHECK(night.Counts(absl::StrCat("d", i)).queued() == 0);
  CHECK(agent->order().size() == 13);
}

TEST_CASE("A dispatch under way stops when its quiet hours begin, and goes on when they end") {
  Night night;
  night.Execute("UPDATE sims.sims SET messages_per_second = 100");
  night.clock.Set(At(12, 0, 50));
  REQUIRE(night.Submit(night.Quiet("d", 1, 60, "12:01", "12:30")).ok());
  CHECK(night.Held() == 0);
  {
    const auto agent = night.Attach();
    agent->WaitForSent(10);  // a tenth of a second's worth
    night.clock.Set(At(12, 1));
    night.Probe(*agent);
    CHECK(night.Counts("d").queued() == 50);
    // What is in flight is finished; then it is found held.
    night.Accept(*agent);
    WaitFor(
        [&] {
          night.clock.Advance(absl::Milliseconds(500));
          return night.HeldUntil(At(12, 30)) == 1;
        },
        "the hold to be noted");
    CHECK(night.Counts("d").accepted() == 10);
  }
  // Whoever takes over knows, whether it was noted or not.
  for (const char* note : {"", "UPDATE sims.dispatch_states SET hold_until = NULL"}) {
    if (*note != '\0') night.Execute(note);
    const auto agent = night.Attach();
    night.Probe(*agent);
    CHECK(night.HeldUntil(At(12, 30)) == 1);
    night.Accept(*agent);
  }
  night.clock.Set(At(12, 30));
  const auto agent = night.Attach();
  for (size_t sent = 10; sent <= 50; sent += 10) {
    agent->WaitForSent(sent);
    night.clock.Advance(absl::Milliseconds(100));
  }
  night.Accept(*agent);
  CHECK(night.Counts("d").accepted() == 60);
  CHECK(agent->order().size() == 50);
}

TEST_CASE("Nights over midnight end by the clock of their zone, also when it is changed") {
  Night night;
  const auto utc = [](const char* text) {
    absl::Time time;
    REQUIRE(absl::ParseTime(absl::RFC3339_full, text, &time, nullptr));
    return time;
  };
  int number = 0;
  const auto submit = [&](const char* now, const char* zone) {
    night.clock.Set(utc(now));
    ++number;
    auto request = night.Quiet(absl::StrCat("d", number), number, 1, "22:00", "07:00");
    request.mutable_dispatches(0)->mutable_quiet_hours()->set_time_zone(zone);
    REQUIRE(night.Submit(request).ok());
  };
  submit("2026-01-15T21:00:00Z", "Europe/Vienna");
  CHECK(night.HeldUntil(utc("2026-01-16T06:00:00Z")) == 1);
  submit("2026-03-28T23:00:00Z", "Europe/Vienna");
  CHECK(night.HeldUntil(utc("2026-03-29T05:00:00Z")) == 1);
  submit("2026-10-24T20:00:00Z", "Europe/Vienna");
  CHECK(night.HeldUntil(utc("2026-10-25T06:00:00Z")) == 1);
  submit("2026-10-24T21:00:00Z", "Asia/Tokyo");
  CHECK(night.HeldUntil(utc("2026-10-24T22:00:00Z")) == 1);
  submit("2026-10-24T12:00:00Z", "Europe/Vienna");
  CHECK(night.Held() == 4);
}

TEST_CASE("What expires in quiet hours is skipped then, not sent and not kept") {
  Night night;
  night.clock.Set(At(12, 29, 40));
  auto request = night.Quiet("d", 1, 3, "11:00", "13:00");
  *request.mutable_dispatches(0)->mutable_expire_time() = ToProto(At(12, 30));
  REQUIRE(night.Submit(request).ok());
  CHECK(night.HeldUntil(At(12, 30)) == 1);
  const auto agent = night.Attach();
  night.Probe(*agent);
  CHECK(night.Counts("d").queued() == 3);
  night.clock.Set(At(12, 30));
  WaitFor([&] { return night.Counts("d").skipped() == 3; }, "expired messages");
  CHECK(night.Counts("d").reasons(0).reason() == common::DELIVERY_REASON_EXPIRED);
  night.Probe(*agent);
}

TEST_CASE("What is held can be canceled, paused and resumed") {
  Night night;
  for (const char* key : {"cancel", "pause"}) {
    REQUIRE(night.Submit(night.Quiet(key, 1, 3, "11:00", "13:00")).ok());
  }
  REQUIRE(night.Control("cancel", v1::GROUP_CONTROL_CANCEL).ok());
  CHECK(night.Counts("cancel").skipped() == 3);
  REQUIRE(night.Control("pause", v1::GROUP_CONTROL_PAUSE).ok());
  night.clock.Set(At(13, 0));
  const auto agent = night.Attach();
  night.Probe(*agent);
  CHECK(night.Counts("pause").queued() == 3);
  REQUIRE(night.Control("pause", v1::GROUP_CONTROL_RUN).ok());
  agent->WaitForSent(1 + 3);
  CHECK(agent->order().size() == 4);
}

TEST_CASE(
    "Doubtful messages are not sent again in quiet hours; where never, that is known at once") {
  const bool idempotent = GENERATE(true, false);
  CAPTURE(idempotent);
  Night night;
  night.clock.Set(At(12, 0, 50));
  REQUIRE(night.Submit(night.Quiet("d", 1, 3, "12:01", "12:30")).ok());
  night.Attach(idempotent)->WaitForSent(3);
  night.clock.Set(At(12, 1));
  const auto agent = night.Attach(idempotent);
  night.Probe(*agent);
  if (!idempotent) {
    WaitFor([&] { return night.Counts("d").uncertain() == 3; }, "uncertain messages");
    return;
  }
  CHECK(night.Counts("d").attempting() == 3);
  agent->Drop();
  night.clock.Set(At(12, 30));
  const auto morning = night.Attach(idempotent);
  morning->WaitForSent(3);
}

TEST_CASE("Quiet hours that are none are refused") {
  Night night;
  const auto problem = [&](const v1::SubmitRequest& request) {
    return FieldProblemsOf(night.Submit(request).status()).at(0);
  };
  CHECK(problem(night.Quiet("d", 1, 1, "11:00", "11:00")).field == "dispatches[0].quiet_hours");
  CHECK(problem(night.Quiet("d", 1, 1, "24:00", "11:00")).field ==
        "dispatches[0].quiet_hours.start");
  auto request = night.Quiet("d", 1, 1, "10:00", "11:00");
  request.mutable_dispatches(0)->mutable_quiet_hours()->set_time_zone("Europe/Wien");
  CHECK(problem(request).reason == "UNKNOWN_TIME_ZONE");
}

}  // namespace
}  // namespace mo::sims

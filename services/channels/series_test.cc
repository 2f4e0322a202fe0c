#include "services/channels/series.h"

#include <catch2/catch.hpp>

#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "services/channels/series_world.h"

namespace mo::channels {
namespace {

namespace accounts_v1 = messageorganizer::accounts::v1;

// "field REASON" of each problem.
std::vector<std::string> ProblemsOf(const absl::Status& status) {
  std::vector<std::string> problems;
  for (const FieldProblem& problem : FieldProblemsOf(status)) {
    problems.push_back(problem.field + " " + problem.reason);
  }
  return problems;
}

v1::Series Change(const v1::Series& series) {
  v1::Series change;
  change.set_id(series.id());
  return change;
}

void SetAccountZone(SeriesWorld& world, const std::string& zone) {
  accounts_v1::UpdateSettingsRequest request;
  request.mutable_settings()->set_time_zone(zone);
  Client<accounts_v1::AccountService> accounts(world.env.app());
  REQUIRE(accounts.Call(&accounts_v1::AccountService::Stub::UpdateSettings, world.caller(), request)
              .ok());
}

TEST_CASE("A series is made, read, listed and deleted") {
  SeriesWorld world;
  v1::Series wanted = world.Daily();
  *wanted.mutable_start_time() = ToProto(world.At("2026-01-20T00:00:00Z"));
  *wanted.mutable_end_time() = ToProto(world.At("2027-01-20T00:00:00Z"));
  wanted.set_max_occurrences(100);
  wanted.set_validity_minutes(60);
  wanted.mutable_quiet_hours()->set_start("22:00");
  wanted.mutable_quiet_hours()->set_end("06:00");
  const v1::Series made = world.CreateSeries(wanted);
  CHECK(made.state() == v1::SERIES_STATE_ACTIVE);
  CHECK(world.Text(made.next_time()) == "2026-01-20T18:00:00Z");
  CHECK(world.GetSeries(made.id()).DebugString() == made.DebugString());
  const v1::Series second = world.CreateSeries(world.Daily());
  v1::ListSeriesRequest list;
  list.set_page_size(1);
  auto page = world.client.Call(&SeriesWorld::Stub::ListSeries, world.caller(), list);
  REQUIRE(page.ok());
  REQUIRE(page->series_size() == 1);
  CHECK(page->series(0).id() == second.id());
  list.set_page_token(page->next_page_token());
  page = world.client.Call(&SeriesWorld::Stub::ListSeries, world.caller(), list);
  REQUIRE(page->series_size() == 1);
  CHECK(page->series(0).id() == made.id());
  CHECK(page->next_page_token().empty());
  REQUIRE(world.DeleteSeries(made.id()).ok());
  CHECK(ReasonOf(world.DeleteSeries(made.id())) == "SERIES_NOT_FOUND");
  CHECK(ReasonOf(world.PauseSeries(made.id()).status()) == "SERIES_NOT_FOUND");
  CHECK(world.Events<v1::SeriesChanged>().size() == 3);
}

TEST_CASE("The time zone is the account's at the time of the request, or the one that is named") {
  SeriesWorld world;
  v1::Series wanted = world.Daily();
  wanted.mutable_schedule()->clear_time_zone();
  CHECK(world.CreateSeries(wanted).schedule().time_zone() == "UTC");
  SetAccountZone(world, "Europe/Berlin");
  const v1::Series series = world.CreateSeries(wanted);
  CHECK(series.schedule().time_zone() == "Europe/Berlin");
  CHECK(world.Text(series.next_time()) == "2026-01-15T17:00:00Z");
  SetAccountZone(world, "America/New_York");
  CHECK(world.GetSeries(series.id()).schedule().time_zone() == "Europe/Berlin");
  // Through the change of clocks in March, then in another zone.
  world.clock.Set(world.At("2026-03-28T16:59:00Z"));
  world.Settle();
  CHECK(world.Text(world.GetSeries(series.id()).next_time()) == "2026-03-28T17:00:00Z");
  world.clock.Set(world.At("2026-03-28T17:00:00Z"));
  world.Settle();
  CHECK(world.Text(world.GetSeries(series.id()).next_time()) == "2026-03-29T16:00:00Z");
  v1::Series change = Change(series);
  *change.mutable_schedule() = wanted.schedule();
  auto changed = world.Update(change);
  REQUIRE(changed.ok());
  CHECK(changed->schedule().time_zone() == "America/New_York");
  CHECK(world.Text(changed->next_time()) == "2026-03-28T22:00:00Z");
  change.mutable_schedule()->set_time_zone("Asia/Kathmandu");
  changed = world.Update(change, {"schedule"});
  REQUIRE(changed.ok());
  CHECK(world.Text(changed->next_time()) == "2026-03-29T12:15:00Z");
}

TEST_CASE("What is wrong is named by its field, all at once") {
  SeriesWorld world;
  const auto refused = [&](const v1::Series& series) {
    return ProblemsOf(world.TryCreate(series).status());
  };
  using Texts = std::vector<std::string>;
  CHECK(refused(v1::Series()) == Texts{"series.display_name REQUIRED", "series.content REQUIRED",
                                       "series.audience REQUIRED", "series.schedule REQUIRED"});
  v1::Series bad = world.Daily();
  bad.mutable_content()->mutable_text()->set_body("{{");
  bad.mutable_audience()->add_channels("chn_0000000000999");
  bad.mutable_audience()->add_contacts("con_0000000000999");
  bad.mutable_schedule()->add_weekdays(v1::WEEKDAY_MONDAY);
  bad.mutable_schedule()->set_weekdays(1, static_cast<v1::Weekday>(8));
  *bad.mutable_end_time() = ToProto(world.At("2026-01-15T11:00:00Z"));
  *bad.mutable_start_time() = ToProto(world.At("2027-03-01T00:00:00Z"));
  bad.mutable_quiet_hours()->set_start("22:00");
  bad.mutable_quiet_hours()->set_end("22:00");
  bad.set_ignore_quiet_hours(true);
  CHECK(refused(bad) == Texts{"series.schedule.weekdays TOO_MANY"});
  bad.mutable_schedule()->mutable_weekdays()->RemoveLast();
  const Texts problems = refused(bad);
  const std::set<std::string> fields(problems.begin(), problems.end());
  for (const char* field :
       {"series.content.text.body BAD_PLACEHOLDER", "series.audience.channels[0] NOT_FOUND",
        "series.audience.contacts[1] NOT_FOUND", "series.schedule.weekdays[1] UNKNOWN_VALUE",
        "series.end_time IN_THE_PAST", "series.start_time TOO_FAR",
        "series.quiet_hours OUT_OF_RANGE", "series.ignore_quiet_hours CONFLICT"}) {
    CAPTURE(field, problems);
    CHECK(fields.count(field) == 1);
  }
  bad = world.Daily();
  bad.mutable_schedule()->set_weekdays(1, v1::WEEKDAY_MONDAY);
  CHECK(refused(bad) == Texts{"series.schedule.weekdays[1] DUPLICATE"});
  bad = world.Daily();
  bad.mutable_schedule()->clear_weekdays();
  bad.mutable_schedule()->set_time_of_day("24:00");
  bad.mutable_schedule()->set_time_zone("Mars/Olympus");
  bad.set_max_occurrences(-1);
  bad.set_validity_minutes(43201);
  CHECK(refused(bad).size() == 5);
  bad = world.Daily();
  *bad.mutable_end_time() = ToProto(world.At("2026-01-15T17:59:59Z"));
  CHECK(refused(bad) == Texts{"series.end_time NO_OCCURRENCE"});
  *bad.mutable_start_time() = ToProto(world.At("2026-01-15T18:00:00Z"));
  CHECK(refused(bad) == Texts{"series.end_time OUT_OF_RANGE"});
  CHECK(world.Number("SELECT count(*) FROM channels.series") == 0);
}

TEST_CASE("An update changes what it names, by the current etag") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  v1::Series change = Change(series);
  change.set_display_name("Morning news");
  change.set_etag(series.etag());
  const auto changed = world.Update(change);
  REQUIRE(changed.ok());
  CHECK(changed->display_name() == "Morning news");
  CHECK(changed->content().text().body() == "Good evening");
  CHECK(changed->next_time().seconds() == series.next_time().seconds());
  CHECK(changed->DebugString() == world.GetSeries(series.id()).DebugString());
  CHECK(ReasonOf(world.Update(change).status()) == "ETAG_MISMATCH");
  change.clear_etag();
  using Texts = std::vector<std::string>;
  CHECK(ProblemsOf(world.Update(change, {"state"}).status()) == Texts{"update_mask UNKNOWN_FIELD"});
  CHECK(ProblemsOf(world.Update(Change(series), {"content", "schedule"}).status()) ==
        Texts{"series.content REQUIRED", "series.schedule REQUIRED"});
  CHECK(ProblemsOf(world.Update(v1::Series(), {"content"}).status()) ==
        Texts{"series.id REQUIRED"});
  change.set_max_occurrences(1);
  REQUIRE(world.Update(change).ok());
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  world.Settle();
  CHECK(world.GetSeries(series.id()).state() == v1::SERIES_STATE_ENDED);
  CHECK(ProblemsOf(world.Update(change).status()) == Texts{"series.max_occurrences NO_OCCURRENCE"});
  change.set_max_occurrences(2);
  const auto on = world.Update(change);
  REQUIRE(on.ok());
  CHECK(on->state() == v1::SERIES_STATE_ACTIVE);
  CHECK(world.Text(on->next_time()) == "2026-01-16T18:00:00Z");
  // A paused one stays so.
  REQUIRE(world.PauseSeries(series.id()).ok());
  change.set_max_occurrences(3);
  CHECK(world.Update(change)->state() == v1::SERIES_STATE_PAUSED);
  CHECK_FALSE(world.GetSeries(series.id()).has_next_time());
  // Its end has come meanwhile.
  change = Change(series);
  *change.mutable_end_time() = ToProto(world.At("2026-01-17T18:00:00Z"));
  REQUIRE(world.Update(change).ok());
  world.clock.Set(world.At("2026-01-18T00:00:00Z"));
  CHECK(world.ResumeSeries(series.id())->state() == v1::SERIES_STATE_ENDED);
}

TEST_CASE("Another account sees nothing of a series, and its key makes no second one") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  const Caller other = world.env.caller(2);
  using Stub = SeriesWorld::Stub;
  v1::GetSeriesRequest get;
  get.set_id(series.id());
  CHECK(ReasonOf(world.client.Call(&Stub::GetSeries, other, get).status()) == "SERIES_NOT_FOUND");
  CHECK(world.client.Call(&Stub::ListSeries, other, v1::ListSeriesRequest())->series().empty());
  v1::UpdateSeriesRequest update;
  *update.mutable_series() = Change(series);
  update.mutable_series()->set_display_name("Mine");
  CHECK(ReasonOf(world.client.Call(&Stub::UpdateSeries, other, update).status()) ==
        "SERIES_NOT_FOUND");
  v1::DeleteSeriesRequest remove;
  remove.set_id(series.id());
  CHECK(ReasonOf(world.client.Call(&Stub::DeleteSeries, other, remove).status()) ==
        "SERIES_NOT_FOUND");
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  world.Settle();
  v1::ListBroadcastsRequest list;
  list.set_series_id(series.id());
  CHECK(world.broadcasts.Call(&v1::BroadcastService::Stub::ListBroadcasts, other, list)
            ->broadcasts()
            .empty());
  v1::CreateSeriesRequest create;
  *create.mutable_series() = world.Daily();
  const Caller keyed = world.caller().WithKey("key-1");
  const auto first = world.client.Call(&Stub::CreateSeries, keyed, create);
  REQUIRE(first.ok());
  CHECK(world.client.Call(&Stub::CreateSeries, keyed, create)->id() == first->id());
  CHECK(world.Number("SELECT count(*) FROM channels.series") == 2);
}

TEST_CASE("An account has at most 1,000 series") {
  SeriesWorld world;
  const std::string id = world.CreateSeries(world.Daily()).id();
  world.Sql("UPDATE channels.totals SET series = 999 WHERE account_id = 1");
  REQUIRE(world.TryCreate(world.Daily()).ok());
  CHECK(ReasonOf(world.TryCreate(world.Daily()).status()) == "SERIES_LIMIT");
  REQUIRE(world.DeleteSeries(id).ok());
  CHECK(world.TryCreate(world.Daily()).ok());
  CHECK(world.Channel() != "");  // counted apart
}

}  // namespace
}  // namespace mo::channels

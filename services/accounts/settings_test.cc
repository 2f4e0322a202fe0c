// Settings: field by field, and what is refused.
#include "services/accounts/test_fixture.h"

namespace mo::accounts {
namespace {

TEST_CASE("Settings change field by field, under their etag") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  const v1::Settings before = f.Settings(owner);
  v1::Settings change;
  change.set_time_zone("America/Argentina/Buenos_Aires");
  change.add_stop_languages("de");
  change.set_delete_pending_after_days(30);
  change.set_etag(before.etag());
  auto after = f.Update(owner, change);
  REQUIRE(after.ok());
  CHECK(after->time_zone() == "America/Argentina/Buenos_Aires");
  CHECK(after->default_language() == "en");
  CHECK(after->etag() != before.etag());
  CHECK(f.Settings(owner).SerializeAsString() == after->SerializeAsString());
  CHECK(ReasonOf(f.Update(owner, change).status()) == "ETAG_MISMATCH");

  // What is named and empty goes back to its default.
  auto cleared = f.Update(owner, v1::Settings(), {"time_zone", "stop_languages"});
  REQUIRE(cleared.ok());
  CHECK(cleared->time_zone() == "UTC");
  CHECK(cleared->stop_languages_size() == 0);
  CHECK(cleared->delete_pending_after_days() == 30);
  CHECK(FieldProblemsOf(f.Update(owner, change, {"etag"}).status()).at(0).field == "update_mask");
}

TEST_CASE("Quiet hours are set, and taken back; bad ones name their fields") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  CHECK_FALSE(f.Settings(owner).has_quiet_hours());
  const auto quiet = [](const char* start, const char* end) {
    v1::Settings settings;
    settings.mutable_quiet_hours()->set_start(start);
    settings.mutable_quiet_hours()->set_end(end);
    return settings;
  };
  const auto problem = [&](const char* start, const char* end) {
    return FieldProblemsOf(f.Update(owner, quiet(start, end)).status()).at(0).field;
  };
  CHECK(problem("22:00", "22:00") == "settings.quiet_hours");
  CHECK(problem("7:00", "22:00") == "settings.quiet_hours.start");
  CHECK(problem("07:00", "24:00") == "settings.quiet_hours.end");
  CHECK(problem("07:00", "") == "settings.quiet_hours.end");
  CHECK_FALSE(f.Settings(owner).has_quiet_hours());
  REQUIRE(f.Update(owner, quiet("22:00", "07:00")).ok());
  v1::Settings other;
  other.set_default_language("de");
  REQUIRE(f.Update(owner, other).ok());
  CHECK(f.Settings(owner).quiet_hours().start() == "22:00");
  CHECK(f.Settings(owner).quiet_hours().end() == "07:00");
  CHECK_FALSE(f.Update(owner, v1::Settings(), {"quiet_hours"})->has_quiet_hours());
  CHECK_FALSE(f.Settings(owner).has_quiet_hours());
}

TEST_CASE("Only names of IANA time zones are taken") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  for (const char* bad : {"Europe/Wien", "vienna", "../../../etc/passwd", "/usr/share/zoneinfo/UTC",
                          "file:Europe/Vienna", "localtime", "posixrules", "Europe", "Europe/",
                          "Fixed/UTC+01:00:00", "posix/Europe/Vienna"}) {
    v1::Settings settings;
    settings.set_time_zone(bad);
    auto problems = FieldProblemsOf(f.Update(owner, settings).status());
    CAPTURE(bad);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == "settings.time_zone");
    CHECK(problems[0].reason == "UNKNOWN_TIME_ZONE");
  }
  for (const char* good : {"UTC", "Europe/Vienna", "Etc/GMT+5", "Asia/Kolkata"}) {
    v1::Settings settings;
    settings.set_time_zone(good);
    CHECK(f.Update(owner, settings).ok());
  }
  v1::Settings settings;
  settings.set_delete_stopped_after_days(-1);
  CHECK(FieldProblemsOf(f.Update(owner, settings).status()).at(0).reason == "OUT_OF_RANGE");
}

}  // namespace
}  // namespace mo::accounts

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

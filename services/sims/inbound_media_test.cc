// Files that somebody has sent, from three networks' callbacks to what an agent downloads.
#include "services/sims/inbound_media.h"

#include <algorithm>
#include <future>

#include "services/sims/drivers/list.h"
#include "services/sims/test_files.h"

namespace mo::sims {
namespace {

TEST_CASE("A picture is stored before its callback is answered, on each network", "[inbound]") {
  FilePool pool;
  pool.provider.Set("/v25.0/55", 200, Place(pool.provider.url() + "/w"));
  pool.provider.Set("/w", 200, "from WhatsApp");
  REQUIRE(pool.TellImage("1").ok());
  const std::string bot = "/bot77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/getFile";
  pool.provider.Set(bot, 200, R"({"ok":true,"result":{"file_path":"photos/a.jpg"}})");
  pool.provider.Set("/file/bot77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/photos/a.jpg", 200,
                    "from Telegram");
  REQUIRE(
      pool.Tell("telegram", pool.telegram,
                R"({"update_id":1,"message":{"message_id":7,"date":1700000000,"chat":{"id":4711,)"
                R"("type":"private"},"from":{"id":4711,"first_name":"A"},"photo":[{"file_id":)"
                R"("AgAC","width":90,"height":90}]}})")
          .ok());
  pool.provider.Set("/m", 200, "from Messenger");
  REQUIRE(
      pool.Tell("messenger", pool.messenger,
                absl::StrCat(R"({"object":"page","entry":[{"id":"100200","messaging":[{"sender":)"
                             R"({"id":"555"},"recipient":{"id":"100200"},"timestamp":)"
                             R"(1700000000000,"message":{"mid":"m_1","attachments":[{"type":)"
                             R"("image","payload":{"url":")",
                             pool.provider.url(), R"(/m"}}]}}]}]})"))
          .ok());
  const auto told = pool.Told();
  REQUIRE(told.size() == 3);
  const std::map<std::string, std::string> contents = {
      {"wamid.1", "from WhatsApp"}, {"4711:7", "from Telegram"}, {"m_1", "from Messenger"}};
  for (const auto& [id, media] : told) {
    CAPTURE(id);
    REQUIRE(contents.contains(id));
    CHECK(pool.Download(media.media_id()) == contents.at(id));
    CHECK(media.size_bytes() == static_cast<int64_t>(contents.at(id).size()));
    CHECK(media.problem() == common::MEDIA_PROBLEM_UNSPECIFIED);
  }
  CHECK(told.at("wamid.1").mime_type() == "image/jpeg");
  CHECK(told.at("m_1").mime_type() == "image/webp");
  // Only where the protocol wants it.
  CHECK(pool.provider.token("/w") == "Bearer T1");
  CHECK(pool.provider.token("/m").empty());
}

TEST_CASE("A place that does not hold any more is asked for anew", "[inbound]") {
  FilePool pool;
  const std::string stale = absl::StrCat(R"(,"url":")", pool.provider.url(), R"(/stale")");
  pool.provider.Set("/v25.0/55", 200, Place(pool.provider.url() + "/w"));
  pool.provider.Set("/w", 200, "picture");
  REQUIRE(pool.TellImage("1", stale).ok());
  CHECK(pool.provider.asked("/stale") == 1);
  CHECK(pool.Download(pool.Told().at("wamid.1").media_id()) == "picture");
  pool.provider.Set("/stale", 200, "fresh");
  REQUIRE(pool.TellImage("2", stale).ok());
  CHECK(pool.provider.asked("/v25.0/55") == 1);
  CHECK(pool.Download(pool.Told().at("wamid.2").media_id()) == "fresh");
}

TEST_CASE("A message that is known already has its file fetched no more", "[inbound]") {
  FilePool pool;
  pool.provider.Set("/v25.0/55", 200, Place(pool.provider.url() + "/w"));
  pool.provider.Set("/w", 200, "picture");
  REQUIRE(pool.TellImage("1").ok());
  REQUIRE(pool.TellImage("1").ok());
  // Twice in one callback, too.
  std::string twice = Image("2", "", 2);
  twice.replace(twice.find("wamid.2.1"), 9, "wamid.2");
  REQUIRE(pool.Tell("whatsapp_cloud", pool.whatsapp, twice).ok());
  CHECK(pool.provider.asked("/w") == 2);
  CHECK(pool.Inbound() == 2);
  CHECK(pool.Told().size() == 2);
  CHECK_FALSE(pool.Told().at("wamid.2").media_id().empty());
}

TEST_CASE("A file that can never be had leaves its message with the reason", "[inbound]") {
  struct Case {
    const char* label;
    int status;         // of the question where the file is
    std::string place;  // as answered
    int file_status;
    size_t bytes;
    std::string more;  // in the callback
    common::MediaProblem problem;
  };
  FilePool pool;
  absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
  const std::string here = pool.provider.url() + "/w";
  const Case cases[] = {
      {"the largest", 200, here, 200, 10000000, "", common::MEDIA_PROBLEM_UNSPECIFIED},
      {"larger", 200, here, 200, 10000001, "", common::MEDIA_PROBLEM_TOO_LARGE},
      {"larger by its own word", 200, here, 200, 5, R"(,"file_size":10000001)",
       common::MEDIA_PROBLEM_TOO_LARGE},
      {"not known any more", 404, here, 200, 5, "", common::MEDIA_PROBLEM_GONE},
      {"refused for good", 400, here, 200, 5, "", common::MEDIA_PROBLEM_GONE},
      {"gone", 200, here, 404, 5, "", common::MEDIA_PROBLEM_GONE},
      {"gone for good", 200, here, 410, 5, "", common::MEDIA_PROBLEM_GONE},
      {"empty", 200, here, 200, 0, "", common::MEDIA_PROBLEM_GONE},
      {"our cloud's secrets", 200, "http://169.254.169.254/latest/meta-data/", 200, 5, "",
       common::MEDIA_PROBLEM_REFUSED},
      {"ourselves by another name", 200, pool.provider.url("localhost") + "/w", 200, 5, "",
       common::MEDIA_PROBLEM_REFUSED},
      {"no place at all", 200, "file:///etc/passwd", 200, 5, "", common::MEDIA_PROBLEM_GONE},
  };
  int number = 0;
  for (const Case& each : cases) {
    CAPTURE(each.label);
    pool.provider.Set("/v25.0/55", each.status,
                      each.status == 200 ? Place(each.place) : R"({"error":{"code":100}})");
    pool.provider.Set("/w", each.file_status, std::string(each.bytes, 'x'));
    const std::string id = std::to_string(++number);
    REQUIRE(pool.TellImage(id, each.more).ok());
    const auto told = pool.Told();
    REQUIRE(told.contains("wamid." + id));
    const common::Media& media = told.at("wamid." + id);
    CHECK(media.problem() == each.problem);
    CHECK(media.media_id().empty() == (each.problem != common::MEDIA_PROBLEM_UNSPECIFIED));
  }
}

TEST_CASE("A file that cannot be had for now brings its message again, but not for ever",
          "[inbound]") {
  FilePool pool;
  pool.provider.Set("/v25.0/55", 200, Place(pool.provider.url() + "/w"));
  pool.provider.Set("/w", 503, "");
  CHECK(absl::IsUnavailable(pool.TellImage("1")));
  CHECK(pool.Inbound() == 0);
  SECTION("it comes") {
    pool.provider.Set("/w", 200, "picture");
    REQUIRE(pool.TellImage("1").ok());
    CHECK(pool.Download(pool.Told().at("wamid.1").media_id()) == "picture");
  }
  SECTION("it never does") {
    CHECK(absl::IsUnavailable(pool.TellImage("1")));
    // Another message's attempts are its own.
    CHECK(absl::IsUnavailable(pool.TellImage("2")));
    CHECK(absl::IsUnavailable(pool.TellImage("1")));
    REQUIRE(pool.TellImage("1").ok());
    CHECK(pool.provider.asked("/w") == 5);
    CHECK(pool.Told().at("wamid.1").problem() == common::MEDIA_PROBLEM_REFUSED);
    CHECK(pool.Told().at("wamid.1").media_id().empty());
  }
  SECTION("those of the same callback that came are not asked for again") {
    std::string both = Image("3", "", 2);
    both.replace(both.rfind("\"55\""), 4, "\"56\"");
    pool.provider.Set("/v25.0/56", 200, Place(pool.provider.url() + "/good"));
    pool.provider.Set("/good", 200, "picture");
    for (int i = 0; i < 3; ++i)
      CHECK(absl::IsUnavailable(pool.Tell("whatsapp_cloud", pool.whatsapp, both)));
    REQUIRE(pool.Tell("whatsapp_cloud", pool.whatsapp, both).ok());
    CHECK(pool.provider.asked("/good") == 1);
    CHECK(pool.Told().at("wamid.3").problem() == common::MEDIA_PROBLEM_REFUSED);
    CHECK_FALSE(pool.Told().at("wamid.3.1").media_id().empty());
  }
}

TEST_CASE("What a provider refuses for reasons of its own says nothing of the file", "[inbound]") {
  FilePool pool;
  for (const int status : {401, 429, 500, 503}) {
    CAPTURE(status);
    pool.provider.Set("/v25.0/55", status,
                      status == 401 ? R"({"error":{"code":190}})" : R"({"error":{"code":130429}})");
    CHECK(absl::IsUnavailable(pool.TellImage(std::to_string(status))));
  }
  CHECK(pool.Inbound() == 0);
}

// Drives InboundMedia itself, with its limits.
struct Bringing {
  FilePool pool;
  storage::Database database{
      {pool.env.app().options().database_url, pool.env.app().options().migration_user, "", "sims"},
      pool.env.app().metrics()};
  std::shared_ptr<SimDriver> sim = [this] {
    auto made = std::make_shared<SimDriver>();
    made->account_id = 1;
    made->sim_id = IdOf(pool.messenger);
    DriverSettings settings;
    settings.driver = "messenger";
    settings.base_url = pool.provider.url();
    made->driver = *MakeDriver(settings);
    return made;
  }();
  InboundFile File(const std::string& id, const std::string& path) {
    InboundFile file{sim, id, "", {}};
    file.remote.url = pool.provider.url() + path;
    return file;
  }
};

TEST_CASE("Files are fetched a few at once; who does not answer holds up nobody for long",
          "[inbound]") {
  Bringing test;
  InboundMedia media(test.pool.env.app(), test.database,
                     [](http::ClientRequest& request) { request.allow_private = true; },
                     {.files = 4, .files_per_sim = 2, .deadline = absl::Milliseconds(600)});
  test.pool.provider.Set("/held", 0, "");
  std::vector<InboundFile> files;
  for (int i = 0; i < 10; ++i) files.push_back(test.File(absl::StrCat("h", i), "/held"));
  std::promise<absl::Status> ended;
  const absl::Time start = absl::Now();
  media.Bring(std::move(files), [&](const auto& brought) { ended.set_value(brought.status()); });
  CHECK(absl::IsUnavailable(ended.get_future().get()));
  CHECK(absl::Now() - start < absl::Seconds(3));
  // Two at a time; the client's clock may let the next two begin just before the end.
  CHECK(test.pool.provider.asked("/held") >= 2);
  CHECK(test.pool.provider.asked("/held") <= 4);
  // All that ended at once is no recursion, and leaves room for the next.
  std::vector<InboundFile> nowhere;
  for (int i = 0; i < 5000; ++i) {
    nowhere.push_back(test.File(absl::StrCat("n", i), ""));
    nowhere.back().remote.url.clear();
  }
  std::promise<size_t> gone;
  media.Bring(std::move(nowhere), [&](const auto& brought) {
    gone.set_value(!brought.ok()
                       ? 0
                       : static_cast<size_t>(std::count_if(
                             brought->begin(), brought->end(), [](const BroughtFile& file) {
                               return file.problem == common::MEDIA_PROBLEM_GONE;
                             })));
  });
  CHECK(gone.get_future().get() == 5000);
}

TEST_CASE("Files that are fetched when the process stops are for later", "[inbound]") {
  Bringing test;
  InboundMedia media(test.pool.env.app(), test.database,
                     [](http::ClientRequest& request) { request.allow_private = true; },
                     {.files = 1});
  test.pool.provider.Set("/held", 0, "");
  std::promise<absl::Status> ended;
  media.Bring({test.File("a", "/held"), test.File("b", "/held")},
              [&](const auto& brought) { ended.set_value(brought.status()); });
  media.Stop();
  CHECK(absl::IsUnavailable(ended.get_future().get()));
  std::promise<absl::Status> late;
  media.Bring({test.File("c", "/held")},
              [&](const auto& brought) { late.set_value(brought.status()); });
  CHECK(absl::IsUnavailable(late.get_future().get()));
}

TEST_CASE("What is remembered of files is bounded, the oldest goes first", "[inbound]") {
  InboundMemory memory(2);
  CHECK(memory.Failed("a") == 1);
  CHECK(memory.Failed("a") == 2);
  memory.Keep("b", {"med_1", "", 1, {}});
  CHECK(memory.Find("b")->media_id == "med_1");
  CHECK_FALSE(memory.Find("a").has_value());
  CHECK(memory.Failed("c") == 1);
  CHECK(memory.Find("b").has_value());
  CHECK(memory.Failed("a") == 1);
  CHECK_FALSE(memory.Find("b").has_value());
}

}  // namespace
}  // namespace mo::sims

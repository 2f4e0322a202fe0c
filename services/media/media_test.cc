#include "services/media/media.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "libs/testing/environment.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/media/install.h"
#include "services/media/samples_test.h"

namespace mo::media {
namespace {

using Stub = v1::MediaService::Stub;
using testing::Environment;
namespace fs = std::filesystem;

absl::StatusOr<v1::MediaFile> Upload(App& app, const Caller& caller, const std::string& data,
                                     const std::string& filename = "") {
  v1::UploadMediaRequest request;
  request.set_data(data);
  request.set_filename(filename);
  return Client<v1::MediaService>(app).Call(&Stub::UploadMedia, caller, request);
}

absl::StatusOr<google::api::HttpBody> Download(App& app, const Caller& caller,
                                               const std::string& id) {
  v1::DownloadMediaRequest request;
  request.set_id(id);
  return Client<v1::MediaService>(app).Call(&Stub::DownloadMedia, caller, request);
}

absl::StatusOr<v1::MediaFile> Get(App& app, const Caller& caller, const std::string& id) {
  v1::GetMediaRequest request;
  request.set_id(id);
  return Client<v1::MediaService>(app).Call(&Stub::GetMedia, caller, request);
}

// The stored contents, temporary ones apart.
std::vector<fs::path> Contents(App& app) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(app.options().data_dir + "/media")) {
    if (entry.is_regular_file()) found.push_back(entry.path());
  }
  return found;
}

TEST_CASE("A file is stored, described and given back, also after a restart") {
  Environment env({Install});
  const std::string data = samples::Png(30, 20);
  auto file = Upload(env.app(), env.caller(), data, "logo.png");
  REQUIRE(file.ok());
  CHECK(file->mime_type() == "image/png");
  CHECK(file->kind() == messageorganizer::common::v1::MEDIA_KIND_IMAGE);
  CHECK(file->width() == 30);
  CHECK(file->height() == 20);
  CHECK(file->size_bytes() == static_cast<int64_t>(data.size()));
  CHECK(file->filename() == "logo.png");
  env.Restart();
  CHECK(Get(env.app(), env.caller(), file->id())->SerializeAsString() == file->SerializeAsString());
  auto body = Download(env.app(), env.caller(), file->id());
  REQUIRE(body.ok());
  CHECK(body->content_type() == "image/png");
  CHECK(body->data() == data);
}

TEST_CASE("The largest file passes, a larger one is refused with its own error") {
  Environment env({Install});
  auto film = [](size_t size) {
    return samples::Mp4() +
           samples::Box("free", std::string(size - samples::Mp4().size() - 8, 'x'));
  };
  auto file = Upload(env.app(), env.caller(), film(10000000));
  REQUIRE(file.ok());
  CHECK(Download(env.app(), env.caller(), file->id())->data() == film(10000000));
  auto refused = Upload(env.app(), env.caller(), film(10000001));
  CHECK(refused.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(refused.status()) == "MEDIA_TOO_LARGE");
  CHECK(ReasonOf(Upload(env.app(), env.caller(), "text").status()) == "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonOf(Upload(env.app(), env.caller(), samples::Png(9999, 9999)).status()) ==
        "IMAGE_TOO_LARGE");
  CHECK(FieldProblemsOf(Upload(env.app(), env.caller(), "").status()).at(0).field == "data");
  CHECK(Contents(env.app()).size() == 1);
}

TEST_CASE("Accounts share nothing, not even equal files") {
  Environment env({Install});
  const std::string data = samples::Pdf();
  auto one = Upload(env.app(), env.caller(1), data);
  auto two = Upload(env.app(), env.caller(2), data);
  auto twice = Upload(env.app(), env.caller(1), data, "again.pdf");
  REQUIRE((one.ok() && two.ok() && twice.ok()));
  CHECK(one->id() != twice->id());
  CHECK(Contents(env.app()).size() == 2);
  CHECK(ReasonOf(Get(env.app(), env.caller(2), one->id()).status()) == "MEDIA_NOT_FOUND");
  CHECK(ReasonOf(Download(env.app(), env.caller(2), one->id()).status()) == "MEDIA_NOT_FOUND");
  CHECK(Download(env.app(), env.caller(2), two->id()).ok());

  auto connection = storage::Connection::Open(env.postgres().UrlAs("mo_media"));
  REQUIRE(connection.ok());
  auto count = [&] {
    return (*connection)
        ->Query("SELECT count(*) FROM media.files", storage::Parameters())
        ->
        operator[](0)
        .Int(0);
  };
  CHECK(count() == 0);
  REQUIRE((*connection)->Script("SET mo.account_id = '2'").ok());
  CHECK(count() == 1);
}

TEST_CASE("The same idempotency key gives the same file") {
  Environment env({Install});
  const Caller caller = env.caller().WithKey("k1");
  auto first = Upload(env.app(), caller, samples::Pdf());
  auto again = Upload(env.app(), caller, samples::Pdf());
  REQUIRE(first.ok());
  CHECK(first->SerializeAsString() == again->SerializeAsString());
  CHECK(ReasonOf(Upload(env.app(), caller, samples::Mp3()).status()) == "IDEMPOTENCY_KEY_REUSED");
}

TEST_CASE("Names that are paths or break headers are refused") {
  Environment env({Install});
  for (const char* name : {"../x", "a/b", "a\\b", "a\r\nX: y", "..", "\x7f"}) {
    auto refused = Upload(env.app(), env.caller(), samples::Pdf(), name);
    CHECK(FieldProblemsOf(refused.status()).at(0).field == "filename");
  }
  CHECK(Upload(env.app(), env.caller(), samples::Pdf(), "Speisekarte für März.pdf").ok());
}

TEST_CASE("Bytes that rotted or vanished are an error, and the next upload heals them") {
  Environment env({Install});
  const std::string data = samples::Pdf();
  auto file = Upload(env.app(), env.caller(), data);
  REQUIRE(file.ok());
  const fs::path path = Contents(env.app()).at(0);
  std::string rotten = data;
  rotten[10] = 'X';
  std::ofstream(path) << rotten;
  CHECK(ReasonOf(Download(env.app(), env.caller(), file->id()).status()) == "MEDIA_LOST");
  fs::resize_file(path, 3);
  CHECK(ReasonOf(Download(env.app(), env.caller(), file->id()).status()) == "MEDIA_LOST");
  fs::remove(path);
  CHECK(ReasonOf(Download(env.app(), env.caller(), file->id()).status()) == "MEDIA_LOST");
  REQUIRE(Upload(env.app(), env.caller(), data).ok());
  CHECK(Download(env.app(), env.caller(), file->id())->data() == data);
}

TEST_CASE("A disk that refuses leaves neither row nor part of a file") {
  Environment env({Install});
  const fs::path folder = fs::path(env.app().options().data_dir) / "media";
  // A file in the place of the account's folder, since root may write anywhere.
  const fs::path blocker = folder / FormatId("acc", 1);
  std::ofstream(blocker) << "x";
  auto refused = Upload(env.app(), env.caller(), samples::Pdf());
  CHECK(absl::IsUnavailable(refused.status()));
  CHECK(ReasonOf(refused.status()) == "STORAGE_UNAVAILABLE");
  CHECK(fs::is_empty(folder / "tmp"));
  fs::remove(blocker);
  CHECK(Upload(env.app(), env.caller(), samples::Pdf()).ok());
  CHECK(fs::is_empty(folder / "tmp"));
}

TEST_CASE("A start deletes what dead writers left, not what living ones write") {
  Environment env({Install});
  const fs::path folder = fs::path(env.app().options().data_dir) / "media" / "tmp";
  std::ofstream(folder / "dead") << "part";
  std::ofstream(folder / "living") << "part";
  fs::last_write_time(folder / "dead", fs::file_time_type::clock::now() - std::chrono::hours(2));
  env.Restart();
  CHECK_FALSE(fs::exists(folder / "dead"));
  CHECK(fs::exists(folder / "living"));
}

absl::StatusOr<v1::MediaFile> StoreInbound(App& app, const std::string& key,
                                           const std::string& data, const std::string& type,
                                           const std::string& filename = "") {
  v1::StoreInboundMediaRequest request;
  request.set_key(key);
  request.set_data(data);
  request.set_mime_type(type);
  request.set_filename(filename);
  return Client<v1::MediaService>(app).Call(&Stub::StoreInboundMedia, ServiceCaller("sims", 1),
                                            request);
}

TEST_CASE("What somebody has sent is stored whatever it is, and given to the account") {
  Environment env({Install});
  struct Case {
    std::string data, stated, type;
    messageorganizer::common::v1::MediaKind kind;
  };
  using namespace messageorganizer::common::v1;
  const Case cases[] = {
      // What the bytes say, whatever is said of them, without the limits of an upload.
      {samples::Png(3000, 2000, 600000), "image/webp", "image/png", MEDIA_KIND_IMAGE},
      {"RIFF....WEBP", "image/webp", "image/webp", MEDIA_KIND_IMAGE},
      {"OggS", "audio/ogg; codecs=opus", "audio/ogg", MEDIA_KIND_AUDIO},
      {"3gp", "VIDEO/3gpp", "video/3gpp", MEDIA_KIND_VIDEO},
      {"PK", "application/zip", "application/zip", MEDIA_KIND_DOCUMENT},
      {"x", "text/html\r\nX: y", "application/octet-stream", MEDIA_KIND_DOCUMENT},
      {"x", "", "application/octet-stream", MEDIA_KIND_DOCUMENT},
  };
  int number = 0;
  for (const Case& each : cases) {
    CAPTURE(each.stated);
    const std::string key = absl::StrCat("sim_1/wamid.", ++number);
    auto file = StoreInbound(env.app(), key, each.data, each.stated);
    REQUIRE(file.ok());
    CHECK(file->mime_type() == each.type);
    CHECK(file->kind() == each.kind);
    CHECK(file->size_bytes() == static_cast<int64_t>(each.data.size()));
    auto body = Download(env.app(), env.caller(), file->id());
    REQUIRE(body.ok());
    CHECK(body->data() == each.data);
    CHECK(body->content_type() == each.type);
    CHECK_FALSE(Download(env.app(), env.caller(2), file->id()).ok());
  }
  auto named = StoreInbound(env.app(), "n", samples::Pdf(), "application/pdf", "../a\r\nb.pdf");
  REQUIRE(named.ok());
  CHECK(named->filename() == ".._a__b.pdf");
}

TEST_CASE("What somebody has sent is stored once by its key, also at the same time") {
  Environment env({Install});
  std::vector<std::thread> threads;
  std::vector<std::string> ids(6);
  for (size_t i = 0; i < ids.size(); ++i) {
    threads.emplace_back([&, i] {
      auto file = StoreInbound(env.app(), "sim_1/a", samples::Pdf(), "");
      if (file.ok()) ids[i] = file->id();
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE_FALSE(ids[0].empty());
  for (const std::string& id : ids) CHECK(id == ids[0]);
  CHECK(StoreInbound(env.app(), "sim_1/a", "another", "text/plain")->id() == ids[0]);
  CHECK(StoreInbound(env.app(), "sim_2/a", samples::Pdf(), "")->id() != ids[0]);
}

TEST_CASE("What somebody has sent is refused only above 10,000,000 bytes") {
  Environment env({Install});
  CHECK(StoreInbound(env.app(), "a", std::string(10000000, 'x'), "").ok());
  CHECK(ReasonOf(StoreInbound(env.app(), "b", std::string(10000001, 'x'), "").status()) ==
        "MEDIA_TOO_LARGE");
  CHECK(Contents(env.app()).size() == 1);
}

TEST_CASE("Many uploads of one content at once leave it whole") {
  Environment env({Install});
  const std::string data = samples::Png(5, 5, 100000);
  std::vector<std::thread> threads;
  std::vector<std::string> ids(8);
  for (size_t i = 0; i < ids.size(); ++i) {
    threads.emplace_back([&, i] {
      auto file = Upload(env.app(), env.caller(), data);
      if (file.ok()) ids[i] = file->id();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) {
    REQUIRE_FALSE(id.empty());
    CHECK(Download(env.app(), env.caller(), id)->data() == data);
  }
  CHECK(Contents(env.app()).size() == 1);
}

}  // namespace
}  // namespace mo::media

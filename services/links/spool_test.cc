#include "services/links/spool.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "libs/testing/process.h"

namespace mo::links {
namespace {

namespace fs = std::filesystem;

ClickBatchRecord Record(int number, size_t size = 100) {
  ClickBatchRecord record;
  record.id = absl::StrCat(number, std::string(Spool::kIdBytes, 'i')).substr(0, Spool::kIdBytes);
  record.payload = std::string(size, static_cast<char>('a' + number % 26));
  return record;
}

std::vector<std::string> Delivered(Spool& spool) {
  std::vector<std::string> ids;
  const auto count = spool.Deliver([&](const std::vector<ClickBatchRecord>& records) {
    for (const ClickBatchRecord& record : records) ids.push_back(record.id);
    return absl::OkStatus();
  });
  REQUIRE(count.ok());
  CHECK(*count == static_cast<int64_t>(ids.size()));
  return ids;
}

fs::path OnlyFile(const std::string& folder) {
  REQUIRE(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
  return fs::directory_iterator(folder)->path();
}

TEST_CASE("What was spooled is delivered once, in order, also by the next process") {
  testing::TempFolder folder;
  {
    Spool spool(folder.path() + "/deep/clicks");
    REQUIRE(spool.Open().ok());
    CHECK(Delivered(spool).empty());
    for (int i = 0; i < 150; ++i) REQUIRE(spool.Append(Record(i)).ok());
  }
  Spool spool(folder.path() + "/deep/clicks");
  REQUIRE(spool.Open().ok());
  const auto ids = Delivered(spool);
  REQUIRE(ids.size() == 150);
  CHECK(ids[0] == Record(0).id);
  CHECK(ids[149] == Record(149).id);
  CHECK(Delivered(spool).empty());
  CHECK(fs::is_empty(folder.path() + "/deep/clicks"));
}

TEST_CASE("What could not be delivered stays, whole") {
  testing::TempFolder folder;
  Spool spool(folder.path());
  for (int i = 0; i < 100; ++i) REQUIRE(spool.Append(Record(i)).ok());
  int calls = 0;
  CHECK_FALSE(spool
                  .Deliver([&](const std::vector<ClickBatchRecord>&) {
                    return ++calls == 2 ? absl::UnavailableError("gone") : absl::OkStatus();
                  })
                  .ok());
  REQUIRE(spool.Append(Record(100)).ok());
  CHECK(Delivered(spool).size() == 101);
}

TEST_CASE("A record that a crash has cut off, or damaged, is left out; those before it are not") {
  testing::TempFolder folder;
  const auto spooled = [&] {
    Spool spool(folder.path());
    for (int i = 0; i < 3; ++i) REQUIRE(spool.Append(Record(i)).ok());
  };
  for (const int cut : {1, 50, 115, 127}) {
    spooled();
    const fs::path file = OnlyFile(folder.path());
    fs::resize_file(file, fs::file_size(file) - static_cast<uintmax_t>(cut));
    Spool spool(folder.path());
    CHECK(Delivered(spool).size() == 2);
  }
  spooled();
  {
    std::fstream file(OnlyFile(folder.path()), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.put('!');
  }
  Spool spool(folder.path());
  CHECK(Delivered(spool).size() == 1);
}

TEST_CASE("A file that another process writes is not touched") {
  testing::TempFolder folder;
  Spool mine(folder.path()), theirs(folder.path());
  REQUIRE(theirs.Append(Record(1)).ok());
  CHECK(Delivered(mine).empty());
  REQUIRE(theirs.Append(Record(2)).ok());
  CHECK(Delivered(theirs).size() == 2);
}

}  // namespace
}  // namespace mo::links

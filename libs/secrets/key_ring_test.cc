#include "libs/secrets/key_ring.h"

#include <catch2/catch.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mo::secrets {
namespace {

std::string Line(const std::string& id, char fill) {
  return absl::StrCat(id, ":", absl::Base64Escape(std::string(32, fill)), "\n");
}

KeyRing Ring(const std::string& text) {
  auto ring = KeyRing::Parse(text);
  REQUIRE(ring.ok());
  return *std::move(ring);
}

TEST_CASE("What is sealed opens again, hides its text, and is never twice the same") {
  const KeyRing ring = Ring(Line("a", 'A'));
  for (const std::string plain : {"", "x", "a long access token of a provider", "\0\1\2"}) {
    const std::string sealed = *ring.Seal(plain, "row/1/2");
    CHECK(*ring.Open(sealed, "row/1/2") == plain);
    CHECK(sealed != *ring.Seal(plain, "row/1/2"));
    if (plain.size() > 2) CHECK_FALSE(absl::StrContains(sealed, plain));
  }
}

TEST_CASE("Every changed bit, every cut and every other owner is refused") {
  const KeyRing ring = Ring(Line("a", 'A'));
  const std::string sealed = *ring.Seal("secret", "row/1/2");
  for (size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string changed = sealed;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    CAPTURE(i);
    CHECK_FALSE(ring.Open(changed, "row/1/2").ok());
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    CHECK_FALSE(ring.Open(sealed.substr(0, size), "row/1/2").ok());
  }
  CHECK(ring.Open(sealed + "x", "row/1/2").status().code() == absl::StatusCode::kDataLoss);
  for (const char* owner : {"row/1/3", "row/2/2", "", "row/1/22"}) {
    CHECK(ring.Open(sealed, owner).status().code() == absl::StatusCode::kDataLoss);
  }
  // Another key under the same name.
  CHECK(Ring(Line("a", 'B')).Open(sealed, "row/1/2").status().code() ==
        absl::StatusCode::kDataLoss);
}

TEST_CASE("Rotation: the first key seals, all open, a removed one does not") {
  const KeyRing before = Ring(Line("a", 'A'));
  const KeyRing during = Ring(absl::StrCat("# keys\n\n", Line("b", 'B'), Line("a", 'A')));
  const KeyRing after = Ring(Line("b", 'B'));
  const std::string old = *before.Seal("secret", "row");
  CHECK(during.newest() == "b");
  CHECK(during.older() == std::vector<std::string>{"a"});
  CHECK(*during.Open(old, "row") == "secret");
  CHECK(after.Open(old, "row").status().code() == absl::StatusCode::kNotFound);
  const std::string anew = *during.Seal(*during.Open(old, "row"), "row");
  CHECK(*after.Open(anew, "row") == "secret");
  CHECK(before.Open(anew, "row").status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("A bad file is refused without a word of what is in it") {
  const std::string good = Line("a", 'A');
  const std::string key = absl::Base64Escape(std::string(32, 'A'));
  for (const std::string& bad :
       {key, "a:" + key.substr(0, 20), "A:" + key, ":" + key, "a:" + key + "AAAA",
        good + "a:" + key, "a-name-of-seventeen:" + key, std::string("a:???")}) {
    const absl::Status status = KeyRing::Parse(bad).status();
    CAPTURE(bad, status.message());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_FALSE(absl::StrContains(status.message(), key.substr(0, 10)));
  }
  const KeyRing none = Ring("");
  CHECK(none.empty());
  CHECK(none.Seal("x", "row").status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Fingerprints tell secrets, owners and keys apart") {
  const KeyRing ring = Ring(Line("a", 'A'));
  const std::string print = ring.Fingerprint("secret", "row/1");
  CHECK(print.size() == 16);
  CHECK(print == ring.Fingerprint("secret", "row/1"));
  CHECK(print != ring.Fingerprint("Secret", "row/1"));
  CHECK(print != ring.Fingerprint("secret", "row/2"));
  CHECK(print != Ring(Line("a", 'B')).Fingerprint("secret", "row/1"));
}

}  // namespace
}  // namespace mo::secrets

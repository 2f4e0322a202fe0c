#include "services/edge/authenticator.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/testing/clock.h"

namespace mo::edge {
namespace {

// The accounts service, answering when told to.
struct Accounts {
  Authenticator::Lookup lookup() {
    return [this](const std::string& secret, const std::string&, Authenticator::Done done) {
      asked.push_back(secret);
      if (hold) {
        held.push_back(std::move(done));
      } else {
        done(answer);
      }
    };
  }
  std::vector<std::string> asked;
  std::vector<Authenticator::Done> held;
  bool hold = false;
  absl::StatusOr<Caller> answer = [] {
    Caller caller;
    caller.account_id = 7;
    caller.scopes = {"*"};
    return caller;
  }();
};

struct Fixture {
  absl::StatusOr<Caller> Ask(const std::string& header) {
    std::optional<absl::StatusOr<Caller>> result;
    authenticator.Authenticate(header, "r",
                               [&](absl::StatusOr<Caller> answer) { result = answer; });
    REQUIRE(result);
    return *result;
  }
  testing::FakeClock clock;
  Accounts accounts;
  Authenticator authenticator{clock, accounts.lookup()};
};

TEST_CASE("Headers that hold no key are refused without asking") {
  Fixture f;
  struct Case {
    std::string header;
    const char* reason;
  };
  const Case cases[] = {{"", "API_KEY_MISSING"},
                        {"Bearer", "API_KEY_INVALID"},
                        {"Bearer  ", "API_KEY_INVALID"},
                        {"Basic abc", "API_KEY_INVALID"},
                        {"Bearer a b", "API_KEY_INVALID"},
                        {"Bearer \xff", "API_KEY_INVALID"},
                        {"Bearer " + std::string(257, 'x'), "API_KEY_INVALID"}};
  for (const Case& c : cases) {
    CAPTURE(c.header);
    const absl::Status status = f.Ask(c.header).status();
    CHECK(absl::IsUnauthenticated(status));
    CHECK(ReasonOf(status) == c.reason);
  }
  CHECK(f.accounts.asked.empty());
}

TEST_CASE("A key is asked about once in five seconds") {
  Fixture f;
  CHECK(f.Ask("Bearer good")->account_id == 7);
  CHECK(f.Ask("bearer  good ")->account_id == 7);
  CHECK(f.accounts.asked == std::vector<std::string>{"good"});
  f.clock.Advance(absl::Milliseconds(4999));
  CHECK(f.Ask("Bearer good").ok());
  CHECK(f.accounts.asked.size() == 1);
  f.clock.Advance(absl::Milliseconds(1));
  f.accounts.answer = Error(absl::StatusCode::kUnauthenticated, "API_KEY_INVALID", "revoked");
  CHECK_FALSE(f.Ask("Bearer good").ok());
  CHECK(f.accounts.asked.size() == 2);
}

TEST_CASE("A refusal is kept for a second, an outage not at all") {
  Fixture f;
  f.accounts.answer = Error(absl::StatusCode::kUnauthenticated, "API_KEY_INVALID", "unknown");
  CHECK_FALSE(f.Ask("Bearer bad").ok());
  CHECK_FALSE(f.Ask("Bearer bad").ok());
  CHECK(f.accounts.asked.size() == 1);
  f.clock.Advance(absl::Seconds(1));
  f.accounts.answer = absl::UnavailableError("down");
  CHECK(absl::IsUnavailable(f.Ask("Bearer bad").status()));
  CHECK(absl::IsUnavailable(f.Ask("Bearer bad").status()));
  CHECK(f.accounts.asked.size() == 3);
}

TEST_CASE("Requests that come while one asks share its answer") {
  Fixture f;
  f.accounts.hold = true;
  int answered = 0;
  for (int i = 0; i < 5; ++i) {
    f.authenticator.Authenticate("Bearer good", "r", [&](const absl::StatusOr<Caller>& answer) {
      CHECK(answer.ok());
      ++answered;
    });
  }
  REQUIRE(f.accounts.held.size() == 1);
  CHECK(answered == 0);
  f.accounts.held[0](f.accounts.answer);
  CHECK(answered == 5);
}

TEST_CASE("A flood of made-up keys does not fill the memory") {
  Fixture f;
  f.accounts.answer = Error(absl::StatusCode::kUnauthenticated, "API_KEY_INVALID", "unknown");
  for (size_t i = 0; i < 3 * Authenticator::kMaxEntries; ++i) {
    CHECK_FALSE(f.Ask(absl::StrCat("Bearer k", i)).ok());
  }
  CHECK(f.authenticator.size() <= Authenticator::kMaxEntries);
}

}  // namespace
}  // namespace mo::edge

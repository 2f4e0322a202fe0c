#include "services/accounts/secret.h"

#include <catch2/catch.hpp>
#include <set>

#include "libs/runtime/errors.h"

namespace mo::accounts {
namespace {

TEST_CASE("Secrets differ and look like secrets") {
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    const std::string secret = NewSecret();
    CHECK(LooksLikeSecret(secret));
    CHECK(made.insert(secret).second);
  }
  CHECK_FALSE(LooksLikeSecret("mo_live_short"));
  CHECK_FALSE(LooksLikeSecret("sk_live_" + NewSecret().substr(8)));
}

TEST_CASE("A sealed secret opens with its key and its id only") {
  const SecretSealer sealer("a key of tests, at least 32 bytes long");
  const SecretSealer other("another key of tests, 32 bytes or more");
  const std::string secret = NewSecret();
  const std::string sealed = sealer.Seal(secret, "key_1");
  CHECK(sealed != sealer.Seal(secret, "key_1"));
  CHECK(sealer.Open(sealed, "key_1").value() == secret);
  CHECK(ReasonOf(sealer.Open(sealed, "key_2").status()) == "SECRET_GONE");
  CHECK(ReasonOf(other.Open(sealed, "key_1").status()) == "SECRET_GONE");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last character may hold bits that no byte takes.
    if (i + 1 < sealed.size()) CHECK_FALSE(sealer.Open(changed, "key_1").ok());
  }
  for (size_t size = 0; size < sealed.size() - 1; ++size)
    CHECK_FALSE(sealer.Open(sealed.substr(0, size), "key_1").ok());
}

}  // namespace
}  // namespace mo::accounts

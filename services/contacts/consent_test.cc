#include <openssl/sha.h>

#include <catch2/catch.hpp>

#include "services/contacts/pool_test.h"

namespace mo::contacts {
namespace {

TEST_CASE("The consent ledger proves every opt-in and opt-out, and cannot be rewritten") {
  Pool pool;
  const std::string sim = pool.AddSim(30);
  for (int i = 0; i < 20; ++i) {
    const std::string id = pool.Write(i + 1, sim, absl::StrCat("+43664", 1000 + i))->contact().id();
    REQUIRE(pool.Stop(id).ok());
  }
  auto role = storage::Connection::Open(pool.env.postgres().UrlAs("mo_contacts"));
  REQUIRE((*role)->Script("SET mo.account_id = '1'").ok());
  auto rows = (*role)->Query(
      "SELECT chain::bigint, seq, contact_id, kind::bigint, (extract(epoch FROM time) * "
      "1000000)::bigint, inbound_id, how, hash FROM contacts.consent ORDER BY chain, seq",
      storage::Parameters());
  REQUIRE(rows.ok());
  REQUIRE(rows->size() == 40);
  int64_t chain = -1, seq = 0;
  std::string hash;
  for (const storage::Row row : *rows) {
    if (row.Int(0) != chain) hash.clear(), seq = 0;
    chain = row.Int(0);
    REQUIRE(row.Int(1) == ++seq);
    const std::string data =
        absl::StrCat(hash, "1|", chain, "|", seq, "|", row.Int(2), "|", row.Int(3), "|", row.Int(4),
                     "|", row.Int(5), "|", row.String(6));
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
    hash.assign(reinterpret_cast<char*>(digest), sizeof(digest));
    CHECK(row.String(7) == hash);
    CHECK(row.String(6) == (row.Int(3) == 1 ? "message" : "test"));
  }
  for (const char* user : {"mo_contacts", "mo_contacts_system"}) {
    auto connection = storage::Connection::Open(pool.env.postgres().UrlAs(user));
    for (const char* sql : {"UPDATE contacts.consent SET kind = 1", "DELETE FROM contacts.consent",
                            "TRUNCATE contacts.consent"}) {
      CHECK((*connection)->Script(sql).status().code() == absl::StatusCode::kPermissionDenied);
    }
  }
}

TEST_CASE("Row-level security: the service's role sees its account's rows only") {
  Pool pool;
  const std::string sim = pool.AddSim(5);
  pool.AddSim(5, NETWORK_WHATSAPP, 2);
  const std::string id = pool.Write(1, sim, "+436641234567")->contact().id();
  REQUIRE(pool.Register("+436641234568").ok());
  REQUIRE(pool.Stop(id).ok());
  CHECK(ReasonOf(pool.Get(id, 2).status()) == "CONTACT_NOT_FOUND");
  v1::RegisterRequest same;
  same.set_network(NETWORK_WHATSAPP);
  same.set_phone("+436641234567");
  auto foreign = pool.contacts.Call(&Stub::Register, pool.env.caller(2), same);
  REQUIRE(foreign.ok());
  CHECK(foreign->contact_id() != id);

  auto connection = storage::Connection::Open(pool.env.postgres().UrlAs("mo_contacts"));
  auto count = [&](const std::string& table) {
    return (*connection)
        ->Query("SELECT count(*) FROM contacts." + table + " WHERE account_id = 1",
                storage::Parameters())
        ->
        operator[](0)
        .Int(0);
  };
  for (const char* table :
       {"contacts", "registrations", "counts", "inbound_seen", "consent", "consent_heads"}) {
    INFO(table);
    REQUIRE((*connection)->Script("SET mo.account_id = '1'").ok());
    CHECK(count(table) > 0);
    REQUIRE((*connection)->Script("SET mo.account_id = '2'").ok());
    CHECK(count(table) == 0);
    REQUIRE((*connection)->Script("SET mo.account_id = ''").ok());
    CHECK(count(table) == 0);
  }
}

}  // namespace
}  // namespace mo::contacts

#include "services/rules/signing.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/rules/errors.h"

namespace mo::rules {
namespace {

constexpr absl::Duration kOverlap = absl::Hours(24);
constexpr size_t kSecretBytes = 32;
constexpr int kResealed = 100;

// Sealed with the secret, so that it opens for its owner only.
std::string SealedFor(const SecretOwner& owner) {
  return absl::StrCat("rules.signing_secrets/", owner.account_id, "/", owner.owner_id);
}

}  // namespace

SigningSecrets::SigningSecrets(App& app, storage::Database& database)
    : app_(app), database_(database) {
  absl::StatusOr<secrets::KeyRing> ring = secrets::KeyRing::Parse(app.options().secret_keys);
  status_ = ring.status();
  if (ring.ok()) ring_ = *std::move(ring);
}

constexpr char kExpireSecrets[] =
    "UPDATE rules.signing_secrets SET expire_time = $3 WHERE account_id = $1 AND owner_id = $2 AND "
    "expire_time IS NULL";
constexpr char kInsertSecret[] =
    "INSERT INTO rules.signing_secrets (account_id, owner_id, id, sealed, key_id) VALUES ($1, $2, "
    "$3, $4, $5)";
absl::StatusOr<std::string> SigningSecrets::Rotate(storage::Transaction& tx,
                                                   int64_t owner_id) const {
  if (!ring_ || ring_->empty()) return SecretsUnavailable();
  std::string secret(kSecretBytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()), kSecretBytes);
  MO_ASSIGN_OR_RETURN(const std::string sealed,
                      ring_->Seal(secret, SealedFor({tx.account_id(), owner_id})));
  tx.Defer(kExpireSecrets, tx.account_id(), owner_id, app_.clock().Now() + kOverlap);
  tx.Defer(kInsertSecret, tx.account_id(), owner_id, app_.ids().Next(), storage::Bytes{sealed},
           ring_->newest());
  return secret;
}

constexpr char kDeleteSecrets[] =
    "DELETE FROM rules.signing_secrets WHERE account_id = $1 AND owner_id = $2";
void SigningSecrets::Delete(storage::Transaction& tx, int64_t owner_id) const {
  tx.Defer(kDeleteSecrets, tx.account_id(), owner_id);
}

constexpr char kSelectSecrets[] =
    "SELECT s.account_id, s.owner_id, s.sealed FROM rules.signing_secrets s JOIN unnest((SELECT "
    "$1::bigint[]), (SELECT $2::bigint[])) AS o (account_id, owner_id) ON s.account_id = "
    "o.account_id AND s.owner_id = o.owner_id WHERE s.expire_time IS NULL OR s.expire_time > $3 "
    "ORDER BY s.id DESC";
absl::StatusOr<Secrets> SigningSecrets::Load(storage::Transaction& tx,
                                             const std::vector<SecretOwner>& owners) const {
  Secrets secrets;
  if (!ring_ || owners.empty()) return secrets;
  std::vector<int64_t> accounts, ids;
  for (const SecretOwner& owner : owners) {
    accounts.push_back(owner.account_id);
    ids.push_back(owner.owner_id);
  }
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectSecrets, accounts, ids, app_.clock().Now()));
  for (const storage::Row row : rows) {
    const SecretOwner owner{row.Int(0), row.Int(1)};
    absl::StatusOr<std::string> secret = ring_->Open(row.String(2), SealedFor(owner));
    if (secret.ok()) {
      secrets[owner].push_back(*std::move(secret));
    } else {
      Log(LogLevel::kError, "a signing secret cannot be opened",
          {{"account", absl::StrCat(owner.account_id)},
           {"error", std::string(secret.status().message())}});
    }
  }
  return secrets;
}

constexpr char kForgetSecrets[] =
    "DELETE FROM rules.signing_secrets WHERE (account_id, owner_id, id) IN (SELECT account_id, "
    "owner_id, id FROM rules.signing_secrets WHERE expire_time < $1 LIMIT 1000)";
constexpr char kSelectOldSecrets[] =
    "SELECT account_id, owner_id, id, sealed FROM rules.signing_secrets WHERE key_id = ANY($1) "
    "LIMIT $2 FOR UPDATE SKIP LOCKED";
constexpr char kReseal[] =
    "UPDATE rules.signing_secrets SET sealed = $4, key_id = $5 WHERE account_id = $1 AND owner_id "
    "= $2 AND id = $3";
absl::StatusOr<bool> SigningSecrets::Maintain() {
  if (!ring_ || ring_->empty()) return false;
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    tx.Defer(kForgetSecrets, app_.clock().Now());
    if (ring_->older().empty()) return false;
    MO_ASSIGN_OR_RETURN(const storage::Result rows,
                        tx.Query(kSelectOldSecrets, ring_->older(), kResealed));
    int resealed = 0;
    for (const storage::Row row : rows) {
      const std::string owner = SealedFor({row.Int(0), row.Int(1)});
      absl::StatusOr<std::string> plain = ring_->Open(row.String(3), owner);
      if (!plain.ok()) continue;  // told when somebody needs it
      MO_ASSIGN_OR_RETURN(const std::string sealed, ring_->Seal(*plain, owner));
      tx.Defer(kReseal, row.Int(0), row.Int(1), row.Int(2), storage::Bytes{sealed},
               ring_->newest());
      ++resealed;
    }
    return resealed == kResealed;
  });
}

std::string ShownSecret(absl::string_view secret) {
  return absl::StrCat("whsec_", absl::Base64Escape(secret));
}

http::Headers SignatureHeaders(const std::string& id, absl::Time now, absl::string_view body,
                               const std::vector<std::string>& secrets) {
  const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(now));
  http::Headers headers = {{"webhook-id", id}, {"webhook-timestamp", timestamp}};
  const std::string text = absl::StrCat(id, ".", timestamp, ".", body);
  std::vector<std::string> signatures;
  for (const std::string& secret : secrets) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &length);
    signatures.push_back(absl::StrCat(
        "v1,", absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(mac), length))));
  }
  if (!signatures.empty()) headers.Add("webhook-signature", absl::StrJoin(signatures, " "));
  return headers;
}

}  // namespace mo::rules

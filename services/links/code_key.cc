#include "services/links/code_key.h"

#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::links {
namespace {

// One row for the whole installation; the first process to start makes it.
constexpr char kInsertKey[] =
    "INSERT INTO links.code_keys (account_id, sealed) VALUES (0, $1) ON CONFLICT DO NOTHING";
constexpr char kLockKey[] = "SELECT sealed FROM links.code_keys WHERE account_id = 0 FOR UPDATE";
constexpr char kUpdateKey[] = "UPDATE links.code_keys SET sealed = $1 WHERE account_id = 0";

}  // namespace

absl::Status CodeKey::Open() {
  MO_ASSIGN_OR_RETURN(const secrets::KeyRing ring,
                      secrets::KeyRing::Parse(app_.options().secret_keys));
  if (ring.empty()) {
    Log(LogLevel::kWarning, "no secret keys: links have no personal codes");
    return absl::OkStatus();
  }
  MO_ASSIGN_OR_RETURN(const std::string fresh, short_codes::ShortCodes::NewKey(ring));
  MO_ASSIGN_OR_RETURN(sealed_, database_.AsSystem([&](storage::Transaction& tx) {
    tx.Defer(kInsertKey, storage::Bytes{fresh});
    return Reseal(tx, ring);
  }));
  MO_ASSIGN_OR_RETURN(codes_, short_codes::ShortCodes::Open(ring, sealed_));
  return absl::OkStatus();
}

absl::StatusOr<std::string> CodeKey::Reseal(storage::Transaction& tx,
                                            const secrets::KeyRing& ring) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kLockKey));
  const std::string kept = rows[0].String(0);
  MO_ASSIGN_OR_RETURN(const short_codes::ShortCodes codes,
                      short_codes::ShortCodes::Open(ring, kept));
  MO_ASSIGN_OR_RETURN(const std::string sealed, codes.Seal(ring));
  tx.Defer(kUpdateKey, storage::Bytes{sealed});
  return sealed;
}

}  // namespace mo::links

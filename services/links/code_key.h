// The installation's key of personal codes.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/secrets/key_ring.h"
#include "libs/short_codes/short_codes.h"
#include "libs/storage/database.h"

namespace mo::links {

// Made at the first start and kept in the database, sealed with --secret_keys_file, so that links
// that were sent stay good when those keys are rotated. Immutable after Open; safe for concurrent
// use.
class CodeKey {
 public:
  CodeKey(App& app, storage::Database& database) : app_(app), database_(database) {}

  // Reads the key, or makes it; seals it anew when an older key has sealed it. Without secret keys
  // there is none.
  absl::Status Open();

  bool available() const { return codes_.has_value(); }
  // For ShortenLinksResponse.
  const std::string& sealed() const { return sealed_; }
  // The number of a personal code, or nothing.
  std::optional<int64_t> Decode(absl::string_view code) const {
    return codes_ ? codes_->Decode(code) : std::nullopt;
  }

 private:
  absl::StatusOr<std::string> Reseal(storage::Transaction& tx, const secrets::KeyRing& ring);

  App& app_;
  storage::Database& database_;
  std::string sealed_;
  std::optional<short_codes::ShortCodes> codes_;
};

}  // namespace mo::links

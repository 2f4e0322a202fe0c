// What forwards are signed with, and how.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/http/message.h"
#include "libs/runtime/app.h"
#include "libs/secrets/key_ring.h"
#include "libs/storage/database.h"

namespace mo::rules {

// Whose secrets they are: an account's webhook, or its rules' forwards (owner 0).
struct SecretOwner {
  int64_t account_id = 0;
  int64_t owner_id = 0;
  friend auto operator<=>(const SecretOwner&, const SecretOwner&) = default;
};

// The secrets that hold now, by owner, newest first.
using Secrets = std::map<SecretOwner, std::vector<std::string>>;

// Keeps them, sealed with the installation's keys. Thread-safe.
class SigningSecrets {
 public:
  SigningSecrets(App& app, storage::Database& database);

  // Whether the keys could be read.
  const absl::Status& status() const { return status_; }
  // Makes a secret for the owner: 32 random bytes. Former ones hold for 24 hours more.
  // SECRETS_UNAVAILABLE when there is no key to seal with.
  absl::StatusOr<std::string> Rotate(storage::Transaction& tx, int64_t owner_id) const;
  // Forgets the owner's secrets.
  void Delete(storage::Transaction& tx, int64_t owner_id) const;
  // Those of the owners, as the system. What cannot be opened is left out and logged.
  absl::StatusOr<Secrets> Load(storage::Transaction& tx,
                               const std::vector<SecretOwner>& owners) const;
  // Forgets those that no longer hold and seals a batch of what older keys have sealed with the
  // newest one; whether there may be more.
  absl::StatusOr<bool> Maintain();

 private:
  App& app_;
  storage::Database& database_;
  absl::Status status_;
  std::optional<secrets::KeyRing> ring_;
};

// A secret as it is shown: "whsec_" and base64 (Standard Webhooks).
std::string ShownSecret(absl::string_view secret);

// The headers webhook-id, webhook-timestamp and, if there is a secret, webhook-signature with one
// "v1,<base64 of HMAC-SHA256 over id.timestamp.body>" for each of them (Standard Webhooks,
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
http::Headers SignatureHeaders(const std::string& id, absl::Time now, absl::string_view body,
                               const std::vector<std::string>& secrets);

}  // namespace mo::rules

// The credentials of SIMs: sealed where they are kept, opened only for who uses them.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/secrets/key_ring.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// A SIM's driver with its credentials. Must not leave the service, nor be logged.
struct OpenedDriver {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  common::Network network = common::NETWORK_UNSPECIFIED;
  std::string address;
  v1::Driver driver;
};

// Keeps them. Safe for concurrent use.
class Credentials {
 public:
  Credentials(App& app, storage::Database& database);

  // Whether the keys could be read.
  const absl::Status& status() const { return status_; }

  // Writes a SIM's driver, in the place of an earlier one; without settings: removes it.
  // SECRETS_UNAVAILABLE when there is no key to seal with.
  absl::Status Save(storage::Transaction& tx, int64_t sim_id, const v1::Driver& driver) const;
  // Opens a SIM's driver within its account; empty settings when it has none.
  absl::StatusOr<v1::Driver> Open(storage::Transaction& tx, int64_t sim_id) const;

  // For the system role: those of all accounts that have this SIM id; or a driver and the id of the
  // SIM, its address, or the id of its business there. What cannot be opened is left out and
  // logged.
  absl::StatusOr<std::vector<OpenedDriver>> FindSim(storage::Transaction& tx, int64_t sim_id) const;
  enum class By { kSender, kAddress, kBusiness };
  absl::StatusOr<std::vector<OpenedDriver>> Find(storage::Transaction& tx,
                                                 const std::string& driver, By by,
                                                 const std::string& value) const;

  // Seals a batch of what older keys have sealed with the newest one; whether there may be more.
  absl::StatusOr<bool> Reseal();

  // Clears the credentials and tells their fingerprints.
  void Conceal(int64_t account_id, int64_t sim_id, v1::Driver& driver) const;
  // The message with a fingerprint in the place of each credential: for comparing requests.
  template <class Request>
  Request Concealed(int64_t account_id, const Request& request) const {
    Request copy = request;
    ConcealInPlace(account_id, copy);
    return copy;
  }
  // Where a SIM's provider must call back to; "" for a device agent and one that is polled.
  std::string CallbackUrl(const v1::Driver& driver, int64_t sim_id) const;

 private:
  void ConcealInPlace(int64_t account_id, google::protobuf::Message& message) const;
  absl::StatusOr<std::vector<OpenedDriver>> OpenAll(const storage::Result& rows) const;

  App& app_;
  storage::Database& database_;
  absl::Status status_;
  std::optional<secrets::KeyRing> ring_;
  prometheus::Gauge& to_reseal_;
  prometheus::Counter& unopened_;
};

}  // namespace mo::sims

// The drivers of SIMs, ready for use.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "services/sims/credentials.h"
#include "services/sims/drivers/driver.h"

namespace mo::sims {

// A SIM and what speaks for it.
struct SimDriver {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  common::Network network = common::NETWORK_UNSPECIFIED;
  std::unique_ptr<Driver> driver;
  // Its receipts carry our keys: one without is of a message that somebody else has sent.
  bool receipts_by_key = false;
  // How long after its last message a contact may be written to freely; zero: always.
  absl::Duration reply_window;
};

// Makes drivers of what is saved, and keeps them for two seconds: that long another process'
// changes may go unnoticed. Safe for concurrent use.
class SimDrivers {
 public:
  using List = std::vector<std::shared_ptr<const SimDriver>>;

  SimDrivers(App& app, storage::Database& database, const Credentials& credentials)
      : app_(app), database_(database), credentials_(credentials) {}

  // The driver of a SIM of any account; null when there is no such SIM or a device agent drives it.
  absl::StatusOr<std::shared_ptr<const SimDriver>> Find(int64_t sim_id);
  // Those of a driver that the provider calls so, or whose business it does: SIMs of several
  // accounts may claim the same.
  absl::StatusOr<List> Find(const std::string& driver, Credentials::By by,
                            const std::string& value);
  // A SIM's driver has changed: nothing that was known before is used again.
  void Forget();

 private:
  using Read = std::function<absl::StatusOr<std::vector<OpenedDriver>>(storage::Transaction& tx)>;
  struct Entry {
    absl::Time until;
    List list;
  };

  absl::StatusOr<List> Lookup(const std::string& key, const Read& read);

  App& app_;
  storage::Database& database_;
  const Credentials& credentials_;
  std::mutex mutex_;
  uint64_t generation_ = 0;
  std::map<std::string, Entry> entries_;
};

}  // namespace mo::sims

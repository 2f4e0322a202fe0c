#include "services/sims/sim_drivers.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/driver_settings.h"
#include "services/sims/drivers/list.h"

namespace mo::sims {
namespace {

constexpr absl::Duration kKept = absl::Seconds(2);
// Strangers may ask for SIMs that there are not; those are remembered as well, but not all of them.
constexpr size_t kMostEntries = 10000;

}  // namespace

absl::StatusOr<std::shared_ptr<const SimDriver>> SimDrivers::Find(int64_t sim_id) {
  MO_ASSIGN_OR_RETURN(const List list,
                      Lookup(absl::StrCat("sim/", sim_id), [&](storage::Transaction& tx) {
                        return credentials_.FindSim(tx, sim_id);
                      }));
  return list.empty() ? nullptr : list.front();
}

absl::StatusOr<SimDrivers::List> SimDrivers::Find(const std::string& driver, Credentials::By by,
                                                  const std::string& value) {
  return Lookup(absl::StrCat(driver, "/", static_cast<int>(by), "/", value),
                [&](storage::Transaction& tx) { return credentials_.Find(tx, driver, by, value); });
}

void SimDrivers::Forget() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  ++generation_;
}

absl::StatusOr<SimDrivers::List> SimDrivers::Lookup(const std::string& key, const Read& read) {
  const absl::Time now = app_.clock().Now();
  uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end() && now < found->second.until) return found->second.list;
    generation = generation_;
  }
  MO_ASSIGN_OR_RETURN(const std::vector<OpenedDriver> opened, database_.ReadAsSystem(read));
  List list;
  for (const OpenedDriver& each : opened) {
    auto driver = MakeDriver(ToSettings(each.driver, each.address));
    if (!driver.ok()) {
      Log(LogLevel::kError, "a SIM's driver is not known",
          {{"sim", FormatId("sim", each.sim_id)}, {"driver", DriverNameOf(each.driver)}});
      continue;
    }
    const bool by_key = (*driver)->capabilities().receipts == ReceiptKind::kByKey;
    const absl::Duration window = (*driver)->limits().window;
    list.push_back(std::make_shared<const SimDriver>(
        SimDriver{each.account_id, each.sim_id, each.network, *std::move(driver), by_key, window}));
  }
  std::lock_guard lock(mutex_);
  if (generation != generation_) return list;  // changed while it was read
  if (entries_.size() >= kMostEntries) entries_.clear();
  entries_[key] = {now + kKept, list};
  return list;
}

}  // namespace mo::sims

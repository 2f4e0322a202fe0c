#include "services/sims/drivers/list.h"

#include "libs/runtime/errors.h"
#include "services/sims/drivers/driver.h"

namespace mo::sims {

const std::vector<DriverEntry>& Drivers() {
  static const std::vector<DriverEntry> drivers = {};
  return drivers;
}

absl::StatusOr<std::unique_ptr<Driver>> MakeDriver(DriverSettings settings) {
  for (const DriverEntry& entry : Drivers()) {
    if (entry.name == settings.driver) return entry.make(std::move(settings));
  }
  return InvalidField("driver", "UNKNOWN_DRIVER", "there is no such driver");
}

}  // namespace mo::sims

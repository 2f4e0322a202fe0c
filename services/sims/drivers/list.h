// All drivers there are.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "services/sims/drivers/settings.h"

namespace mo::sims {

class Driver;

// A driver by the name that settings call it by.
struct DriverEntry {
  absl::string_view name;
  messageorganizer::common::v1::Network network;
  std::unique_ptr<Driver> (*make)(DriverSettings settings);
};

// The list, one line each.
const std::vector<DriverEntry>& Drivers();

// The driver of a SIM. INVALID_REQUEST (driver, UNKNOWN_DRIVER) when there is none
// of that name. Its settings are not checked.
absl::StatusOr<std::unique_ptr<Driver>> MakeDriver(DriverSettings settings);

}  // namespace mo::sims

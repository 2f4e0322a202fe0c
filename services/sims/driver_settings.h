// A SIM's driver in the API, and what it is to the drivers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/drivers/settings.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// The driver's name, e.g. "whatsapp_cloud"; "" without settings: a device agent.
std::string DriverNameOf(const v1::Driver& driver);

// The settings in the drivers' own form.
DriverSettings ToSettings(const v1::Driver& driver, const std::string& address);

// Adds what is wrong with a SIM's driver, by its path in a request ("sim.driver.…"): another
// network's, what is missing, a base URL that must not be called.
void CheckDriver(const v1::Sim& sim, Problems& problems);

// The paths that an update may name: "driver" and each of its settings.
const std::vector<std::string>& DriverPaths();

// Applies the named paths of an update. With "driver" everything but the credentials that are not
// given is replaced; `merge`: only what is given is.
void UpdateDriver(const v1::Driver& from, const std::set<std::string>& paths, bool merge,
                  v1::Sim& to);

}  // namespace mo::sims

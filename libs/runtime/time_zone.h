// Names of time zones.
#pragma once

#include <string>

namespace mo {

// Whether it is the name of a zone of the IANA database, which this machine has. Costs a look at
// the file system.
bool IsTimeZone(const std::string& name);

}  // namespace mo

// What an API key can be allowed.
#pragma once

#include <set>
#include <string>

namespace mo::accounts {

// The scopes that accounts' keys may hold: "*", those of the contracts' methods and of the live
// events; not "operator", "internal" and "public".
const std::set<std::string>& KnownScopes();

}  // namespace mo::accounts

// Scopes that no method's options name.
#pragma once

namespace mo {

// Reads the account's live events: their route is edge's own, no RPC.
inline constexpr char kEventsScope[] = "events:read";

}  // namespace mo

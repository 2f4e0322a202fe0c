// What contacts knows of those whom a broadcast may be sent to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/runtime/client.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"

namespace mo::channels {

// Asks for any number of contacts, for these parameters (Personal::parameters) of each, and for the
// time zone if wanted; contacts that do not exist are not in the answer.
absl::StatusOr<messageorganizer::contacts::v1::ResolveContactsResponse> Resolve(
    Client<messageorganizer::contacts::v1::ContactService>& contacts, const Caller& caller,
    absl::Span<const int64_t> ids, const std::vector<std::string>& parameters = {},
    bool time_zones = false);

}  // namespace mo::channels

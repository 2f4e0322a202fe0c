#include "services/channels/resolve.h"

#include <algorithm>

#include "libs/runtime/status.h"

namespace mo::channels {
namespace {

namespace contacts_v1 = messageorganizer::contacts::v1;

// Most contacts that are resolved by one call.
constexpr size_t kPart = 5000;

}  // namespace

absl::StatusOr<contacts_v1::ResolveContactsResponse> Resolve(
    Client<contacts_v1::ContactService>& contacts, const Caller& caller,
    absl::Span<const int64_t> ids, const std::vector<std::string>& parameters, bool time_zones) {
  contacts_v1::ResolveContactsResponse known;
  for (; !ids.empty(); ids.remove_prefix(std::min(ids.size(), kPart))) {
    const absl::Span<const int64_t> part = ids.subspan(0, kPart);
    contacts_v1::ResolveContactsRequest request;
    request.mutable_contact_ids()->Add(part.begin(), part.end());
    request.mutable_parameters()->Add(parameters.begin(), parameters.end());
    request.set_time_zones(time_zones);
    MO_ASSIGN_OR_RETURN(contacts_v1::ResolveContactsResponse answer,
                        contacts.Call(MO_METHOD(contacts_v1::ContactService, ResolveContacts),
                                      caller.WithKey(""), request));
    for (auto& contact : *answer.mutable_contacts()) *known.add_contacts() = std::move(contact);
  }
  return known;
}

}  // namespace mo::channels

#include "services/rules/sms_courier.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"

namespace mo::rules {

namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace inbox_v1 = messageorganizer::inbox::v1;

Outcome SmsCourier::Send(const Forward& forward) {
  const std::string id = FormatId("fwd", forward.id);
  const Caller caller = ServiceCaller("rules", forward.account_id, id);
  contacts_v1::FindContactRequest find;
  find.set_network(common_v1::NETWORK_SMS);
  find.set_address(forward.request.sms().to());
  const auto contact =
      contacts_.Call(&contacts_v1::ContactService::Stub::FindContact, caller, find);
  if (absl::IsNotFound(contact.status())) {
    return Refused("the number is no contact of the account on SMS");
  }
  if (!contact.ok()) return OutcomeOf(contact.status());
  inbox_v1::SendMessageRequest request;
  request.set_contact_id(contact->id());
  request.mutable_content()->mutable_text()->set_body(forward.request.sms().text());
  request.set_origin(inbox_v1::ORIGIN_RULE);
  return OutcomeOf(inbox_
                       .Call(MO_METHOD(inbox_v1::InboxService, SendMessage),
                             caller.WithKey(absl::StrCat("forward/", id)), request)
                       .status());
}

}  // namespace mo::rules

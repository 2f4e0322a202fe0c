#include "services/rules/act.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::rules {

namespace channels_v1 = messageorganizer::channels::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace inbox_v1 = messageorganizer::inbox::v1;

namespace {

// What another decision about the same message has done under this name stays as it is: channels
// and texts may have changed between two attempts.
bool WasDone(const absl::Status& status) { return ReasonOf(status) == "IDEMPOTENCY_KEY_REUSED"; }

// A refusal that stays one: the channel is gone, an agent has stopped the contact.
bool IsRefused(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status);
}

}  // namespace

absl::StatusOr<std::vector<v1::Action>> Actor::Act(const Caller& caller,
                                                   const std::string& message_id,
                                                   const Target& contact,
                                                   const Decision& decision) {
  std::vector<v1::Action> done;
  for (const Step& step : decision.steps) {
    const Caller once = caller.WithKey(absl::StrCat("rule/", message_id, "/", step.name));
    const absl::Status status = Do(once, contact, step);
    if (status.ok() || WasDone(status)) {
      done.push_back(step.action);
    } else if (IsRefused(status)) {
      Log(LogLevel::kInfo, "rule's action refused",
          {{"message", message_id}, {"action", step.name}, {"reason", ReasonOf(status)}});
    } else {
      return status;
    }
  }
  return done;
}

absl::Status Actor::Do(const Caller& caller, const Target& contact, const Step& step) {
  const v1::Action& action = step.action;
  switch (action.kind()) {
    case v1::ACTION_KIND_ANSWER: {
      inbox_v1::SendMessageRequest request;
      request.set_contact_id(contact.id);
      if (action.has_content()) {
        *request.mutable_content() = action.content();
      } else {
        request.mutable_content()->mutable_text()->set_body(action.text());
      }
      request.set_origin(inbox_v1::ORIGIN_RULE);
      request.set_stop_confirmation(step.confirms_stop);
      if (contact.known != nullptr && !step.confirms_stop)
        *request.mutable_contact() = *contact.known;
      return inbox_.Call(MO_METHOD(inbox_v1::InboxService, SendMessage), caller, request).status();
    }
    case v1::ACTION_KIND_SUBSCRIBE: {
      channels_v1::SubscribeRequest request;
      request.set_channel_id(action.channel_id());
      request.set_contact_id(contact.id);
      return channels_.Call(MO_METHOD(channels_v1::ChannelService, Subscribe), caller, request)
          .status();
    }
    case v1::ACTION_KIND_UNSUBSCRIBE: {
      if (action.channel_id().empty()) {
        channels_v1::UnsubscribeAllRequest request;
        request.set_contact_id(contact.id);
        return channels_
            .Call(MO_METHOD(channels_v1::ChannelService, UnsubscribeAll), caller, request)
            .status();
      }
      channels_v1::UnsubscribeRequest request;
      request.set_channel_id(action.channel_id());
      request.set_contact_id(contact.id);
      return channels_.Call(MO_METHOD(channels_v1::ChannelService, Unsubscribe), caller, request)
          .status();
    }
    case v1::ACTION_KIND_STOP_CONTACT: {
      contacts_v1::StopContactRequest request;
      request.set_id(contact.id);
      return contacts_.Call(MO_METHOD(contacts_v1::ContactService, StopContact), caller, request)
          .status();
    }
    case v1::ACTION_KIND_FORWARD:
      return absl::OkStatus();  // queued with the evaluation
    default:
      return absl::InvalidArgumentError("no such action");
  }
}

}  // namespace mo::rules

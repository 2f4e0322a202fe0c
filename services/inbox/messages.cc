#include "services/inbox/messages.h"

#include <optional>

#include "absl/strings/strip.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "libs/text/content.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/inbox/conversation_store.h"
#include "services/inbox/errors.h"

namespace mo::inbox {

namespace common_v1 = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace links_v1 = messageorganizer::links::v1;
namespace media_v1 = messageorganizer::media::v1;
namespace sims_v1 = messageorganizer::sims::v1;

namespace {

constexpr absl::Duration kFarthest = absl::Hours(24 * 366);
// A page of received messages has hardly more: an answer of 16 MiB is the largest.
constexpr size_t kMostBytes = 4 << 20;
// A send_time that a slow client or a wrong clock has let pass means now.
constexpr absl::Duration kLateness = absl::Minutes(1);

// As PostgreSQL keeps it.
absl::Time Micros(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

// What a rule says is rendered already; a customer's name in it may look like a placeholder.
bool IsRendered(const v1::SendMessageRequest& request) {
  return request.origin() == v1::ORIGIN_RULE;
}

absl::Status CheckRequest(const Caller& caller, const v1::SendMessageRequest& request) {
  Problems problems;
  if (!caller.internal()) {
    if (request.origin() == v1::ORIGIN_RULE || request.origin() == v1::ORIGIN_BROADCAST) {
      problems.Add("origin", "SERVICES_ONLY", "this one is set by the product itself");
    }
    if (request.stop_confirmation()) {
      problems.Add("stop_confirmation", "SERVICES_ONLY", "is set by the product itself");
    }
    if (request.has_contact()) {
      problems.Add(request.contact().id().empty() ? "contact" : "contact.id", "SERVICES_ONLY",
                   "is set by the product itself");
    }
  }
  if (!IsRendered(request)) {
    text::CheckOutbound(request.content(), "content", {"name"}, problems);
  }
  return problems.ToStatus();
}

common_v1::Content Personal(const common_v1::Content& content,
                            const contacts_v1::Contact& contact) {
  return text::RenderContent(content, [&](absl::string_view name) -> absl::optional<std::string> {
    if (name == "name") return contact.display_name();
    absl::ConsumePrefix(&name, "attributes.");
    const auto value = contact.attributes().find(std::string(name));
    if (value == contact.attributes().end()) return absl::nullopt;
    return value->second;
  });
}

absl::Status CheckContact(const contacts_v1::Contact& contact, bool stop_confirmation) {
  const bool stopped = contact.state() == contacts_v1::CONTACT_STATE_STOPPED;
  if (stop_confirmation && !stopped) return ContactNotStopped();
  if (!stop_confirmation && stopped) return ContactStopped();
  if (!stopped && contact.state() != contacts_v1::CONTACT_STATE_ACTIVE) return ContactPending();
  return contact.sim_id().empty() ? ContactWithoutSim() : absl::OkStatus();
}

}  // namespace

absl::Status Messages::CheckMedia(const Caller& caller, const common_v1::Content& content) {
  const text::FileIn file = text::FileOf(content);
  if (file.media_id.empty()) return absl::OkStatus();
  media_v1::GetMediaRequest get;
  get.set_id(file.media_id);
  return WithField(
      media_.Call(&media_v1::MediaService::Stub::GetMedia, caller.WithKey(""), get).status(),
      absl::StrCat("content", file.path));
}

absl::StatusOr<v1::Message> Messages::Send(const Caller& caller,
                                           const v1::SendMessageRequest& request) {
  MO_RETURN_IF_ERROR(CheckRequest(caller, request));
  MO_RETURN_IF_ERROR(CheckMedia(caller, request.content()));
  const absl::StatusOr<Contact> contact = ContactOf(caller, request);
  absl::StatusOr<Outbound> draft =
      contact.ok() ? Draft(*contact, request)
                   : absl::StatusOr<Outbound>(WithField(contact.status(), "contact_id"));
  if (draft.ok() && request.track_links()) {
    if (const absl::Status tracked = TrackLinks(caller, draft->message); !tracked.ok())
      draft = tracked;
  }
  // What a caller knew of the contact does not make another request.
  v1::SendMessageRequest asked = request;
  asked.clear_contact();
  MO_ASSIGN_OR_RETURN(
      v1::Message sent,
      database_.Once<v1::Message>(caller, asked,
                                  [&](storage::Transaction& tx) -> absl::StatusOr<v1::Message> {
                                    // Here, so that a repeated request gets its answer whatever has
                                    // become of the contact since.
                                    MO_RETURN_IF_ERROR(draft.status());
                                    Outbound outbound = *draft;
                                    outbound.account_id = caller.account_id;
                                    MO_RETURN_IF_ERROR(Keep(tx, outbound, caller.request_id));
                                    return outbound.message;
                                  }));
  const bool fresh = draft.ok() && draft->message.id() == sent.id();
  if (fresh && draft->phase == Phase::kSubmitting) {
    Outbound outbound = *draft;
    outbound.account_id = caller.account_id;
    submitter_.Submit(std::move(outbound), contact->address());
  }
  return sent;
}

absl::StatusOr<Messages::Contact> Messages::ContactOf(const Caller& caller,
                                                      const v1::SendMessageRequest& request) {
  if (request.has_contact() && request.contact().id() == request.contact_id()) {
    return request.contact();
  }
  contacts_v1::GetContactRequest get;
  get.set_id(request.contact_id());
  return contacts_.Call(&contacts_v1::ContactService::Stub::GetContact, caller.WithKey(""), get);
}

absl::StatusOr<Outbound> Messages::Draft(const Contact& contact,
                                         const v1::SendMessageRequest& request) const {
  MO_RETURN_IF_ERROR(CheckContact(contact, request.stop_confirmation()));

  const absl::Time now = Micros(app_.clock().Now());
  const absl::Time send_time = Micros(FromProto(request.send_time()));
  if (request.has_send_time() && send_time < now - kLateness) {
    return InvalidField("send_time", "IN_THE_PAST", "must not be in the past");
  }
  if (send_time > now + kFarthest) {
    return InvalidField("send_time", "OUT_OF_RANGE", "must be at most a year ahead");
  }
  Outbound outbound;
  v1::Message& message = outbound.message;
  message.set_id(FormatId("msg", app_.ids().Next()));
  message.set_contact_id(contact.id());
  message.set_sim_id(contact.sim_id());
  message.set_direction(v1::DIRECTION_OUTBOUND);
  *message.mutable_content() =
      IsRendered(request) ? request.content() : Personal(request.content(), contact);
  if (message.content().has_text() && message.content().text().body().empty()) {
    return InvalidField("content.text.body", "REQUIRED", "is empty for this contact");
  }
  message.set_state(common_v1::DELIVERY_STATE_QUEUED);
  *message.mutable_create_time() = ToProto(now);
  message.set_origin(request.origin() == v1::ORIGIN_UNSPECIFIED ? v1::ORIGIN_API
                                                                : request.origin());
  outbound.stop_confirmation = request.stop_confirmation();
  if (send_time > now) {
    *message.mutable_send_time() = ToProto(send_time);
    outbound.phase = Phase::kWaits;
    outbound.due_time = send_time;
  } else {
    outbound.phase = Phase::kSubmitting;
    outbound.due_time = submitter_.RetryTime();
  }
  return outbound;
}

absl::Status Messages::TrackLinks(const Caller& caller, v1::Message& message) {
  common_v1::Content content = message.content();
  const auto mark = [](size_t) { return std::string(); };
  links_v1::ShortenLinksRequest shorten;
  for (std::string& url : tracking::MarkUrls(content, mark)) shorten.add_urls(std::move(url));
  if (shorten.urls().empty()) return absl::OkStatus();
  if (static_cast<size_t>(shorten.urls_size()) > tracking::kMaxUrls)
    return InvalidField("track_links", "TOO_MANY", "more than 100 different URLs");
  shorten.set_key(message.id());
  shorten.set_recipients(1);
  shorten.mutable_assignment()->set_message_id(message.id());
  shorten.mutable_assignment()->set_contact_id(message.contact_id());
  MO_ASSIGN_OR_RETURN(const tracking::PersonalLinks links, tracker_.Shorten(caller, shorten));
  const std::vector<std::string> own = links.Of(0);
  tracking::MarkUrls(*message.mutable_content(), [&](size_t n) { return own[n]; });
  return absl::OkStatus();
}

absl::Status Messages::Keep(storage::Transaction& tx, const Outbound& outbound,
                            const std::string& request_id) {
  v1::MessageCreated event;
  if (outbound.message.origin() == v1::ORIGIN_AGENT) {
    MO_ASSIGN_OR_RETURN(const std::optional<absl::Time> since,
                        EndWaiting(tx, IdOf(outbound.message.contact_id())));
    if (since) *event.mutable_waiting_since() = ToProto(*since);
  }
  InsertOutbound(tx, outbound);
  // A delayed one stands in the list of conversations when it is sent.
  if (outbound.phase != Phase::kWaits) {
    TouchConversations(tx, {{outbound.account_id, &outbound.message}});
  }
  *event.mutable_message() = outbound.message;
  return outbox_.Append(tx, outbound.account_id, outbound.message.contact_id(), event, request_id);
}

absl::StatusOr<v1::Message> Messages::Get(const Caller& caller,
                                          const v1::GetMessageRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectMessage(tx, tx.account_id(), IdOf(request.id()));
  });
}

absl::StatusOr<v1::Message> Messages::Cancel(const Caller& caller,
                                             const v1::CancelMessageRequest& request) {
  MO_ASSIGN_OR_RETURN(Outbound outbound, CancelWaiting(caller, IdOf(request.id())));
  v1::Message& message = outbound.message;
  if (message.state() == common_v1::DELIVERY_STATE_SKIPPED &&
      message.reason() == common_v1::DELIVERY_REASON_CANCELED) {
    return message;
  }
  if (message.state() != common_v1::DELIVERY_STATE_QUEUED) return MessageNotCancelable();
  // Holds for a dispatch that is only now being submitted too.
  sims_v1::ControlGroupRequest control;
  control.set_group(message.id());
  control.set_control(sims_v1::GROUP_CONTROL_CANCEL);
  MO_RETURN_IF_ERROR(
      dispatches_.Call(&sims_v1::DispatchService::Stub::ControlGroup, caller.WithKey(""), control)
          .status());
  return message;
}

// The message, canceled if it was waiting for its send_time.
absl::StatusOr<Outbound> Messages::CancelWaiting(const Caller& caller, int64_t id) {
  return database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<Outbound> {
    MO_ASSIGN_OR_RETURN(Outbound outbound, LockMessage(tx, tx.account_id(), id));
    if (outbound.phase != Phase::kWaits) return outbound;
    MO_ASSIGN_OR_RETURN(const std::optional<v1::Message> canceled,
                        RaiseState(tx, tx.account_id(), id, common_v1::DELIVERY_STATE_SKIPPED,
                                   common_v1::DELIVERY_REASON_CANCELED));
    if (!canceled) return outbound;
    outbound.message = *canceled;
    v1::MessageStateChanged event;
    *event.mutable_message() = *canceled;
    MO_RETURN_IF_ERROR(
        outbox_.Append(tx, tx.account_id(), canceled->contact_id(), event, caller.request_id));
    return outbound;
  });
}

absl::StatusOr<v1::ListReceivedResponse> Messages::ListReceived(
    const Caller& caller, const v1::ListReceivedRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  // An id grows with the moment at which it was given: that is when the message came.
  MO_ASSIGN_OR_RETURN(
      const int64_t first,
      storage::PageKey(request.page_token(), FirstIdAt(FromProto(request.start_time()))));
  const int64_t end = FirstIdAt(FromProto(request.end_time()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Message> messages,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectReceived(tx, first, end, size + 1);
                      }));
  v1::ListReceivedResponse response;
  size_t bytes = 0;
  for (v1::Message& message : messages) {
    const int64_t id = IdOf(message.id());
    if (response.messages_size() == size || bytes > kMostBytes) {
      response.set_next_page_token(storage::PageToken(id));
      break;
    }
    bytes += message.ByteSizeLong();
    v1::ReceivedMessage& received = *response.add_messages();
    *received.mutable_receive_time() = ToProto(TimeOfId(id));
    *received.mutable_message() = std::move(message);
  }
  return response;
}

}  // namespace mo::inbox

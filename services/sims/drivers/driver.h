// The contract of drivers: what a network's messages look like on the wire.
//
// A driver is pure: it turns a message into requests, a response into an outcome, a callback's
// bytes into events. It opens no connection, keeps no clock and stores nothing, so its tests are
// tables and its parsers can be fuzzed. Connections, concurrency, time-outs and repetitions are
// ProviderSession's; what follows from an error is in consequences.h.
//
// One instance speaks for one SIM. All methods are const and may be called from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/http/client.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/drivers/errors.h"
#include "services/sims/drivers/settings.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// How receipts find their message.
enum class ReceiptKind {
  kNone,       // the network has none
  kByKey,      // they carry our key
  kById,       // they name the provider's id
  kWatermark,  // "everything up to this time"
};

// How files get to the provider.
enum class UploadKind {
  kNone,      // never: media need a URL that the provider can reach
  kBefore,    // by a request of its own (Upload); the message then names the id it got
  kWithSend,  // in the message's own request, whose outcome may name an id for the next time
};

// What can be done over a driver.
struct Capabilities {
  bool text = true;
  bool image = false;
  bool audio = false;
  bool video = false;
  bool document = false;
  bool location = false;
  bool templates = false;
  bool groups = false;        // messages to groups
  bool join_groups = false;   // joining one by its link
  bool leave_groups = false;  // leaving one
  bool idempotent = false;    // the provider takes the same key only once
  bool echoes_key = false;    // what the provider reports of a message carries our key
  bool polls = false;         // may be asked for events (Poll) instead of calling back
  ReceiptKind receipts = ReceiptKind::kNone;
  UploadKind upload = UploadKind::kNone;
};

// What the network allows. Zero: no limit known.
struct Limits {
  size_t text_characters = 0;         // longer ones are refused before anything is sent
  size_t caption_characters = 0;      // the same of captions
  double messages_per_second = 0;     // of the SIM
  absl::Duration pair_interval;       // between two messages to one recipient, on average
  int pair_burst = 1;                 // of them at once, borrowed from what follows
  int group_messages_per_minute = 0;  // to one group
  int unique_recipients_per_day = 0;  // outside of open windows, moving 24 hours
  absl::Duration window;              // after a contact's message; zero: no window
  absl::Duration person_window;       // the same of what a person writes, if that is longer
  absl::Duration media_id_time;       // how long an uploaded file's id may be used
  int connections = 16;               // at once; more requests wait
  absl::Duration request_timeout = absl::Seconds(30);
};

// A file that goes to the provider.
struct MediaFile {
  std::string id;  // "med_…"
  common::MediaKind kind = common::MEDIA_KIND_UNSPECIFIED;
  std::string mime_type;
  std::string filename;
  std::string data;
};

// What a message is to the network, where that makes a difference.
enum class Purpose {
  kAnswer,      // to what the recipient has written
  kBulk,        // a broadcast
  kHumanAgent,  // written by a person, maybe after the window has closed
};

// One message to one recipient, everything filled in. Refers to what its owner keeps meanwhile.
struct Outgoing {
  // Ours: DeliveryKey.
  int64_t key = 0;
  // The recipient's or group's address on the network.
  absl::string_view address;
  // Without placeholders.
  const common::Content& content;
  // Of media with a media_id, where the driver uploads: the provider's id for it if it is known,
  // else (kWithSend) the file.
  absl::string_view provider_media_id = {};
  const MediaFile* file = nullptr;
  Purpose purpose = Purpose::kAnswer;
};

// What became of a request that belongs to a message.
struct SendOutcome {
  ErrorClass error = ErrorClass::kNone;  // kNone: the provider has taken it
  std::string provider_id;               // the message's id at the provider, "" if it names none
  int code = 0;                          // the provider's own number of the error, for logs
  absl::Duration retry_after;            // what the provider asks for; zero: it does not say
  std::string new_address;               // kRecipientMoved
  std::string provider_media_id;         // kWithSend: how the file is named from now on
  // The recipient's other addresses that the provider tells with the answer.
  std::string recipient_id;
  bool accepted() const { return error == ErrorClass::kNone; }
};

// A provider's id for an uploaded file, or why there is none.
struct UploadOutcome {
  ErrorClass error = ErrorClass::kNone;
  int code = 0;
  absl::Duration retry_after = absl::ZeroDuration();
  std::string provider_media_id = {};
};

// An HTTP request that reached us from the provider, or claims so.
struct Callback {
  absl::string_view method;  // "GET", "POST"
  absl::string_view query;   // after "?", still encoded
  const http::Headers& headers;
  absl::string_view body;  // the raw bytes
};

// A file at the provider, of an inbound message.
struct RemoteMedia {
  std::string provider_id;
  std::string url;  // where it is, if the callback says so; such URLs are good for minutes
  std::string mime_type;
  std::string sha256;  // base64, if the provider tells
  int64_t size_bytes = 0;
};

// A message that somebody wrote.
struct InboundMessage {
  v1::Inbound message;  // ready for the ledger; its content's media has no place of ours yet
  std::optional<RemoteMedia> media;
  // What an invitation's link carried along (deep links, referrals), "" if nothing.
  std::string start_payload;
  // The provider's id of the message that it answers, "" if none.
  std::string reply_to;
};

// What has become of a message that we sent.
struct ReceiptEvent {
  int64_t key = 0;          // ours, if the provider echoes it
  std::string provider_id;  // the provider's id of the message
  common::DeliveryState state =
      common::DELIVERY_STATE_UNSPECIFIED;  // SENT, DELIVERED, READ, FAILED
  ErrorClass error = ErrorClass::kNone;    // of FAILED
  int code = 0;
  std::string address;  // the recipient, if it is told; needed with a watermark
  // Set: holds for everything sent to `address` until then, not for one message.
  std::optional<absl::Time> watermark;
  absl::Time time;
};

// A contact has told the network what it wants, rather than us.
struct ConsentEvent {
  std::string address;
  bool stopped = false;    // else: it wants messages again
  bool marketing = false;  // only of that kind
  absl::Time time;
};

// A contact or group goes by another address from now on.
struct MovedEvent {
  std::string old_address;
  std::string new_address;
};

// Something about the SIM itself.
struct HealthEvent {
  enum class Kind {
    kBlocked,       // the network has blocked it
    kUnblocked,     // not any more
    kWarning,       // a violation was noted; somebody should look
    kQuality,       // `detail` says how good the network thinks it is: GREEN, YELLOW, RED
    kLimits,        // the network's limits have changed; `value`: new limit, if told
    kTemplate,      // a template's approval has changed: `name` ("<name>/<language>"), `detail`
    kUnauthorized,  // its credentials do not hold any more
  };
  Kind kind = Kind::kWarning;
  std::string name;
  std::string detail;  // the provider's word, e.g. "DISABLED_UPDATE"
  int64_t value = 0;
  absl::Time time;
};

// All that a callback says of one SIM.
struct SenderEvents {
  // The SIM's id at the provider; "": the SIM whose callback it is. A provider may speak of several
  // SIMs, and of several tenants, in one callback.
  std::string sender_id;
  // The SIM's address, where the provider tells that instead.
  std::string sender_address;
  // With neither: everything concerns all SIMs of this business, not only one.
  std::string business_id;
  std::vector<InboundMessage> inbound;
  std::vector<ReceiptEvent> receipts;
  std::vector<v1::GroupMembership> groups;
  std::vector<ConsentEvent> consents;
  std::vector<MovedEvent> moved;
  std::vector<HealthEvent> health;
};

// A callback, understood.
struct CallbackEvents {
  std::vector<SenderEvents> senders;
  // How many things were understood but are of no use here, or not understood at all.
  int ignored = 0;
  // What the provider wants to read in the 200 that it gets once the events are durable.
  std::string answer;
  std::string answer_type = "text/plain; charset=utf-8";
};

// An answer that needs nothing to be durable.
struct CallbackAnswer {
  int status = 200;
  std::string body;
};

// Events that were asked for.
struct Polled {
  CallbackEvents events;
  std::string cursor;  // for the next Poll, once the events are durable
};

// A part of a business' catalogue of templates.
struct TemplatePage {
  std::vector<v1::SimTemplate> templates;
  std::string next;  // the next page's cursor, "" after the last one
};

// One SIM's provider. Requests go to http or https URLs below the settings' base_url, except for
// files that the provider itself points elsewhere for.
class Driver {
 public:
  explicit Driver(DriverSettings settings) : settings_(std::move(settings)) {}
  virtual ~Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  const DriverSettings& settings() const { return settings_; }
  virtual common::Network network() const = 0;
  virtual const Capabilities& capabilities() const = 0;
  virtual const Limits& limits() const = 0;

  // --- Credentials -------------------------------------------------------------------------------
  // OK, or INVALID_REQUEST with what is missing or malformed, by its name in DriverSettings.
  virtual absl::Status CheckSettings() const = 0;
  // A request that shows whether the provider takes the credentials; none: cannot be asked.
  virtual std::optional<http::ClientRequest> Probe() const { return std::nullopt; }
  // kNone: it does.
  virtual ErrorClass ParseProbe(const http::Response&) const { return ErrorClass::kNone; }
  // Tells the provider where to call back; none: that is done by hand, or with every message.
  virtual std::optional<http::ClientRequest> Subscribe() const { return std::nullopt; }

  // --- Sending -----------------------------------------------------------------------------------
  // The requests of one message, at least one, to be made one after the other; the message has
  // arrived when the first one succeeds, the others bring what the network cannot carry with it (a
  // caption). An error is the outcome: nothing is to be sent. The key goes along wherever the
  // provider takes or echoes one.
  virtual SendOutcome MakeRequests(const Outgoing& message,
                                   std::vector<http::ClientRequest>& requests) const = 0;
  // What a response means. Never throws, whatever the bytes.
  virtual SendOutcome ParseResponse(const http::Response& response) const = 0;
  // UploadKind::kBefore: brings a file to the provider.
  virtual http::ClientRequest Upload(const MediaFile&) const { return {}; }
  virtual UploadOutcome ParseUpload(const http::Response&) const {
    return {ErrorClass::kMediaRefused};
  }

  // --- Templates ---------------------------------------------------------------------------------
  // A page of the catalogue; `cursor`: of the page before, "" at first. None: there is no
  // catalogue, or its owner is not known.
  virtual std::optional<http::ClientRequest> ListTemplates(absl::string_view /*cursor*/) const {
    return std::nullopt;
  }
  // INVALID_ARGUMENT: not understood. PERMISSION_DENIED: refused.
  virtual absl::StatusOr<TemplatePage> ParseTemplates(const http::Response&) const {
    return absl::UnimplementedError("this network has no templates");
  }

  // --- Callbacks ---------------------------------------------------------------------------------
  // Answers the provider's question whether the callback is ours, if it is one.
  virtual std::optional<CallbackAnswer> Handshake(const Callback&) const { return std::nullopt; }
  // OK: it comes from the provider. Compares in constant time. PERMISSION_DENIED otherwise.
  virtual absl::Status Verify(const Callback& callback) const = 0;
  // The events of a verified callback. INVALID_ARGUMENT: not the provider's format at all; parts
  // that are not understood are ignored and counted. `now` stands in for missing times.
  virtual absl::StatusOr<CallbackEvents> ParseCallback(const Callback& callback,
                                                       absl::Time now) const = 0;
  // Capabilities::polls: asks for what has happened after the cursor ("": from the beginning).
  virtual http::ClientRequest Poll(absl::string_view /*cursor*/) const { return {}; }
  virtual absl::StatusOr<Polled> ParsePoll(const http::Response&, absl::Time /*now*/) const {
    return absl::UnimplementedError("this network calls back");
  }

  // --- Inbound media -----------------------------------------------------------------------------
  // The next request on the way to a file, and whether its response is the file. `previous` is the
  // response to the request before, null at first.
  struct FetchStep {
    http::ClientRequest request;
    bool is_file = false;
  };
  virtual absl::StatusOr<FetchStep> FetchMedia(const RemoteMedia&,
                                               const http::Response* /*previous*/) const {
    return absl::UnimplementedError("this network has no media");
  }

  // --- Groups ------------------------------------------------------------------------------------
  // Capabilities::leave_groups: takes the SIM out of a group; answered like a message.
  virtual std::optional<http::ClientRequest> LeaveGroup(absl::string_view /*group_id*/) const {
    return std::nullopt;
  }

 private:
  const DriverSettings settings_;
};

}  // namespace mo::sims

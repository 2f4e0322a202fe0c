#include "services/sims/drivers/whatsapp_cloud.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {

bool IsWhatsAppPhone(absl::string_view address) {
  // Groups' ids are longer than any phone number.
  if (!address.empty() && address.front() == '+') address.remove_prefix(1);
  return AllDigits(address) && address.size() <= 15;
}

bool IsWhatsAppUserId(absl::string_view address) {
  return address.size() > 3 && address.size() <= 131 && absl::ascii_isupper(address[0]) &&
         absl::ascii_isupper(address[1]) && address[2] == '.' &&
         std::all_of(address.begin() + 3, address.end(), absl::ascii_isalnum);
}

WhatsAppCloud::WhatsAppCloud(DriverSettings settings)
    : MetaDriver(std::move(settings)),
      messages_url_(
          absl::StrCat(GraphUrl(this->settings()), "/", this->settings().sender_id, "/messages")),
      authorization_(absl::StrCat("Bearer ", this->settings().access_token)) {}

const Capabilities& WhatsAppCloud::capabilities() const {
  static const Capabilities capabilities = [] {
    Capabilities c;
    c.image = c.audio = c.video = c.document = c.location = true;
    c.templates = true;
    c.groups = true;
    c.echoes_key = true;
    c.receipts = ReceiptKind::kByKey;
    c.upload = UploadKind::kBefore;
    return c;
  }();
  return capabilities;
}

const Limits& WhatsAppCloud::limits() const {
  static const Limits limits = [] {
    Limits l;
    l.text_characters = 4096;
    l.caption_characters = 1024;
    l.messages_per_second = 80;
    l.pair_interval = absl::Seconds(6);
    l.pair_burst = 45;
    l.unique_recipients_per_day = 250;
    l.window = absl::Hours(24);
    l.media_id_time = absl::Hours(29 * 24);  // Meta keeps them for 30 days
    l.connections = 64;
    return l;
  }();
  return limits;
}

std::optional<http::ClientRequest> WhatsAppCloud::Probe() const {
  return GraphRequest(settings(), "GET",
                      absl::StrCat("/", settings().sender_id, "?fields=verified_name"));
}

ErrorClass WhatsAppCloud::ParseProbe(const http::Response& response) const {
  if (response.status == 200) return ErrorClass::kNone;
  const Json body = ParseJson(response.body);
  if (!At(body, "error").is_object()) return ErrorClass::kRetry;
  return WhatsAppError(IntAt(At(body, "error"), "code"), response.status);
}

SendOutcome WhatsAppCloud::ParseResponse(const http::Response& response) const {
  SendOutcome outcome;
  const Json body = ParseJson(response.body);
  const Json& error = At(body, "error");
  if (error.is_object()) {
    const int64_t code = IntAt(error, "code");
    outcome.code = static_cast<int>(code);
    outcome.error = WhatsAppError(code, response.status);
    outcome.retry_after = RetryAfter(response);
    return outcome;
  }
  if (response.status == 200) {
    outcome.provider_id = TextAt(At(At(body, "messages"), size_t{0}), "id");
    outcome.recipient_id = TextAt(At(At(body, "contacts"), size_t{0}), "user_id");
    // Taken, as it seems; without an id nobody can be sure.
    if (outcome.provider_id.empty()) outcome.error = ErrorClass::kUnknownOutcome;
    return outcome;
  }
  // Not Meta's own words: something between it and us.
  outcome.code = response.status;
  outcome.retry_after = RetryAfter(response);
  if (response.status == 429) {
    outcome.error = ErrorClass::kThrottled;
  } else if (response.status >= 500 && response.status != 503) {
    outcome.error = ErrorClass::kUnknownOutcome;
  } else {
    outcome.error = ErrorClass::kRetry;
  }
  return outcome;
}

http::ClientRequest WhatsAppCloud::Upload(const MediaFile& file) const {
  std::string type;
  std::string body = http::EncodeMultipart(
      {{"messaging_product", "", "", "whatsapp"},
       {"type", "", "", file.mime_type},
       {"file", file.filename.empty() ? file.id : file.filename, file.mime_type, file.data}},
      &type);
  http::ClientRequest request =
      GraphRequest(settings(), "POST", absl::StrCat("/", settings().sender_id, "/media"));
  request.headers.Set("Content-Type", std::move(type));
  request.body = std::move(body);
  request.timeout = absl::Minutes(2);
  return request;
}

UploadOutcome WhatsAppCloud::ParseUpload(const http::Response& response) const {
  const Json body = ParseJson(response.body);
  UploadOutcome outcome;
  outcome.provider_media_id = response.status == 200 ? TextAt(body, "id") : "";
  if (!outcome.provider_media_id.empty()) return outcome;
  outcome.retry_after = RetryAfter(response);
  // Uploading twice does no harm.
  outcome.error = ErrorClass::kMediaRetry;
  if (const Json& error = At(body, "error"); error.is_object()) {
    outcome.code = static_cast<int>(IntAt(error, "code"));
    outcome.error = WhatsAppError(outcome.code, response.status);
    if (outcome.error == ErrorClass::kMessageRefused) outcome.error = ErrorClass::kMediaRefused;
  } else if (response.status == 429) {
    outcome.error = ErrorClass::kThrottled;
  }
  return outcome;
}

absl::StatusOr<Driver::FetchStep> WhatsAppCloud::FetchMedia(const RemoteMedia& media,
                                                            const http::Response* previous) const {
  if (previous == nullptr && media.url.empty()) {
    const std::string path = absl::StrCat("/", http::PercentEncode(media.provider_id),
                                          "?phone_number_id=", settings().sender_id);
    return FetchStep{GraphRequest(settings(), "GET", path), false};
  }
  const std::string url =
      previous == nullptr ? media.url : TextAt(ParseJson(previous->body), "url");
  // The token goes along: never in the clear, unless the whole provider is.
  const bool clear = absl::StartsWith(settings().base_url, "http://");
  if (!absl::StartsWith(url, "https://") && !(clear && absl::StartsWith(url, "http://")))
    return absl::NotFoundError("the provider names no place of the file");
  FetchStep step{GraphRequest(settings(), "GET", ""), true};
  step.request.url = url;
  step.request.timeout = absl::Minutes(2);
  return step;
}

}  // namespace mo::sims

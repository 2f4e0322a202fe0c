#include "services/rules/bot_courier.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"

namespace mo::rules {

namespace channels_v1 = messageorganizer::channels::v1;
namespace common_v1 = messageorganizer::common::v1;
namespace inbox_v1 = messageorganizer::inbox::v1;

namespace {

constexpr size_t kMostText = 4096;
constexpr int kMostChannels = 20;

common_v1::Content TextOf(const std::string& text) {
  common_v1::Content content;
  content.mutable_text()->set_body(text);
  return content;
}

common_v1::Content MediaOf(const common_v1::Media& media) {
  common_v1::Content content;
  *content.mutable_media() = media;
  return content;
}

// A bot's words are meant as they are: braces in them are no placeholders.
absl::Status CheckWords(common_v1::Content content) {
  text::VisitTexts(content, [](const text::PersonalText& part) {
    *part.text = absl::StrReplaceAll(*part.text, {{"{", "("}, {"}", ")"}});
  });
  Problems problems;
  text::CheckOutbound(content, "", {}, problems);
  return problems.ToStatus();
}

absl::Status CheckAnswer(const v1::BotAnswer& answer) {
  if (answer.text().size() > kMostText) {
    return absl::InvalidArgumentError("the answer's text is too long");
  }
  if (answer.add_to_channels_size() > kMostChannels ||
      answer.remove_from_channels_size() > kMostChannels) {
    return absl::InvalidArgumentError("the answer has too many channels");
  }
  if (!answer.text().empty()) MO_RETURN_IF_ERROR(CheckWords(TextOf(answer.text())));
  if (answer.has_media()) MO_RETURN_IF_ERROR(CheckWords(MediaOf(answer.media())));
  return absl::OkStatus();
}

// Refusals that stay, and what was done before under this name.
bool IsSettled(const absl::Status& status) {
  return status.ok() || absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status) || ReasonOf(status) == "IDEMPOTENCY_KEY_REUSED";
}

Caller CallerOf(const Forward& forward) {
  return ServiceCaller("rules", forward.account_id, FormatId("fwd", forward.id));
}

std::string KeyOf(const Forward& forward, absl::string_view name) {
  return absl::StrCat("forward/", FormatId("fwd", forward.id), "/", name);
}

}  // namespace

absl::StatusOr<v1::BotAnswer> ParseBotAnswer(const http::Response& response) {
  v1::BotAnswer answer;
  if (response.status == 204 || response.body.empty()) return answer;
  if (response.body.size() >= kMostBotAnswer) {
    return absl::InvalidArgumentError("the answer is too large");
  }
  const std::string type = absl::AsciiStrToLower(response.headers.Get("content-type"));
  if (absl::StartsWith(type, "text/plain")) {
    answer.set_text(std::string(absl::StripAsciiWhitespace(response.body)));
  } else if (absl::StartsWith(type, "application/json")) {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    const auto status =
        google::protobuf::util::JsonStringToMessage(response.body, &answer, options);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the answer is not what a bot may answer: ", status.message().as_string()));
    }
  } else {
    return absl::InvalidArgumentError("the answer is neither application/json nor text/plain");
  }
  MO_RETURN_IF_ERROR(CheckAnswer(answer));
  return answer;
}

Outcome BotCourier::Obey(const Forward& forward, const http::Response& response) {
  const absl::StatusOr<v1::BotAnswer> answer = ParseBotAnswer(response);
  Outcome outcome = answer.ok() ? OutcomeOf(Do(forward, *answer))
                                : Refused(text::Cut(answer.status().message(), 500));
  outcome.code = response.status;
  return outcome;
}

absl::Status BotCourier::Do(const Forward& forward, const v1::BotAnswer& answer) {
  const Caller caller = CallerOf(forward);
  for (const std::string& channel : answer.add_to_channels()) {
    channels_v1::SubscribeRequest request;
    request.set_channel_id(channel);
    request.set_contact_id(FormatId("con", forward.contact_id));
    const absl::Status status = channels_
                                    .Call(MO_METHOD(channels_v1::ChannelService, Subscribe),
                                          caller.WithKey(KeyOf(forward, "add " + channel)), request)
                                    .status();
    if (!IsSettled(status)) return status;
  }
  for (const std::string& channel : answer.remove_from_channels()) {
    channels_v1::UnsubscribeRequest request;
    request.set_channel_id(channel);
    request.set_contact_id(FormatId("con", forward.contact_id));
    const absl::Status status =
        channels_
            .Call(MO_METHOD(channels_v1::ChannelService, Unsubscribe),
                  caller.WithKey(KeyOf(forward, "remove " + channel)), request)
            .status();
    if (!IsSettled(status)) return status;
  }
  if (answer.has_media()) MO_RETURN_IF_ERROR(Say(forward, "media", MediaOf(answer.media())));
  return answer.text().empty() ? absl::OkStatus() : Say(forward, "answer", TextOf(answer.text()));
}

Outcome BotCourier::FallBack(const Forward& forward) {
  return OutcomeOf(Say(forward, "answer", forward.request.bot().fallback()));
}

absl::Status BotCourier::Say(const Forward& forward, const char* name,
                             const common_v1::Content& content) {
  inbox_v1::SendMessageRequest request;
  request.set_contact_id(FormatId("con", forward.contact_id));
  *request.mutable_content() = content;
  request.set_origin(inbox_v1::ORIGIN_RULE);
  const absl::Status status = inbox_
                                  .Call(MO_METHOD(inbox_v1::InboxService, SendMessage),
                                        CallerOf(forward).WithKey(KeyOf(forward, name)), request)
                                  .status();
  if (!IsSettled(status)) return status;
  if (!status.ok() && ReasonOf(status) != "IDEMPOTENCY_KEY_REUSED") {
    Log(LogLevel::kInfo, "a bot's answer was refused",
        {{"forward", FormatId("fwd", forward.id)}, {"reason", ReasonOf(status)}});
  }
  return absl::OkStatus();
}

}  // namespace mo::rules

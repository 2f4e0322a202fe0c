#include "services/rules/forwarding.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/mail/mail.h"
#include "libs/runtime/ids.h"
#include "libs/text/content.h"
#include "services/rules/courier.h"
#include "services/rules/rule_check.h"
#include "services/rules/webhook_events.h"

namespace mo::rules {
namespace {

constexpr absl::Duration kPatience = absl::Hours(48);
constexpr absl::Duration kBotPatience = absl::Seconds(30);
constexpr int64_t kMostBotSeconds = 300;
constexpr size_t kMostUrl = 2048;
constexpr size_t kMostHeader = 1000;
constexpr size_t kMostSubject = 900;
constexpr size_t kMostMail = 20000;
constexpr size_t kMostSms = 1600;

using Headers = google::protobuf::RepeatedPtrField<v1::HttpHeader>;

// What frames, routes or signs a request, or would be a secret.
bool IsReserved(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"authorization",
                                                 "connection",
                                                 "content-length",
                                                 "content-type",
                                                 "cookie",
                                                 "expect",
                                                 "host",
                                                 "keep-alive",
                                                 "proxy-authorization",
                                                 "te",
                                                 "trailer",
                                                 "transfer-encoding",
                                                 "upgrade"};
  const std::string lower = absl::AsciiStrToLower(name);
  return absl::StartsWith(lower, "webhook-") ||
         std::find(std::begin(kNames), std::end(kNames), lower) != std::end(kNames);
}

void CheckTemplate(absl::string_view text, const std::string& field, Problems& problems) {
  const auto parsed = text::Template::Parse(text, AnswerPlaceholders());
  if (!parsed.ok()) problems.Add(field, "BAD_PLACEHOLDER", parsed.status().message());
}

void CheckUrl(const std::string& url, const std::string& field, Problems& problems) {
  if (url.empty()) return problems.Add(field, "REQUIRED", "must not be empty");
  CheckTemplate(url, field, problems);
  const std::string fixed = url.substr(0, url.find("{{"));
  const size_t host = fixed.find("://");
  if (fixed.size() < url.size() &&
      (host == std::string::npos || fixed.find_first_of("/?#", host + 3) == std::string::npos)) {
    return problems.Add(field, "BAD_PLACEHOLDER", "placeholders may stand behind the host only");
  }
  if (const std::string bad = http::BadUrl(fixed, ForwardPolicy()); !bad.empty())
    problems.Add(field, "NOT_ALLOWED", bad);
}

void CheckHeaders(const Headers& headers, const std::string& field, Problems& problems) {
  for (int i = 0; i < headers.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    if (IsReserved(headers[i].name()))
      problems.Add(path + ".name", "NOT_ALLOWED", "this header cannot be set");
    CheckTemplate(headers[i].value(), path + ".value", problems);
  }
}

void CheckBot(const v1::BotForward& bot, const std::string& field, Problems& problems) {
  CheckUrl(bot.url(), field + ".url", problems);
  CheckHeaders(bot.headers(), field + ".headers", problems);
  if (bot.has_patience() &&
      (bot.patience().seconds() < 1 || bot.patience().seconds() > kMostBotSeconds)) {
    problems.Add(field + ".patience", "OUT_OF_RANGE", "must be 1 to 300 seconds");
  }
  if (bot.has_fallback())
    text::CheckOutbound(bot.fallback(), field + ".fallback", AnswerPlaceholders(), problems);
}

void CheckMail(const v1::MailForward& mail, const std::string& field, Problems& problems) {
  if (!HasMailServer())
    problems.Add(field, "UNAVAILABLE", "this installation has no mail server: --smtp_host");
  if (mail.to().empty()) problems.Add(field + ".to", "REQUIRED", "must not be empty");
  for (int i = 0; i < mail.to_size(); ++i) {
    if (!mail::IsAddress(mail.to(i)))
      problems.Add(absl::StrCat(field, ".to[", i, "]"), "BAD_FORMAT", "is no mail address");
  }
  CheckTemplate(mail.subject(), field + ".subject", problems);
  CheckTemplate(mail.text(), field + ".text", problems);
}

void CheckSms(const v1::SmsForward& sms, const std::string& field, Problems& problems) {
  if (sms.to().empty()) problems.Add(field + ".to", "REQUIRED", "must not be empty");
  CheckTemplate(sms.text(), field + ".text", problems);
}

// Fills in a text's placeholders.
class Filler {
 public:
  Filler(const Rulebook& book, const Occasion& occasion, const Decision& decision)
      : book_(book), occasion_(occasion), decision_(decision) {}

  std::string Text(const std::string& text) const {
    return Fill(text, [](std::string value) { return value; });
  }
  std::string Url(const std::string& url) const {
    return text::Cut(Fill(url, [](const std::string& value) { return http::PercentEncode(value); }),
                     kMostUrl);
  }
  // Without what would end the line.
  std::string Line(const std::string& line, size_t limit) const {
    std::string filled = Text(line);
    std::replace_if(
        filled.begin(), filled.end(), [](char c) { return absl::ascii_iscntrl(c); }, ' ');
    return text::Cut(filled, limit);
  }
  void Fill(const Headers& from, Headers& to) const {
    to = from;
    for (v1::HttpHeader& header : to) header.set_value(Line(header.value(), kMostHeader));
  }
  messageorganizer::common::v1::Content Content(
      const messageorganizer::common::v1::Content& content) const {
    return RenderedAnswer(content, book_, occasion_, decision_);
  }

 private:
  template <class Encode>
  std::string Fill(const std::string& text, Encode encode) const {
    const auto parsed = text::Template::Parse(text, AnswerPlaceholders());
    if (!parsed.ok()) return text;
    return parsed->Render([&](absl::string_view name) -> absl::optional<std::string> {
      // Answers quote only the beginning of it.
      auto value = name == "message" ? absl::optional<std::string>(occasion_.text)
                                     : PlaceholderValue(name, book_, occasion_, decision_);
      if (!value) return absl::nullopt;
      return encode(*std::move(value));
    });
  }

  const Rulebook& book_;
  const Occasion& occasion_;
  const Decision& decision_;
};

// Who has written, by the best name there is.
std::string WriterOf(const Occasion& occasion) {
  return occasion.contact.display_name().empty() ? "{{contact.phone|a contact}}"
                                                 : "{{contact.name}}";
}

void FillMail(const v1::MailForward& from, const Filler& filler, const Occasion& occasion,
              v1::StoredForward& to) {
  v1::MailForward& mail = *to.mutable_mail();
  *mail.mutable_to() = from.to();
  mail.set_subject(
      filler.Line(from.subject().empty() ? "Message from " + WriterOf(occasion) : from.subject(),
                  kMostSubject));
  mail.set_text(
      text::Cut(filler.Text(from.text().empty() ? "{{message}}" : from.text()), kMostMail));
  mail.set_attach_media(from.attach_media());
  if (from.attach_media() && occasion.content != nullptr && occasion.content->has_media())
    *to.mutable_file() = occasion.content->media();
}

std::string TargetOf(const v1::StoredForward& request) {
  switch (request.kind_case()) {
    case v1::StoredForward::kHttp:
      return request.http().url();
    case v1::StoredForward::kBot:
      return request.bot().url();
    case v1::StoredForward::kMail:
      return absl::StrJoin(request.mail().to(), ", ");
    case v1::StoredForward::kSms:
      return request.sms().to();
    default:
      return "";
  }
}

}  // namespace

void CheckForward(const v1::RuleAction& action, absl::string_view path, Problems& problems) {
  const auto field = [&](const char* name) { return absl::StrCat(path, ".", name); };
  if (action.has_http()) {
    CheckUrl(action.http().url(), field("http.url"), problems);
    CheckHeaders(action.http().headers(), field("http.headers"), problems);
  }
  if (action.has_bot()) CheckBot(action.bot(), field("bot"), problems);
  if (action.has_mail()) CheckMail(action.mail(), field("mail"), problems);
  if (action.has_sms()) CheckSms(action.sms(), field("sms"), problems);
}

std::optional<v1::StoredForward> ForwardOf(const v1::RuleAction& action, const Rulebook& book,
                                           const Occasion& occasion, const Decision& decision) {
  const Filler filler(book, occasion, decision);
  v1::StoredForward request;
  if (action.has_http()) {
    request.mutable_http()->set_url(filler.Url(action.http().url()));
    filler.Fill(action.http().headers(), *request.mutable_http()->mutable_headers());
  } else if (action.has_bot()) {
    v1::BotForward& bot = *request.mutable_bot();
    bot.set_url(filler.Url(action.bot().url()));
    filler.Fill(action.bot().headers(), *bot.mutable_headers());
    if (action.bot().has_patience()) *bot.mutable_patience() = action.bot().patience();
    if (action.bot().has_fallback())
      *bot.mutable_fallback() = filler.Content(action.bot().fallback());
  } else if (action.has_mail()) {
    FillMail(action.mail(), filler, occasion, request);
  } else if (action.has_sms()) {
    const std::string& text = action.sms().text();
    request.mutable_sms()->set_to(action.sms().to());
    request.mutable_sms()->set_text(text::Cut(
        filler.Text(text.empty() ? WriterOf(occasion) + ": {{message}}" : text), kMostSms));
  } else {
    return std::nullopt;
  }
  return request;
}

v1::ForwardKind KindOf(const v1::StoredForward& request) {
  switch (request.kind_case()) {
    case v1::StoredForward::kBot:
      return v1::FORWARD_KIND_BOT;
    case v1::StoredForward::kMail:
      return v1::FORWARD_KIND_MAIL;
    case v1::StoredForward::kSms:
      return v1::FORWARD_KIND_SMS;
    default:
      return v1::FORWARD_KIND_HTTP;
  }
}

absl::Duration PatienceOf(const Forward& forward) {
  if (forward.kind == v1::FORWARD_KIND_WEBHOOK) return kKeepDeliveries;
  if (forward.kind != v1::FORWARD_KIND_BOT) return kPatience;
  if (!forward.request.bot().has_patience()) return kBotPatience;
  return absl::Seconds(forward.request.bot().patience().seconds());
}

Forward BeginForward(int64_t account_id, v1::StoredForward request, absl::Time now) {
  Forward forward;
  forward.account_id = account_id;
  forward.kind = KindOf(request);
  forward.target = TargetOf(request);
  const std::string at = request.has_mail()  ? "mail"
                         : request.has_sms() ? "sms"
                                             : http::OriginOf(forward.target);
  forward.destination = absl::StrCat(account_id, "/", at);
  forward.request = std::move(request);
  forward.next_attempt_time = forward.create_time = now;
  forward.expire_time = now + PatienceOf(forward);
  return forward;
}

}  // namespace mo::rules

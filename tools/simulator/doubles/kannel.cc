#include "tools/simulator/doubles/kannel.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace mo::simulator {

namespace {

enum DlrType { kDelivered = 1, kFailed = 2, kAccepted = 8, kRejected = 16 };

constexpr char kSeparator = '\x1f';

http::Response Say(int status, absl::string_view text) {
  return PlainAnswer(status, "text/html", text);
}

// A parameter by any of its names, of the query or of a form.
std::string Parameter(const ProviderCall& call, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = call.Query(name); !value.empty()) return value;
  }
  if (call.request.body.empty()) return "";
  for (const auto& [key, value] : http::ParseQuery(call.request.body)) {
    if (std::find(names.begin(), names.end(), key) != names.end()) return value;
  }
  return "";
}

// Replaces "%x" by what stands for x, percent-encoded; "%%" is "%", others stay.
std::string Substitute(absl::string_view url, const std::map<char, std::string>& values) {
  std::string out;
  for (size_t i = 0; i < url.size(); ++i) {
    if (url[i] != '%' || i + 1 == url.size()) {
      out.push_back(url[i]);
      continue;
    }
    const auto found = values.find(url[i + 1]);
    if (found != values.end()) {
      out += http::PercentEncode(found->second);
      ++i;
    } else if (url[i + 1] == '%') {
      out.push_back('%');
      ++i;
    } else {
      out.push_back('%');
    }
  }
  return out;
}

std::string Date(int64_t ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

bool IsNumber(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || absl::StrContains("+- ", c); });
}

// Our key, if the report's URL names one; else what the URL and the text are.
int64_t KeyOf(absl::string_view url, absl::string_view text) {
  for (const auto& [name, value] :
       http::ParseQuery(url.substr(std::min(url.find('?') + 1, url.size())))) {
    int64_t key = 0;
    if (name == "key" && absl::SimpleAtoi(value, &key)) return key;
  }
  return url.empty() ? 0 : HashText(absl::StrCat(url, "\n", text));
}

}  // namespace

std::string KannelDouble::UserOf(const ProviderCall& call) {
  return Parameter(call, {"username", "user"});
}

http::Response KannelDouble::Unknown(const ProviderCall& call) {
  if (call.path.size() != 2 || call.path[1] != "sendsms") return Say(404, "Unknown request.");
  return Say(403, "Authorization failed for sendsms");
}

bool KannelDouble::IsSend(const ProviderCall& call) const {
  return call.path.size() == 2 && call.path[0] == "cgi-bin" && call.path[1] == "sendsms";
}

std::optional<http::Response> KannelDouble::Handle(ProviderCall& call) {
  if (!IsSend(call)) return Say(404, "Unknown request.");
  if (call.request.method != "GET" && call.request.method != "POST") {
    return Say(405, "Method not allowed.");
  }
  const std::string password = Parameter(call, {"password", "pass"});
  if (password != spec_.token || banned_ || token_expired_) {
    return Say(403, "Authorization failed for sendsms");
  }
  return Send(call);
}

http::Response KannelDouble::Send(const ProviderCall& call) {
  const auto parameter = [&](const char* name) { return Parameter(call, {name}); };
  const std::string to = parameter("to"), from = parameter("from"), coding = parameter("coding");
  if (to.empty()) return Say(400, "Missing receiver number, rejected");
  if (!IsNumber(to)) return Say(400, "Receiver number contains illegal characters, rejected");
  if (from.empty()) return Say(400, "Sender missing and no global set, rejected");
  const bool letters = !IsNumber(from);
  if (from.size() > (letters ? 11u : 21u)) return Say(400, "Sender too long, rejected");
  // The ranges that Kannel checks.
  constexpr std::pair<const char*, int> kRanges[] = {{"coding", 2},         {"mclass", 3},
                                                     {"priority", 3},       {"dlr-mask", 31},
                                                     {"validity", 1 << 30}, {"deferred", 1 << 30}};
  for (const auto& [name, most] : kRanges) {
    const std::string value = parameter(name);
    int number = 0;
    if (value.empty() || (absl::SimpleAtoi(value, &number) && number >= 0 && number <= most))
      continue;
    return Say(400, absl::StrCat(name, " field misformed, rejected"));
  }
  const std::string raw = parameter("text");
  if (raw.empty() && parameter("udh").empty()) return Say(400, "Missing text, rejected");
  const auto text = KannelText(raw, coding, parameter("charset"));
  if (!text) return Say(400, "charset or text misformed, rejected");

  std::string digits;
  std::copy_if(to.begin(), to.end(), std::back_inserter(digits), absl::ascii_isdigit);
  Phone* phone = FindPhone("+" + digits);
  if (phone == nullptr) phone = FindPhone(digits);
  const std::string url = parameter("dlr-url");
  const std::string mask = parameter("dlr-mask");
  Submission submission{phone, KeyOf(url, *text), {}, ""};
  if (!url.empty() && !mask.empty()) {
    const char separator[] = {kSeparator, '\0'};
    submission.tag = absl::StrCat(mask, separator, from, separator, to, separator,
                                  parameter("meta-data"), separator, coding, separator, url);
  }
  submission.content.mutable_text()->set_body(*text);
  bool queued = false;
  if (phone == nullptr) {
    // The centre finds out later.
    AcceptToFail(std::move(submission), kRejected);
  } else {
    queued = Take(*phone) != Rate::kFine;
    Submission again = submission;
    const Acceptance acceptance = Accept(std::move(submission));
    if (acceptance.outcome != sims::SEND_OUTCOME_ACCEPTED) AcceptToFail(std::move(again), kFailed);
  }
  return queued ? Say(202, "3: Queued for later delivery") : Say(202, "0: Accepted for delivery");
}

void KannelDouble::OnStatuses(const std::vector<Status>& statuses) {
  for (const Status& status : statuses) {
    if (status.tag->empty()) continue;
    const std::vector<std::string> parts =
        absl::StrSplit(*status.tag, absl::MaxSplits(kSeparator, 5));
    int type = 0;
    std::string answer;
    switch (status.state) {
      case sims::RECEIPT_STATE_SENT:
        type = kAccepted;
        answer = "ACK/";
        break;
      case sims::RECEIPT_STATE_DELIVERED:
        type = kDelivered;
        answer = "stat:DELIVRD err:000";
        break;
      case sims::RECEIPT_STATE_FAILED:
        type = status.code;
        answer = type == kRejected ? "NACK/0x0000000b/Invalid Destination Address"
                                   : "stat:UNDELIV err:001";
        break;
      default:
        continue;  // nobody hears of reading
    }
    int mask = 0;
    if (!absl::SimpleAtoi(parts[0], &mask) || (mask & type) == 0) continue;
    http::ClientRequest request;
    request.url =
        Substitute(parts[5], {{'d', absl::StrCat(type)},
                              {'A', answer},
                              {'F', absl::StrCat(absl::Hex(Mix(static_cast<uint64_t>(status.id))))},
                              {'I', absl::StrCat("dlr-", id_, "-", status.id)},
                              {'i', "simulated"},
                              {'p', parts[1]},
                              {'P', parts[2]},
                              {'D', parts[3]},
                              {'c', parts[4].empty() ? "0" : parts[4]},
                              {'C', "UTF-8"},
                              {'u', ""},
                              {'a', ""},
                              {'b', ""},
                              {'t', Date(status.time_ms)},
                              {'T', absl::StrCat(status.time_ms / 1000)}});
    callbacks_.Add(std::move(request));
  }
}

absl::Status KannelDouble::OnReceive(Phone& phone, DoubleInbound& inbound) {
  const sims::Inbound& written = inbound.message;
  if (!written.content().has_text()) {
    return absl::InvalidArgumentError("an SMS has nothing but text");
  }
  if (spec_.callback_url.empty()) return absl::OkStatus();
  const std::string& text = written.content().text().body();
  const bool gsm = IsGsm(text);
  // Without escapes of its own: the URL that the driver's README asks for.
  std::string url = spec_.callback_url;
  if (!absl::StrContains(url, "%")) {
    absl::StrAppend(&url, absl::StrContains(url, "?") ? "&" : "?",
                    "id=%I&sender=%p&ts=%T&coding=%c&charset=%C&message=%b");
  }
  http::ClientRequest request;
  request.url = Substitute(url, {{'I', written.provider_message_id()},
                                 {'i', "simulated"},
                                 {'p', phone.address},
                                 {'P', address_},
                                 {'b', gsm ? text : ToUtf16(text)},
                                 {'a', text},
                                 {'c', gsm ? "0" : "2"},
                                 {'C', gsm ? "UTF-8" : "UTF-16BE"},
                                 {'u', ""},
                                 {'D', ""},
                                 {'t', Date(NowMs())},
                                 {'T', absl::StrCat(written.time().seconds())}});
  callbacks_.Add(std::move(request));
  return absl::OkStatus();
}

http::Response KannelDouble::Throttled(int64_t retry_ms) {
  http::Response response = Say(503, "Temporal failure, try again later.");
  if (retry_ms > 0) {
    response.status = 429;
    response.headers.Add("Retry-After", absl::StrCat((retry_ms + 999) / 1000));
  }
  return response;
}

http::Response KannelDouble::Broken(bool plain) {
  return plain ? Say(502, "<html><title>502 Bad Gateway</title></html>")
               : Say(503, "Temporal failure, try again later.");
}

http::Response KannelDouble::Forced(const ForcedError& error) {
  return Say(error.code, error.description);
}

}  // namespace mo::simulator

#include "libs/mail/sender.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/http/ssrf.h"

namespace mo::mail {
namespace {

using Kind = Outcome::Kind;

struct FreeCurl {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};
using List = std::unique_ptr<curl_slist, FreeCurl>;

void Append(List& list, const std::string& line) {
  list.reset(curl_slist_append(list.release(), line.c_str()));
}

std::string Printable(absl::string_view words) {
  std::string clean(words.substr(0, 512));
  for (char& c : clean) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return clean;
}

// Follows the dialog with the server. libcurl sends one command at a time.
struct Dialog {
  bool allow_private = false;
  bool guard_refused = false;
  bool quitting = false;
  curl_socket_t socket = CURL_SOCKET_BAD;
  std::string command = "CONNECT";  // the verb a reply is to; END is the mail's last byte
  std::string recipient;
  int code = 0;
  std::string words;
  std::vector<RefusedRecipient> refused;

  void OnCommand(absl::string_view line);
  void OnReply(absl::string_view line);
};

void Dialog::OnCommand(absl::string_view line) {
  const std::string verb = absl::AsciiStrToUpper(line.substr(0, 4));
  if (verb == "QUIT") {
    // The answer to it would be waited for beyond the time-out, and changes nothing. What was
    // answered before decides, also where QUIT follows a refusal.
    quitting = true;
    shutdown(socket, SHUT_RD);
    return;
  }
  code = 0;
  words.clear();
  // The lines of an AUTH exchange have no verb.
  static constexpr absl::string_view kVerbs[] = {"EHLO", "HELO", "STAR", "AUTH",
                                                 "MAIL", "RCPT", "DATA"};
  for (absl::string_view known : kVerbs) {
    if (verb == known) command = verb;
  }
  if (command == "RCPT") {
    const size_t from = line.find('<');
    const size_t to = line.find('>');
    recipient = from == absl::string_view::npos || to == absl::string_view::npos
                    ? ""
                    : std::string(line.substr(from + 1, to - from - 1));
  }
}

void Dialog::OnReply(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (quitting || line.size() < 3) return;
  code = std::atoi(std::string(line.substr(0, 3)).c_str());
  if (words.size() < 512) {
    absl::StrAppend(&words, words.empty() ? "" : " ",
                    line.size() > 4 ? line.substr(4) : absl::string_view());
  }
  if (line.size() > 3 && line[3] == '-') return;  // more follows
  if (command == "RCPT" && code >= 400) refused.push_back({recipient, code, Printable(words)});
  if (command == "DATA" && code == 354) {
    command = "END";
    code = 0;
    words.clear();
  }
}

int OnDebug(CURL*, curl_infotype type, char* data, size_t size, void* self) {
  Dialog& dialog = *static_cast<Dialog*>(self);
  if (type == CURLINFO_HEADER_OUT) dialog.OnCommand(absl::string_view(data, size));
  if (type == CURLINFO_HEADER_IN) dialog.OnReply(absl::string_view(data, size));
  return 0;
}

// The guard stands at the socket, where the name is resolved already.
curl_socket_t OnSocket(void* self, curlsocktype, curl_sockaddr* address) {
  Dialog& dialog = *static_cast<Dialog*>(self);
  dialog.guard_refused = !dialog.allow_private && !http::IsPublicAddress(&address->addr);
  if (dialog.guard_refused) return CURL_SOCKET_BAD;
  dialog.socket = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  return dialog.socket;
}

// Why nothing may be sent to this server; empty if it may.
std::string ServerProblem(const SmtpServer& server) {
  if (server.host.empty() || server.host.size() > 253 ||
      !std::all_of(server.host.begin(), server.host.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-.:[]", c);
      })) {
    return "not a mail server's name";
  }
  if (server.port < 1 || server.port > 65535) return "not a port";
  if (server.allow_private) return "";
  if (server.port != 25 && server.port != 465 && server.port != 587 && server.port != 2525) {
    return "not a port for mail";
  }
  if (server.tls == Tls::kNone && !server.username.empty()) return "a password needs TLS";
  return "";
}

long BoundedMs(absl::Duration time) {
  return static_cast<long>(absl::ToInt64Milliseconds(
      std::clamp<absl::Duration>(time, absl::Milliseconds(1), absl::Hours(1))));
}

void SetConnection(CURL* easy, const SmtpServer& server, const Mail& mail, Dialog* dialog) {
  const std::string domain = mail.from.address.substr(mail.from.address.find('@') + 1);
  const std::string url =
      absl::StrCat(server.tls == Tls::kImplicit ? "smtps://" : "smtp://", server.host, ":",
                   server.port, "/", domain);  // the name for EHLO, not this machine's
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, BoundedMs(server.timeout));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, BoundedMs(server.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_USE_SSL,
                   static_cast<long>(server.tls == Tls::kNone ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  if (!server.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, server.ca_file.c_str());
  if (!server.username.empty()) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, server.username.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, server.password.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &OnSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, dialog);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);  // to the function only
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &OnDebug);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, dialog);
}

void AddParts(curl_mime* mime, const Mail& mail) {
  curl_mimepart* text = curl_mime_addpart(mime);
  const std::string lines =
      absl::StrReplaceAll(mail.text, {{"\r\n", "\r\n"}, {"\r", "\r\n"}, {"\n", "\r\n"}});
  curl_mime_data(text, lines.data(), lines.size());
  curl_mime_type(text, "text/plain; charset=utf-8");
  curl_mime_encoder(text, "quoted-printable");
  for (const Attachment& file : mail.attachments) {
    curl_mimepart* part = curl_mime_addpart(mime);
    curl_mime_data(part, file.bytes.data(), file.bytes.size());
    curl_mime_type(part, file.media_type.c_str());
    curl_mime_encoder(part, "base64");
    List headers;
    Append(headers, absl::StrCat("Content-Disposition: ", Disposition(file.name)));
    curl_mime_headers(part, headers.release(), 1);  // which takes them over
  }
}

Outcome Judge(const Dialog& dialog, CURLcode result, size_t recipients) {
  Outcome outcome{Kind::kTemporary, dialog.code, Printable(dialog.words), dialog.refused};
  // Accepted is accepted, whatever breaks afterwards.
  if (dialog.command == "END" && dialog.code / 100 == 2) {
    outcome.kind = Kind::kAccepted;
    return outcome;
  }
  if (dialog.guard_refused) {
    return {Kind::kPermanent, 0, "the mail server is not on the public internet", {}};
  }
  if (!dialog.refused.empty() && dialog.refused.size() == recipients) {
    const auto later = std::find_if(dialog.refused.begin(), dialog.refused.end(),
                                    [](const RefusedRecipient& r) { return r.code < 500; });
    const RefusedRecipient& named = later == dialog.refused.end() ? dialog.refused.front() : *later;
    outcome.kind = later == dialog.refused.end() ? Kind::kPermanent : Kind::kTemporary;
    outcome.code = named.code;
    outcome.words = named.words;
    return outcome;
  }
  static constexpr absl::string_view kFinal[] = {"AUTH", "MAIL", "RCPT", "DATA", "END"};
  const bool final_here =
      std::find(std::begin(kFinal), std::end(kFinal), dialog.command) != std::end(kFinal);
  if (final_here && dialog.code >= 500) outcome.kind = Kind::kPermanent;
  if (dialog.code < 400) {  // not the server's words
    outcome.code = 0;
    outcome.words = curl_easy_strerror(result);
  }
  return outcome;
}

}  // namespace

Outcome Sender::Send(const SmtpServer& server, const Mail& mail) const {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_ALL);
  static_cast<void>(global);
  if (absl::Status checked = CheckMail(mail); !checked.ok()) {
    return {Kind::kPermanent, 0, std::string(checked.message()), {}};
  }
  if (std::string problem = ServerProblem(server); !problem.empty()) {
    return {Kind::kPermanent, 0, problem, {}};
  }
  Dialog dialog;
  dialog.allow_private = server.allow_private;
  List recipients, headers;
  for (const Mailbox& box : mail.to) Append(recipients, absl::StrCat("<", box.address, ">"));
  for (const std::string& line : HeaderLines(mail)) Append(headers, line);
  const std::string from = absl::StrCat("<", mail.from.address, ">");

  const std::unique_ptr<CURL, FreeCurl> easy(curl_easy_init());
  const std::unique_ptr<curl_mime, FreeCurl> mime(curl_mime_init(easy.get()));
  AddParts(mime.get(), mail);
  SetConnection(easy.get(), server, mail, &dialog);
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_MIMEPOST, mime.get());
  const CURLcode result = curl_easy_perform(easy.get());
  return Judge(dialog, result, mail.to.size());
}

}  // namespace mo::mail

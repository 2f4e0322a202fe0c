#include "services/rules/mail_courier.h"

#include <fstream>
#include <sstream>

#include "absl/flags/flag.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"

ABSL_FLAG(std::string, smtp_host, "", "mail server that rules' mails are handed to; empty: none");
ABSL_FLAG(int, smtp_port, 587, "its port");
ABSL_FLAG(std::string, smtp_tls, "starttls",
          "starttls (required of the server), implicit (from the first byte on) or none");
ABSL_FLAG(std::string, smtp_username, "", "name at the mail server; empty: no log-in");
ABSL_FLAG(std::string, smtp_password_file, "", "file with the password at the mail server");
ABSL_FLAG(std::string, smtp_ca_file, "",
          "certificates that sign the server's; empty: the system's");
ABSL_FLAG(std::string, mail_from, "",
          "address that rules' mails come from; its domain is that of their Message-IDs");

namespace mo::rules {
namespace {

namespace media_v1 = messageorganizer::media::v1;

std::string PasswordOf(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return std::string(absl::StripTrailingAsciiWhitespace(text.str()));
}

mail::SmtpServer Server() {
  const std::string tls = absl::GetFlag(FLAGS_smtp_tls);
  mail::SmtpServer server;
  server.host = absl::GetFlag(FLAGS_smtp_host);
  server.port = absl::GetFlag(FLAGS_smtp_port);
  server.tls = tls == "none"       ? mail::Tls::kNone
               : tls == "implicit" ? mail::Tls::kImplicit
                                   : mail::Tls::kStartTls;
  server.username = absl::GetFlag(FLAGS_smtp_username);
  if (const std::string file = absl::GetFlag(FLAGS_smtp_password_file); !file.empty())
    server.password = PasswordOf(file);
  server.allow_private = true;  // the operator has named it
  server.ca_file = absl::GetFlag(FLAGS_smtp_ca_file);
  return server;
}

std::string Domain() {
  const std::vector<std::string> parts = absl::StrSplit(absl::GetFlag(FLAGS_mail_from), '@');
  return parts.back();
}

// Those refused, with the server's words.
std::string WordsOf(const std::vector<mail::RefusedRecipient>& refused) {
  return text::Cut(absl::StrJoin(refused, "; ",
                                 [](std::string* out, const mail::RefusedRecipient& one) {
                                   absl::StrAppend(out, one.address, ": ", one.code, " ",
                                                   one.words);
                                 }),
                   500);
}

}  // namespace

bool HasMailServer() {
  return !absl::GetFlag(FLAGS_smtp_host).empty() && mail::IsAddress(absl::GetFlag(FLAGS_mail_from));
}

absl::StatusOr<mail::Attachment> MailCourier::Fetch(const Forward& forward) {
  media_v1::DownloadMediaRequest request;
  request.set_id(forward.request.file().media_id());
  MO_ASSIGN_OR_RETURN(
      google::api::HttpBody file,
      media_.Call(&media_v1::MediaService::Stub::DownloadMedia,
                  ServiceCaller("rules", forward.account_id, FormatId("fwd", forward.id)),
                  request));
  mail::Attachment attachment;
  attachment.name = forward.request.file().filename();
  attachment.media_type = file.content_type().substr(0, file.content_type().find(';'));
  if (attachment.name.empty()) {
    const size_t slash = attachment.media_type.find('/');
    attachment.name = absl::StrCat(
        "file.", slash == std::string::npos ? "bin" : attachment.media_type.substr(slash + 1));
  }
  attachment.name = text::Cut(attachment.name, 200);
  attachment.bytes = std::move(*file.mutable_data());
  return attachment;
}

absl::StatusOr<mail::Mail> MailCourier::Compose(const Forward& forward) {
  const v1::MailForward& wanted = forward.request.mail();
  mail::Mail mail;
  mail.from.address = absl::GetFlag(FLAGS_mail_from);
  for (const std::string& address : wanted.to()) mail.to.push_back({address});
  mail.subject = wanted.subject();
  mail.text = wanted.text();
  mail.date = app_.clock().Now();
  mail.message_id = mail::MessageId(FormatId("fwd", forward.id), Domain());
  mail.headers = {{"Auto-Submitted", "auto-generated"}};  // RFC 3834: nobody's absence answers it
  const std::string& group = forward.request.group();
  mail::PutInThread(mail, group.empty() ? FormatId("con", forward.contact_id) : group, Domain());
  if (!forward.request.file().media_id().empty()) {
    absl::StatusOr<mail::Attachment> file = Fetch(forward);
    if (file.ok()) {
      mail.attachments.push_back(*std::move(file));
    } else if (absl::IsNotFound(file.status())) {
      absl::StrAppend(&mail.text, "\n\n(The file is not kept any more.)");
    } else {
      return file.status();
    }
  }
  return mail;
}

Outcome MailCourier::Send(const Forward& forward) {
  if (!HasMailServer()) return {.error = "this installation has no mail server"};
  const absl::StatusOr<mail::Mail> mail = Compose(forward);
  if (!mail.ok()) return OutcomeOf(mail.status());
  const mail::Outcome sent = sender_.Send(Server(), *mail);
  Outcome outcome;
  outcome.code = sent.code;
  outcome.error = sent.words;
  if (sent.kind == mail::Outcome::Kind::kPermanent) outcome.kind = Outcome::Kind::kPermanent;
  if (sent.kind != mail::Outcome::Kind::kAccepted) return outcome;
  if (sent.refused.empty()) return Delivered();
  // Whoever was accepted must not get it again.
  v1::StoredForward rest = forward.request;
  rest.mutable_mail()->clear_to();
  for (const mail::RefusedRecipient& one : sent.refused) {
    if (one.code >= 400 && one.code < 500) rest.mutable_mail()->add_to(one.address);
  }
  if (rest.mail().to().empty()) {
    outcome.kind = Outcome::Kind::kPermanent;
    for (const mail::RefusedRecipient& one : sent.refused) rest.mutable_mail()->add_to(one.address);
  }
  outcome.error = WordsOf(sent.refused);
  outcome.rest = std::move(rest);
  return outcome;
}

}  // namespace mo::rules

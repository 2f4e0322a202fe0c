#include "libs/mail/mail.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/status.h"

namespace mo::mail {
namespace {

constexpr size_t kMaxRecipients = 20;
constexpr size_t kMaxReferences = 20;
constexpr size_t kMaxHeaderText = 998;
constexpr size_t kMaxFileName = 200;
constexpr size_t kMaxFileBytes = 25 << 20;
constexpr size_t kMaxTextBytes = 1 << 20;

bool IsClean(absl::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

bool IsPlain(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

// Characters of an RFC 5322 atom, also of header names and media types.
bool IsAtom(absl::string_view text, absl::string_view also = "!#$%&'*+-/=?^_`{|}~") {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(also, c);
  });
}

bool IsDomain(absl::string_view domain) {
  for (absl::string_view label : absl::StrSplit(domain, '.')) {
    if (label.size() > 63 || !IsAtom(label, "-") || label.front() == '-' || label.back() == '-') {
      return false;
    }
  }
  return true;
}

bool IsMessageId(absl::string_view id) {
  return id.size() >= 5 && id.size() <= 250 && IsPlain(id) && id.front() == '<' &&
         id.back() == '>' && id.find_first_of(" <>", 1) == id.size() - 1 &&
         absl::StrContains(id, '@');
}

absl::Status Invalid(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status CheckMailbox(const Mailbox& box) {
  if (!IsAddress(box.address)) return Invalid("not a mail address");
  if (!IsClean(box.name) || box.name.size() > kMaxHeaderText) return Invalid("not a shown name");
  return absl::OkStatus();
}

absl::Status CheckExtra(const ExtraHeader& header) {
  // Those that are the mail's own fields would be there twice.
  static constexpr absl::string_view kOwn[] = {"from",
                                               "to",
                                               "cc",
                                               "bcc",
                                               "reply-to",
                                               "subject",
                                               "date",
                                               "message-id",
                                               "in-reply-to",
                                               "references",
                                               "mime-version",
                                               "content-type",
                                               "content-transfer-encoding"};
  if (!IsAtom(header.name, "-") || header.name.size() > 76) return Invalid("not a header name");
  for (absl::string_view own : kOwn) {
    if (absl::EqualsIgnoreCase(own, header.name)) return Invalid("a header of the mail's own");
  }
  if (header.value.empty() || !IsPlain(header.value) || header.value.size() > 900) {
    return Invalid("not a header value");
  }
  return absl::OkStatus();
}

absl::Status CheckFiles(const std::vector<Attachment>& files) {
  size_t bytes = 0;
  for (const Attachment& file : files) {
    const std::vector<std::string> type = absl::StrSplit(file.media_type, '/');
    if (type.size() != 2 || !IsAtom(type[0], "-.+") || !IsAtom(type[1], "-.+") ||
        file.media_type.size() > 127) {
      return Invalid("not a media type");
    }
    if (file.name.empty() || file.name.size() > kMaxFileName || !IsClean(file.name)) {
      return Invalid("not a file name");
    }
    bytes += file.bytes.size();
  }
  return bytes > kMaxFileBytes ? Invalid("more than 25 MiB of files") : absl::OkStatus();
}

std::string Shown(const Mailbox& box) {
  if (box.name.empty()) return absl::StrCat("<", box.address, ">");
  if (!IsPlain(box.name)) return absl::StrCat(EncodeHeaderText(box.name), " <", box.address, ">");
  std::string quoted;
  for (char c : box.name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return absl::StrCat("\"", quoted, "\" <", box.address, ">");
}

}  // namespace

bool IsAddress(absl::string_view address) {
  const size_t at = address.find('@');
  if (address.size() > 254 || at == absl::string_view::npos || at > 64) return false;
  for (absl::string_view atom : absl::StrSplit(address.substr(0, at), '.')) {
    if (!IsAtom(atom)) return false;
  }
  return IsDomain(address.substr(at + 1));
}

absl::Status CheckMail(const Mail& mail) {
  MO_RETURN_IF_ERROR(CheckMailbox(mail.from));
  if (mail.to.empty() || mail.to.size() > kMaxRecipients) return Invalid("1 to 20 recipients");
  for (const Mailbox& box : mail.to) MO_RETURN_IF_ERROR(CheckMailbox(box));
  if (!mail.reply_to.empty() && !IsAddress(mail.reply_to)) return Invalid("not a mail address");
  if (!IsClean(mail.subject) || mail.subject.size() > kMaxHeaderText) {
    return Invalid("a control character in the subject, or more than 998 bytes");
  }
  if (mail.text.size() > kMaxTextBytes || absl::StrContains(mail.text, '\0')) {
    return Invalid("more than 1 MiB of text, or a null byte");
  }
  if (!IsMessageId(mail.message_id)) return Invalid("not a message id");
  if (!mail.in_reply_to.empty() && !IsMessageId(mail.in_reply_to)) {
    return Invalid("not a message id");
  }
  if (mail.references.size() > kMaxReferences) return Invalid("more than 20 references");
  for (const std::string& id : mail.references) {
    if (!IsMessageId(id)) return Invalid("not a message id");
  }
  for (const ExtraHeader& header : mail.headers) MO_RETURN_IF_ERROR(CheckExtra(header));
  return CheckFiles(mail.attachments);
}

std::string EncodeHeaderText(absl::string_view text) {
  // What looks like an encoded word would be decoded.
  if (IsPlain(text) && text.size() <= 900 && !absl::StrContains(text, "=?")) {
    return std::string(text);
  }
  constexpr size_t kBytes = 45;  // 60 of base64, and 12 around them
  std::vector<std::string> words;
  while (!text.empty()) {
    size_t end = std::min(kBytes, text.size());
    if (end < text.size()) {
      size_t start = end;
      while (start > 0 && end - start < 3 && (text[start] & 0xC0) == 0x80) --start;
      if (start > 0 && (text[start] & 0xC0) != 0x80) end = start;
    }
    words.push_back(absl::StrCat("=?UTF-8?B?", absl::Base64Escape(text.substr(0, end)), "?="));
    text.remove_prefix(end);
  }
  return absl::StrJoin(words, "\r\n ");
}

std::vector<std::string> HeaderLines(const Mail& mail) {
  std::vector<std::string> lines = {
      absl::StrCat("Date: ",
                   absl::FormatTime("%a, %d %b %E4Y %H:%M:%S %z", mail.date, absl::UTCTimeZone())),
      absl::StrCat("From: ", Shown(mail.from)),
      absl::StrCat("To: ", absl::StrJoin(mail.to, ",\r\n ",
                                         [](std::string* out, const Mailbox& box) {
                                           absl::StrAppend(out, Shown(box));
                                         })),
      absl::StrCat("Message-ID: ", mail.message_id)};
  // A line without a value would be taken as one to be removed.
  if (!mail.subject.empty()) {
    lines.push_back(absl::StrCat("Subject: ", EncodeHeaderText(mail.subject)));
  }
  if (!mail.reply_to.empty()) lines.push_back(absl::StrCat("Reply-To: <", mail.reply_to, ">"));
  if (!mail.in_reply_to.empty()) lines.push_back(absl::StrCat("In-Reply-To: ", mail.in_reply_to));
  if (!mail.references.empty()) {
    lines.push_back(absl::StrCat("References: ", absl::StrJoin(mail.references, "\r\n ")));
  }
  for (const ExtraHeader& header : mail.headers) {
    lines.push_back(absl::StrCat(header.name, ": ", header.value));
  }
  return lines;
}

std::string Disposition(absl::string_view file_name) {
  std::string value;
  if (IsPlain(file_name)) {
    for (char c : file_name) {
      if (c == '"' || c == '\\') value += '\\';
      value += c;
    }
    return absl::StrCat("attachment; filename=\"", value, "\"");
  }
  for (char c : file_name) {
    if (IsAtom(absl::string_view(&c, 1), "-._")) {
      value += c;
    } else {
      absl::StrAppendFormat(&value, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return absl::StrCat("attachment; filename*=UTF-8''", value);
}

std::string MessageId(absl::string_view id, absl::string_view domain) {
  return absl::StrCat("<", id, "@", domain, ">");
}

void PutInThread(Mail& mail, absl::string_view conversation_id, absl::string_view domain) {
  mail.in_reply_to = MessageId(absl::StrCat("dialog.", conversation_id), domain);
  mail.references = {mail.in_reply_to};
}

}  // namespace mo::mail

// One mail: what is in it, whether it may be sent, and its header lines. Sending is sender.h's.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mo::mail {

// An address with the name that is shown for it (UTF-8, may be empty).
struct Mailbox {
  std::string address;
  std::string name = {};
};

// A file in a mail. Its bytes arrive as they are.
struct Attachment {
  std::string name;        // UTF-8, at most 200 bytes
  std::string media_type;  // type/subtype without parameters
  std::string bytes;
};

// A further header line, e.g. Auto-Submitted: auto-generated (RFC 3834). ASCII only.
struct ExtraHeader {
  std::string name, value;
};

// A mail with a text and files. At most 20 recipients and 25 MiB of files.
struct Mail {
  Mailbox from;
  std::vector<Mailbox> to;
  std::string reply_to;  // an address or empty
  std::string subject;   // UTF-8, at most 998 bytes
  std::string text;      // UTF-8; any line ends
  std::string message_id;
  std::string in_reply_to;              // a message id or empty
  std::vector<std::string> references;  // at most 20, oldest first
  absl::Time date;                      // of the caller's clock
  std::vector<ExtraHeader> headers;
  std::vector<Attachment> attachments;
};

// True for what we write to: local@domain in ASCII, dot-atoms, at most 64 and 254 bytes (a subset
// of RFC 5321: no quoted local parts, no address literals).
bool IsAddress(absl::string_view address);

// An error if the mail cannot be sent: an address that is none, a line end or another control
// character in a header, too much of something. InvalidArgument.
absl::Status CheckMail(const Mail& mail);

// The text as a header's value: itself if it is printable ASCII, otherwise RFC 2047 encoded words,
// each of at most 75 characters and of whole characters, folded. Bytes that are not UTF-8 pass as
// they are.
std::string EncodeHeaderText(absl::string_view text);

// The header lines of a checked mail, without those of MIME. Folded lines carry CRLF and a space.
std::vector<std::string> HeaderLines(const Mail& mail);

// The value of Content-Disposition of a file: RFC 2231 where its name is not ASCII.
std::string Disposition(absl::string_view file_name);

// "<id@domain>": the same forward has the same id however often it is sent.
std::string MessageId(absl::string_view id, absl::string_view domain);

// Makes the mail one of a dialog's thread: In-Reply-To and References name an id that only depends
// on the conversation, so that mail programs show all of them together.
void PutInThread(Mail& mail, absl::string_view conversation_id, absl::string_view domain);

}  // namespace mo::mail

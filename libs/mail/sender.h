// Sends a mail by SMTP (libcurl) and says what came of it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/mail/mail.h"

namespace mo::mail {

enum class Tls {
  kNone,
  kStartTls,  // required: nothing is sent to a server that does not offer it
  kImplicit,
};

// Where mail is handed over.
struct SmtpServer {
  std::string host;
  int port = 587;
  Tls tls = Tls::kStartTls;
  std::string username;  // empty: no AUTH
  std::string password;
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration timeout = absl::Seconds(60);  // of everything
  // True only for a server we named ourselves: any address, any port, a password without TLS.
  bool allow_private = false;
  std::string ca_file;  // empty: the system's
};

// A recipient the server did not take, with its reply.
struct RefusedRecipient {
  std::string address;
  int code = 0;
  std::string words;
};

// What came of a mail.
struct Outcome {
  enum class Kind {
    kAccepted,   // by the server, for all recipients but those in `refused`
    kTemporary,  // to be tried again with the same Message-ID; the mail may have arrived if the
                 // connection broke after its last byte
    kPermanent,  // another try would end the same way
  };
  Kind kind = Kind::kTemporary;
  int code = 0;       // the server's reply; 0 if it is not the server's
  std::string words;  // the reply's text or the reason, at most 512 bytes, printable
  std::vector<RefusedRecipient> refused;
};

// Thread-safe: every call has its own connection.
class Sender {
 public:
  // Blocks for at most the server's time-out and the time its name takes to resolve within it.
  Outcome Send(const SmtpServer& server, const Mail& mail) const;
};

}  // namespace mo::mail

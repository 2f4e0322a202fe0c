// Messages that go on by mail.
#pragma once

#include <string>

#include "libs/mail/sender.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/rules/forward_store.h"
#include "services/rules/outcome.h"

namespace mo::rules {

// Whether this installation has a mail server (--smtp_host).
bool HasMailServer();

// Thread-safe.
class MailCourier {
 public:
  explicit MailCourier(App& app) : app_(app), media_(app) {}

  // Hands the mail to the server, with the same Message-ID however often. Recipients that the
  // server puts off remain to be sent to; if it has refused some for good, and put off none, that
  // is a permanent failure of those.
  Outcome Send(const Forward& forward);

 private:
  absl::StatusOr<mail::Mail> Compose(const Forward& forward);
  absl::StatusOr<mail::Attachment> Fetch(const Forward& forward);

  App& app_;
  Client<messageorganizer::media::v1::MediaService> media_;
  mail::Sender sender_;
};

}  // namespace mo::rules

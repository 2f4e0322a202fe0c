// What Telegram's updates say, whether they came by callback or were asked for.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "services/sims/drivers/driver.h"
#include "services/sims/drivers/json.h"

namespace mo::sims {

// Gathers updates of one bot.
class TelegramUpdates {
 public:
  TelegramUpdates(int64_t bot_id, absl::Time now) : bot_id_(bot_id), now_(now) {}
  // An element of getUpdates' result, or the body of a callback.
  void Add(const Json& update);
  CallbackEvents Take();

 private:
  void AddMessage(const Json& message);
  void AddMember(const Json& change);
  // What happened to the group itself; false if the message is no such notice.
  bool AddNotice(const Json& message);
  absl::Time TimeOf(const Json& object) const;

  const int64_t bot_id_;
  const absl::Time now_;
  SenderEvents sender_;
  int ignored_ = 0;
};

// "<chat>:<message>", as messages are named here; "" unless both are there.
std::string TelegramMessageId(const Json& message);

}  // namespace mo::sims

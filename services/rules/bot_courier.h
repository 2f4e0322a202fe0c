// What bots answer, and what the contact gets of it.
#pragma once

#include "absl/status/statusor.h"
#include "libs/http/message.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "services/rules/forward_store.h"
#include "services/rules/outcome.h"

namespace mo::rules {

// Longer answers are nonsense, bytes.
constexpr size_t kMostBotAnswer = 64 << 10;

// What the answer of a bot's URL means; INVALID_ARGUMENT, saying why, when it is nonsense.
absl::StatusOr<v1::BotAnswer> ParseBotAnswer(const http::Response& response);

// Thread-safe.
class BotCourier {
 public:
  explicit BotCourier(App& app) : channels_(app), inbox_(app) {}

  // Does what a bot has answered, each thing once however often it is called for the forward. One
  // that is impossible is left out. Nonsense is a permanent failure.
  Outcome Obey(const Forward& forward, const http::Response& response);
  // Tells the contact what was set for a bot that has failed, unless it has got an answer.
  Outcome FallBack(const Forward& forward);

 private:
  absl::Status Say(const Forward& forward, const char* name,
                   const messageorganizer::common::v1::Content& content);
  absl::Status Do(const Forward& forward, const v1::BotAnswer& answer);

  Client<messageorganizer::channels::v1::ChannelService> channels_;
  Client<messageorganizer::inbox::v1::InboxService> inbox_;
};

}  // namespace mo::rules

// What a double of a provider is told: which SIM it serves, what it allows, what goes wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messageorganizer/common/v1/content.pb.h"

namespace mo::simulator {

// A message template that the provider has approved, or not.
struct TemplateSpec {
  std::string name;
  std::string language;
  std::string category = "MARKETING";  // or UTILITY, AUTHENTICATION
  std::string status = "APPROVED";     // or PENDING, REJECTED, PAUSED, DISABLED
  int parameters = 0;                  // of the body
};

// Who a SIM is at its provider. What a field is to a provider is said in README.md.
struct DoubleSpec {
  std::string driver;  // whatsapp_cloud, telegram, messenger or sms_kannel
  messageorganizer::common::v1::Network network = {};
  std::string address;
  std::string sender_id;
  std::string business_id;
  std::string token;
  std::string app_secret;
  std::string verify_token;
  std::string callback_url;
  std::vector<TemplateSpec> templates;
};

// What the provider allows. Zero: no limit.
struct ProviderLimits {
  double messages_per_second = 0;
  double group_messages_per_minute = 0;
  int64_t pair_interval_ms = 0;  // between two messages to one recipient, on average
  double pair_burst = 1;         // so many may come at once
  int64_t window_ms = 0;         // after a contact's message, in which anything may be sent
};

// What goes wrong on purpose, in the order in which it is decided about a send.
struct ProviderFaults {
  int64_t latency_ms = 0;     // of every answer
  double throttle_rate = 0;   // refused as too many
  bool throttle_hint = true;  // telling when to come again
  int64_t throttle_retry_ms = 1000;
  double error_rate = 0;  // 5xx, nothing is taken
  double reset_rate = 0;  // taken, then the connection is closed without an answer
};

// All that can be switched while a double runs.
struct DoubleSettings {
  ProviderLimits limits;
  ProviderFaults faults;
  // What is wrong with a recipient is told with a status instead of the answer, where there are
  // statuses.
  bool late_errors = false;
  // The SIM may write first, where the provider wants the other to begin (Telegram).
  bool strangers = false;
  // Messages without a key of ours that say the same to one phone are duplicates; else each counts.
  bool count_by_content = true;
  int64_t callback_retry_ms = 1000;  // the first pause, doubled each time up to a minute
};

// An answer that the next sends get, whatever they are.
struct ForcedError {
  int code = 0;
  std::string description;
  int64_t count = 1;
};

}  // namespace mo::simulator

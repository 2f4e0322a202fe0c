// The JSON shapes of the control API: requests into values, values into answers.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/simulator/fields.h"
#include "tools/simulator/network.h"

namespace mo::simulator {

// "WHATSAPP" → NETWORK_WHATSAPP. InvalidArgument for others.
absl::StatusOr<common::Network> ParseNetwork(absl::string_view name);
// NETWORK_WHATSAPP → "WHATSAPP".
std::string NetworkName(common::Network network);

absl::StatusOr<AgentSpec> ParseAgent(const json& body);
// One phone, or `count` of them numbered from `first` on, with their own receipts if the body has
// any.
struct PhonesRequest {
  std::vector<PhoneSpec> phones;
  bool has_policy = false;
  ReceiptPolicy policy;
};
absl::StatusOr<PhonesRequest> ParsePhones(const json& body, const ReceiptPolicy& defaults);
absl::StatusOr<GroupSpec> ParseGroup(const json& body);
// What a phone writes. `from` is read too if it is not null (POST /writes).
absl::StatusOr<Writing> ParseWriting(const json& body, std::string* from = nullptr);
// auto_receipts and receipt_delay_ms, if there.
void ReadPolicy(Fields& fields, ReceiptPolicy* policy);
// The settings after a partial change.
absl::StatusOr<Settings> ParseSettings(const json& body, Settings settings);

// A double of a provider and what it is set to, the provider's own limits if not said otherwise.
absl::StatusOr<DoubleSpec> ParseDouble(const json& body, DoubleSettings* settings);
// limits, faults, late_errors and callback_retry_ms, if there.
void ReadDoubleSettings(Fields& fields, DoubleSettings* settings);

json ToJson(const DoubleView& view);
json ToJson(const Settings& settings);
json ToJson(const ReceiptPolicy& policy);
json ToJson(const Phone& phone, const PhoneView& view);
json ToJson(const Group& group);
json ToJson(const Agent& agent, const AgentView& view, const std::vector<std::string>& groups);

}  // namespace mo::simulator

// Values into answers.
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tools/simulator/shapes.h"

namespace mo::simulator {

namespace {

std::string Time(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

json ToJson(const KeptMessage& message) {
  // 64-bit keys as strings: JSON's numbers lose their last digits in many readers.
  json out{{"key", absl::StrCat(message.key)},
           {"from", message.from},
           {"kind", message.kind},
           {"text", message.text},
           {"at", Time(message.at_ms)}};
  if (message.kind == "media") out["url"] = message.url;
  if (message.kind == "location") {
    out["latitude"] = message.latitude;
    out["longitude"] = message.longitude;
  }
  return out;
}

}  // namespace

json ToJson(const ReceiptPolicy& policy) {
  return {{"auto_receipts",
           {{"sent", policy.probability[0]},
            {"delivered", policy.probability[1]},
            {"read", policy.probability[2]}}},
          {"receipt_delay_ms",
           {{"sent", policy.delay_ms[0]},
            {"delivered", policy.delay_ms[1]},
            {"read", policy.delay_ms[2]}}}};
}

json ToJson(const Settings& settings) {
  json out = ToJson(settings.receipts);
  const Faults& faults = settings.faults;
  out["keep_messages"] = settings.keep_messages;
  out["fault"] = {{"drop_result_rate", faults.drop_result_rate},
                  {"duplicate_receipt_rate", faults.duplicate_receipt_rate},
                  {"reorder_receipts", faults.reorder_receipts},
                  {"late_receipts_ms", faults.late_receipts_ms},
                  {"throttle_rate", faults.throttle_rate},
                  {"throttle_retry_ms", faults.throttle_retry_ms}};
  return out;
}

json ToJson(const Phone& phone, const PhoneView& view) {
  json out{{"network", NetworkName(phone.network)},
           {"address", phone.address},
           {"name", view.name},
           {"phone", view.phone},
           {"received", view.received},
           {"distinct", view.distinct},
           {"duplicates", view.received - view.distinct},
           {"online", view.online},
           {"blocked", view.blocked},
           {"waiting", view.waiting},
           {"unread", view.unread},
           {"messages", json::array()}};
  for (const KeptMessage& message : view.messages) out["messages"].push_back(ToJson(message));
  return out;
}

json ToJson(const Group& group) {
  return {{"network", NetworkName(group.network)},
          {"id", group.id},
          {"name", group.name},
          {"invite_link", group.invite_link},
          {"join", sims::JoinOutcome_Name(group.join).substr(sizeof("JOIN_OUTCOME_") - 1)},
          {"members", group.members}};
}

json ToJson(const Agent& agent, const AgentView& view, const std::vector<std::string>& groups) {
  const AgentSpec& spec = agent.spec();
  return {{"sim_id", spec.sim_id},
          {"network", NetworkName(spec.network)},
          {"address", spec.address},
          {"agent_id", spec.agent_id},
          {"gateway", spec.gateway},
          {"idempotent", spec.idempotent},
          {"credit", view.credit},
          {"online", view.online},
          {"attached", view.attached},
          {"banned", view.banned},
          {"lease_epoch", view.lease_epoch},
          {"attaches", view.attaches},
          {"in_flight", view.in_flight},
          {"queued", view.queued},
          {"unacked", view.unacked},
          {"last_error", view.last_error},
          {"groups", groups}};
}

}  // namespace mo::simulator

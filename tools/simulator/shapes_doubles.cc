// The JSON shapes of doubles.
#include <utility>

#include "absl/strings/match.h"
#include "libs/runtime/status.h"
#include "tools/simulator/shapes.h"

namespace mo::simulator {

namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;

absl::StatusOr<TemplateSpec> ParseTemplate(const json& object) {
  Fields fields(object, "templates.");
  TemplateSpec spec;
  spec.name = fields.Need("name");
  spec.language = fields.Need("language");
  if (fields.Has("category")) spec.category = fields.Need("category");
  if (fields.Has("status")) spec.status = fields.Need("status");
  fields.Any("category");
  fields.Any("status");
  spec.parameters = static_cast<int>(fields.Int("parameters", 0, 0, 100));
  MO_RETURN_IF_ERROR(fields.Finish());
  return spec;
}

void ReadLimits(const json& object, Fields& parent, ProviderLimits* limits) {
  Fields fields(object, "limits.");
  limits->messages_per_second =
      fields.Number("messages_per_second", limits->messages_per_second, 0, 1e9);
  limits->group_messages_per_minute =
      fields.Number("group_messages_per_minute", limits->group_messages_per_minute, 0, 1e9);
  limits->pair_interval_ms = fields.Int("pair_interval_ms", limits->pair_interval_ms, 0, kDayMs);
  limits->pair_burst = fields.Number("pair_burst", limits->pair_burst, 1, 1e9);
  limits->window_ms = fields.Int("window_ms", limits->window_ms, 0, 30 * kDayMs);
  parent.Check(fields.Finish());
}

void ReadFaults(const json& object, Fields& parent, ProviderFaults* faults) {
  Fields fields(object, "faults.");
  faults->latency_ms = fields.Int("latency_ms", faults->latency_ms, 0, kDayMs);
  faults->throttle_rate = fields.Rate("throttle_rate", faults->throttle_rate);
  faults->throttle_hint = fields.Bool("throttle_hint", faults->throttle_hint);
  faults->throttle_retry_ms = fields.Int("throttle_retry_ms", faults->throttle_retry_ms, 1, kDayMs);
  faults->error_rate = fields.Rate("error_rate", faults->error_rate);
  faults->reset_rate = fields.Rate("reset_rate", faults->reset_rate);
  parent.Check(fields.Finish());
}

}  // namespace

void ReadDoubleSettings(Fields& fields, DoubleSettings* settings) {
  if (const json* limits = fields.Object("limits")) ReadLimits(*limits, fields, &settings->limits);
  if (const json* faults = fields.Object("faults")) ReadFaults(*faults, fields, &settings->faults);
  settings->late_errors = fields.Bool("late_errors", settings->late_errors);
  settings->strangers = fields.Bool("strangers", settings->strangers);
  settings->count_by_content = fields.Bool("count_by_content", settings->count_by_content);
  settings->callback_retry_ms =
      fields.Int("callback_retry_ms", settings->callback_retry_ms, 1, kDayMs);
}

absl::StatusOr<DoubleSpec> ParseDouble(const json& body, DoubleSettings* settings) {
  Fields fields(body);
  DoubleSpec spec;
  spec.driver = fields.Need("driver");
  const auto defaults = Doubles::Defaults(spec.driver);
  fields.Check(defaults.status());
  if (defaults.ok()) *settings = *defaults;
  spec.network = Doubles::NetworkOf(spec.driver);
  spec.address = fields.Need("address");
  spec.token = fields.Need("token");
  spec.sender_id = fields.String("sender_id");
  // A bot's id is the first part of its token.
  if (spec.driver == "telegram") {
    spec.sender_id = spec.token.substr(0, spec.token.find(':'));
  } else if (spec.sender_id.empty()) {
    fields.Fail("sender_id", "is required");
  }
  spec.business_id = fields.String("business_id");
  spec.app_secret = fields.String("app_secret");
  spec.verify_token = fields.String("verify_token");
  spec.callback_url = fields.String("callback_url");
  if (const json* templates = fields.Array("templates")) {
    for (const json& object : *templates) {
      const auto parsed = ParseTemplate(object);
      fields.Check(parsed.status());
      if (parsed.ok()) spec.templates.push_back(*parsed);
    }
  }
  ReadDoubleSettings(fields, settings);
  MO_RETURN_IF_ERROR(fields.Finish());
  return spec;
}

json ToJson(const DoubleView& view) {
  const ProviderLimits& limits = view.settings.limits;
  const ProviderFaults& faults = view.settings.faults;
  const CallbackCounts& callbacks = view.callbacks;
  return {{"driver", view.spec.driver},
          {"network", NetworkName(view.spec.network)},
          {"address", view.spec.address},
          {"sender_id", view.spec.sender_id},
          {"callback_url", view.spec.callback_url},
          {"banned", view.banned},
          {"token_expired", view.token_expired},
          {"calls", view.calls},
          {"accepted", view.accepted},
          {"refused", view.refused},
          {"throttled", view.throttled},
          {"errors", view.errors},
          {"resets", view.resets},
          {"receipts", view.receipts},
          {"inbound", view.inbound},
          {"open", view.open},
          {"callbacks",
           {{"waiting", callbacks.waiting},
            {"taken", callbacks.taken},
            {"failed", callbacks.failed},
            {"verified", callbacks.open},
            {"last_status", callbacks.last_status},
            {"last_error", callbacks.last_error}}},
          {"limits",
           {{"messages_per_second", limits.messages_per_second},
            {"group_messages_per_minute", limits.group_messages_per_minute},
            {"pair_interval_ms", limits.pair_interval_ms},
            {"pair_burst", limits.pair_burst},
            {"window_ms", limits.window_ms}}},
          {"faults",
           {{"latency_ms", faults.latency_ms},
            {"throttle_rate", faults.throttle_rate},
            {"throttle_hint", faults.throttle_hint},
            {"throttle_retry_ms", faults.throttle_retry_ms},
            {"error_rate", faults.error_rate},
            {"reset_rate", faults.reset_rate}}},
          {"late_errors", view.settings.late_errors},
          {"strangers", view.settings.strangers},
          {"count_by_content", view.settings.count_by_content},
          {"callback_retry_ms", view.settings.callback_retry_ms}};
}

}  // namespace mo::simulator

#include "tools/simulator/shapes.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::simulator {

namespace {

constexpr int64_t kMostPhones = 10'000'000;
constexpr int64_t kLongestDelayMs = 24 * 3600 * 1000;
constexpr const char* kStageNames[] = {"sent", "delivered", "read"};

common::Network NeedNetwork(Fields& fields) {
  const auto network = ParseNetwork(fields.Need("network"));
  fields.Check(network.status());
  return network.ok() ? *network : common::NETWORK_UNSPECIFIED;
}

// Bulk addresses: at least four digits after the prefix, so that they sort as they count.
std::string Numbered(const std::string& prefix, int64_t number) {
  return absl::StrCat(prefix, absl::Dec(number, absl::kZeroPad4));
}

absl::Status ReadMedia(const json& object, common::Media* media, std::string* file) {
  Fields fields(object, "media.");
  common::MediaKind kind = common::MEDIA_KIND_IMAGE;
  const std::string name = fields.String("kind");
  if (!name.empty() &&
      !common::MediaKind_Parse("MEDIA_KIND_" + absl::AsciiStrToUpper(name), &kind)) {
    fields.Fail("kind", "must be IMAGE, AUDIO, VIDEO or DOCUMENT");
  }
  media->set_kind(kind);
  const std::string data = fields.String("data");
  if (!absl::Base64Unescape(data, file)) fields.Fail("data", "must be base64");
  media->set_url(data.empty() ? fields.Need("url") : fields.String("url"));
  media->set_caption(fields.String("caption"));
  media->set_filename(fields.String("filename"));
  media->set_mime_type(fields.String("mime_type"));
  media->set_size_bytes(fields.Int("size_bytes", 0, 0, int64_t{1} << 40));
  return fields.Finish();
}

void ReadContent(Fields& fields, common::Content* content, std::string* file) {
  int kinds = 0;
  if (fields.Any("text") != nullptr) {
    ++kinds;
    content->mutable_text()->set_body(fields.Need("text"));
  }
  if (const json* object = fields.Object("location")) {
    ++kinds;
    Fields location(*object, "location.");
    content->mutable_location()->set_latitude(location.Number("latitude", 0, -90, 90));
    content->mutable_location()->set_longitude(location.Number("longitude", 0, -180, 180));
    content->mutable_location()->set_name(location.String("name"));
    content->mutable_location()->set_address(location.String("address"));
    fields.Check(location.Finish());
  }
  if (const json* object = fields.Object("media")) {
    ++kinds;
    fields.Check(ReadMedia(*object, content->mutable_media(), file));
  }
  if (const json* kind = fields.Any("unsupported")) {
    ++kinds;
    content->mutable_unsupported()->set_kind(kind->is_string() ? fields.String("unsupported") : "");
  }
  if (kinds != 1) fields.Fail("text, location, media or unsupported:", "exactly one is required");
}

}  // namespace

absl::StatusOr<common::Network> ParseNetwork(absl::string_view name) {
  common::Network network;
  if (!common::Network_Parse(absl::StrCat("NETWORK_", name), &network) || network == 0) {
    return absl::InvalidArgumentError("network must be WHATSAPP, TELEGRAM, MESSENGER or SMS");
  }
  return network;
}

std::string NetworkName(common::Network network) {
  return common::Network_Name(network).substr(sizeof("NETWORK_") - 1);
}

absl::StatusOr<AgentSpec> ParseAgent(const json& body) {
  Fields fields(body);
  AgentSpec spec;
  spec.sim_id = fields.String("sim_id");
  spec.network = NeedNetwork(fields);
  spec.address = fields.Need("address");
  spec.token = fields.Need("token");
  spec.gateway = fields.Need("gateway");
  spec.agent_id = fields.String("agent_id");
  spec.idempotent = fields.Bool("idempotent", true);
  spec.credit = static_cast<int32_t>(fields.Int("credit", 1000, 1, 100000));
  MO_RETURN_IF_ERROR(fields.Finish());
  return spec;
}

absl::StatusOr<PhonesRequest> ParsePhones(const json& body, const ReceiptPolicy& defaults) {
  Fields fields(body);
  PhonesRequest request;
  PhoneSpec spec;
  spec.network = NeedNetwork(fields);
  spec.address = fields.Need("address");
  spec.name = fields.String("name");
  spec.phone = fields.String("phone");
  const int64_t count = fields.Int("count", 0, 1, kMostPhones);
  const int64_t first = fields.Int("first", 0, 0, kMostPhones);
  request.has_policy = fields.Has("auto_receipts") || fields.Has("receipt_delay_ms");
  request.policy = defaults;
  ReadPolicy(fields, &request.policy);
  MO_RETURN_IF_ERROR(fields.Finish());
  if (count == 0) {
    request.phones.push_back(std::move(spec));
    return request;
  }
  request.phones.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    PhoneSpec& phone = request.phones.emplace_back(spec);
    phone.address = Numbered(spec.address, first + i);
  }
  return request;
}

absl::StatusOr<GroupSpec> ParseGroup(const json& body) {
  Fields fields(body);
  GroupSpec spec;
  spec.network = NeedNetwork(fields);
  spec.id = fields.Need("id");
  spec.name = fields.String("name");
  spec.invite_link = fields.String("invite_link");
  const std::string join = fields.String("join");
  if (!join.empty() && (!sims::JoinOutcome_Parse("JOIN_OUTCOME_" + join, &spec.join) ||
                        spec.join == sims::JOIN_OUTCOME_UNSPECIFIED)) {
    fields.Fail("join", "must be a JoinOutcome, JOINED or PENDING_APPROVAL for example");
  }
  MO_RETURN_IF_ERROR(fields.Finish());
  return spec;
}

absl::StatusOr<Writing> ParseWriting(const json& body, std::string* from) {
  Fields fields(body);
  Writing writing;
  if (from != nullptr) *from = fields.Need("from");
  writing.group = fields.String("group");
  writing.to = writing.group.empty() ? fields.Need("to") : fields.String("to");
  ReadContent(fields, &writing.content, &writing.file);
  MO_RETURN_IF_ERROR(fields.Finish());
  return writing;
}

void ReadPolicy(Fields& fields, ReceiptPolicy* policy) {
  if (const json* object = fields.Object("auto_receipts")) {
    Fields stages(*object, "auto_receipts.");
    for (int i = 0; i < ReceiptPolicy::kStages; ++i) {
      policy->probability[i] = stages.Rate(kStageNames[i], policy->probability[i]);
    }
    fields.Check(stages.Finish());
  }
  const json* delay = fields.Any("receipt_delay_ms");
  if (delay == nullptr) return;
  if (delay->is_object()) {
    Fields stages(*delay, "receipt_delay_ms.");
    for (int i = 0; i < ReceiptPolicy::kStages; ++i) {
      policy->delay_ms[i] =
          static_cast<int32_t>(stages.Int(kStageNames[i], policy->delay_ms[i], 0, kLongestDelayMs));
    }
    fields.Check(stages.Finish());
    return;
  }
  const int64_t step = fields.Int("receipt_delay_ms", 0, 0, kLongestDelayMs / 3);
  for (int i = 0; i < ReceiptPolicy::kStages; ++i) {
    policy->delay_ms[i] = static_cast<int32_t>(step * (i + 1));
  }
}

absl::StatusOr<Settings> ParseSettings(const json& body, Settings settings) {
  Fields fields(body);
  ReadPolicy(fields, &settings.receipts);
  settings.keep_messages = static_cast<size_t>(
      fields.Int("keep_messages", static_cast<int64_t>(settings.keep_messages), 0, 10000));
  if (const json* object = fields.Object("fault")) {
    Fields fault(*object, "fault.");
    Faults& faults = settings.faults;
    faults.drop_result_rate = fault.Rate("drop_result_rate", faults.drop_result_rate);
    faults.duplicate_receipt_rate =
        fault.Rate("duplicate_receipt_rate", faults.duplicate_receipt_rate);
    faults.reorder_receipts = fault.Bool("reorder_receipts", faults.reorder_receipts);
    faults.late_receipts_ms =
        fault.Int("late_receipts_ms", faults.late_receipts_ms, 0, kLongestDelayMs);
    faults.throttle_rate = fault.Rate("throttle_rate", faults.throttle_rate);
    faults.throttle_retry_ms =
        fault.Int("throttle_retry_ms", faults.throttle_retry_ms, 0, kLongestDelayMs);
    fields.Check(fault.Finish());
  }
  MO_RETURN_IF_ERROR(fields.Finish());
  return settings;
}

}  // namespace mo::simulator

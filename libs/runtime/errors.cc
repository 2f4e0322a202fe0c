#include "libs/runtime/errors.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace mo {
namespace {

constexpr char kDomain[] = "messageorganizer.dev";
constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfo[] = "type.googleapis.com/google.rpc.RetryInfo";

template <class Message>
void Attach(absl::Status& status, const char* url, const Message& message) {
  status.SetPayload(url, absl::Cord(message.SerializeAsString()));
}

template <class Message>
std::optional<Message> Detail(const absl::Status& status, const char* url) {
  auto payload = status.GetPayload(url);
  Message message;
  if (!payload || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

void AttachFields(absl::Status& status, const std::vector<FieldProblem>& problems) {
  google::rpc::BadRequest bad;
  for (const FieldProblem& problem : problems) {
    auto* violation = bad.add_field_violations();
    violation->set_field(problem.field);
    // Our error_details.proto has no reason of its own for a violation: it leads the description.
    violation->set_description(absl::StrCat(problem.reason, ": ", problem.detail));
  }
  Attach(status, kBadRequest, bad);
}

}  // namespace

absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view detail) {
  absl::Status status(code, detail);
  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  info.set_reason(std::string(reason));
  Attach(status, kErrorInfo, info);
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  auto info = Detail<google::rpc::ErrorInfo>(status, kErrorInfo);
  return info ? info->reason() : "";
}

void Problems::Add(absl::string_view field, absl::string_view reason, absl::string_view detail) {
  problems_.push_back({std::string(field), std::string(reason), std::string(detail)});
}

absl::Status Problems::ToStatus() const {
  if (problems_.empty()) return absl::OkStatus();
  std::string detail = absl::StrCat(problems_[0].field, ": ", problems_[0].detail);
  if (problems_.size() > 1) absl::StrAppend(&detail, " (and ", problems_.size() - 1, " more)");
  absl::Status status = Error(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST", detail);
  AttachFields(status, problems_);
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view reason,
                          absl::string_view detail) {
  Problems problems;
  problems.Add(field, reason, detail);
  return problems.ToStatus();
}

absl::Status WithField(absl::Status status, absl::string_view field) {
  const std::string reason = ReasonOf(status);
  if (!reason.empty())
    AttachFields(status, {{std::string(field), reason, std::string(status.message())}});
  return status;
}

std::vector<FieldProblem> FieldProblemsOf(const absl::Status& status) {
  std::vector<FieldProblem> problems;
  auto bad = Detail<google::rpc::BadRequest>(status, kBadRequest);
  if (!bad) return problems;
  for (const auto& violation : bad->field_violations()) {
    const std::string& text = violation.description();
    size_t colon = text.find(": ");
    if (colon == std::string::npos) colon = 0;
    problems.push_back(
        {violation.field(), text.substr(0, colon), text.substr(colon ? colon + 2 : 0)});
  }
  return problems;
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(delay));
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(delay % absl::Seconds(1))));
  Attach(status, kRetryInfo, info);
  return status;
}

absl::Duration RetryDelayOf(const absl::Status& status) {
  auto info = Detail<google::rpc::RetryInfo>(status, kRetryInfo);
  if (!info) return absl::ZeroDuration();
  return absl::Seconds(info->retry_delay().seconds()) +
         absl::Nanoseconds(info->retry_delay().nanos());
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status wire;
  wire.set_code(static_cast<int>(status.code()));
  wire.set_message(std::string(status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    auto* any = wire.add_details();
    any->set_type_url(std::string(url));
    any->set_value(std::string(payload));
  });
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), wire.message(),
                      wire.details().empty() ? "" : wire.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status wire;
  if (wire.ParseFromString(status.error_details())) {
    for (const auto& any : wire.details())
      result.SetPayload(any.type_url(), absl::Cord(any.value()));
  }
  return result;
}

}  // namespace mo

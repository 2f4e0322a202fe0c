#include "libs/transcode/transcoder.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/api/httpbody.pb.h"
#include "google/protobuf/util/json_util.h"
#include "libs/http/message.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "libs/transcode/json_check.h"
#include "libs/transcode/json_value.h"
#include "libs/transcode/wire.h"
#include "messageorganizer/common/v1/page.pb.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;
using Json = nlohmann::json;
using FieldPath = std::vector<const pb::FieldDescriptor*>;

// Checks and encodes; what is left for the encoder to refuse is reported without a path of ours.
std::string EncodeJson(const Registry& registry, const pb::Descriptor* type, absl::string_view json,
                       Problems* problems) {
  std::string bytes;
  if (!CheckJson(json, type, problems)) return bytes;
  const auto status = pb::util::JsonToBinaryString(
      &registry.types(), TypeUrl(type), pb::StringPiece(json.data(), json.size()), &bytes);
  if (!status.ok()) {
    std::string field;
    // json_util writes "(path): what is wrong" or "path: what is wrong".
    const std::string message(status.message());
    if (const size_t end = message.find("): "); message[0] == '(' && end != std::string::npos) {
      field = message.substr(1, end - 1);
    }
    problems->Add(field, "BAD_FORMAT", "is not a value of this field");
  }
  return bytes;
}

// Puts a text from the path or the query where `path` leads, as the JSON that its field takes.
void SetField(const FieldPath& path, absl::string_view name, std::string text, Json* object,
              Problems* problems) {
  if (!IsUtf8(text)) {
    problems->Add(name, "BAD_FORMAT", "is not UTF-8");
    return;
  }
  Json* at = object;
  for (const pb::FieldDescriptor* field : path) at = &(*at)[field->name()];
  const pb::FieldDescriptor& field = *path.back();
  Json value = std::move(text);
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) {
    if (value == "true") value = true;
    if (value == "false") value = false;
  }
  if (field.is_repeated()) {
    at->push_back(std::move(value));
  } else if (!at->is_null()) {
    problems->Add(name, "DUPLICATE", "given twice");
  } else {
    *at = std::move(value);
  }
}

// The fields that a query parameter names, if it may set them: scalars, lists of scalars, times and
// masks.
std::optional<FieldPath> ResolveParameter(const Route& route, const std::string& name) {
  const pb::Descriptor* type = route.method->descriptor->input_type();
  FieldPath path;
  for (absl::string_view part : absl::StrSplit(name, '.')) {
    if (type == nullptr || (!path.empty() && path.back()->is_repeated())) return std::nullopt;
    const pb::FieldDescriptor* field = type->FindFieldByName(std::string(part));
    if (field == nullptr) field = type->FindFieldByCamelcaseName(std::string(part));
    if (field == nullptr || field == route.body_field) return std::nullopt;
    path.push_back(field);
    type = field->message_type();
    if (type != nullptr && IsPlainValue(type)) type = nullptr;
  }
  if (type != nullptr) return std::nullopt;
  for (const Route::Variable& variable : route.variables) {
    if (variable.path == path) return std::nullopt;
  }
  return path;
}

Json PathAndQuery(const Route& route, const std::vector<std::string>& values,
                  absl::string_view query, Problems* problems) {
  Json object;
  for (const auto& [name, value] : http::ParseQuery(query)) {
    std::optional<FieldPath> path;
    if (route.takes_query()) path = ResolveParameter(route, name);
    if (path) {
      SetField(*path, name, value, &object, problems);
    } else {
      problems->Add(IsUtf8(name) ? name.substr(0, 64) : "", "UNKNOWN_FIELD",
                    "there is no such query parameter");
    }
  }
  for (size_t i = 0; i < route.variables.size(); ++i) {
    const Route::Variable& variable = route.variables[i];
    std::optional<std::string> text = http::PercentDecode(values[i]);
    if (text) {
      SetField(variable.path, variable.name, *std::move(text), &object, problems);
    } else {
      problems->Add(variable.name, "BAD_FORMAT", "is not well percent-encoded");
    }
  }
  return object;
}

// What the path says goes; a body that says otherwise is about another resource than its author
// thinks.
void CheckAgainstPath(const Route& route, const std::vector<std::string>& values,
                      absl::string_view body, Problems* problems) {
  if (route.variables.empty() || (!route.whole_body && route.body_field == nullptr)) return;
  const Json object = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  for (size_t i = 0; i < route.variables.size(); ++i) {
    const FieldPath& path = route.variables[i].path;
    // The body has the field itself: as a part of the whole request, or of its one field.
    if (path.size() != (route.whole_body ? 1 : 2)) continue;
    if (!route.whole_body && path[0] != route.body_field) continue;
    for (const std::string& name : {path.back()->name(), path.back()->camelcase_name()}) {
      const auto given = object.find(name);
      if (given == object.end() || !given->is_string()) continue;
      if (http::PercentDecode(values[i]) == given->get<std::string>()) continue;
      problems->Add(route.variables[i].name, "NOT_AS_IN_PATH", "is another than in the path");
      break;
    }
  }
}

}  // namespace

absl::StatusOr<std::string> EncodeRequest(const Registry& registry, const Route& route,
                                          const std::vector<std::string>& values,
                                          absl::string_view query, absl::string_view body) {
  Problems problems;
  const pb::Descriptor* type = route.method->descriptor->input_type();
  std::string bytes;
  if (!absl::StripAsciiWhitespace(body).empty()) {
    if (route.whole_body) {
      bytes = EncodeJson(registry, type, body, &problems);
    } else if (route.body_field != nullptr) {
      AppendField(*route.body_field,
                  EncodeJson(registry, route.body_field->message_type(), body, &problems), &bytes);
    } else {
      problems.Add("", "BODY_NOT_ALLOWED", "this method takes no body");
    }
    if (problems.empty()) CheckAgainstPath(route, values, body, &problems);
  }
  const Json rest = PathAndQuery(route, values, query, &problems);
  if (!rest.is_null()) absl::StrAppend(&bytes, EncodeJson(registry, type, rest.dump(), &problems));
  MO_RETURN_IF_ERROR(problems.ToStatus());
  return bytes;
}

absl::StatusOr<HttpBody> DecodeResponse(const Registry& registry, const Method& method,
                                        const std::string& bytes) {
  if (method.raw_response) {
    google::api::HttpBody raw;
    if (!raw.ParseFromString(bytes)) return absl::InternalError("malformed HttpBody");
    messageorganizer::common::v1::NextPage next;
    for (const auto& extension : raw.extensions()) {
      if (extension.Is<messageorganizer::common::v1::NextPage>()) extension.UnpackTo(&next);
    }
    return HttpBody{raw.content_type(), std::move(*raw.mutable_data()), next.page_token()};
  }
  HttpBody result{"application/json", "", ""};
  MO_RETURN_IF_ERROR(
      registry.types().ToJson(method.descriptor->output_type(), bytes, &result.body));
  return result;
}

}  // namespace mo::transcode

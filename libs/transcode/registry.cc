#include "libs/transcode/registry.h"

#include <cstdio>
#include <cstdlib>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/api/annotations.pb.h"
#include "libs/runtime/status.h"
#include "libs/transcode/json_value.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo::embedded {
absl::string_view descriptors();
}  // namespace mo::embedded

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;
using google::api::HttpRule;

constexpr char kPackage[] = "messageorganizer.";

// More would not fit the checker's bit sets.
constexpr int kMaxFields = 128;
constexpr int kMaxOneofs = 32;

struct MethodAndPath {
  std::string http_method;
  std::string path;
};

MethodAndPath PatternOf(const HttpRule& rule) {
  switch (rule.pattern_case()) {
    case HttpRule::kGet:
      return {"GET", rule.get()};
    case HttpRule::kPut:
      return {"PUT", rule.put()};
    case HttpRule::kPost:
      return {"POST", rule.post()};
    case HttpRule::kDelete:
      return {"DELETE", rule.delete_()};
    case HttpRule::kPatch:
      return {"PATCH", rule.patch()};
    default:
      return {};
  }
}

// The fields that "sim.id" names, the last one a single scalar.
absl::StatusOr<Route::Variable> ResolveVariable(const pb::Descriptor* type,
                                                const std::string& name) {
  Route::Variable variable{name, {}};
  for (absl::string_view part : absl::StrSplit(name, '.')) {
    if (type == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, " leads too deep"));
    const pb::FieldDescriptor* field = type->FindFieldByName(std::string(part));
    if (field == nullptr || field->is_repeated()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is no single field"));
    }
    variable.path.push_back(field);
    type = field->message_type();
  }
  if (type != nullptr) return absl::InvalidArgumentError(absl::StrCat(name, " is no scalar"));
  return variable;
}

absl::StatusOr<std::unique_ptr<Route>> MakeRoute(const Method& method, const HttpRule& rule,
                                                 PathTemplate* path) {
  auto route = std::make_unique<Route>();
  route->method = &method;
  const MethodAndPath pattern = PatternOf(rule);
  route->http_method = pattern.http_method;
  route->path = pattern.path;
  if (pattern.path.empty()) return absl::InvalidArgumentError("a route needs a method and a path");
  if (!rule.response_body().empty()) {
    return absl::InvalidArgumentError("response_body is not supported");
  }
  MO_ASSIGN_OR_RETURN(*path, PathTemplate::Parse(route->path));
  const pb::Descriptor* request = method.descriptor->input_type();
  for (const PathTemplate::Segment& segment : path->segments) {
    if (!segment.variable) continue;
    MO_ASSIGN_OR_RETURN(Route::Variable variable, ResolveVariable(request, segment.text));
    route->variables.push_back(std::move(variable));
  }
  if (rule.body() == "*") {
    route->whole_body = true;
  } else if (!rule.body().empty()) {
    route->body_field = request->FindFieldByName(rule.body());
    if (route->body_field == nullptr || route->body_field->is_repeated() ||
        route->body_field->message_type() == nullptr ||
        IsPlainValue(route->body_field->message_type())) {
      return absl::InvalidArgumentError(
          absl::StrCat("body \"", rule.body(), "\" is no field with a message"));
    }
  }
  return route;
}

absl::Status At(const pb::MethodDescriptor* method, absl::string_view problem) {
  return absl::FailedPreconditionError(absl::StrCat(method->full_name(), ": ", problem));
}

absl::Status CheckSize(const pb::Descriptor* message) {
  if (message->field_count() > kMaxFields || message->oneof_decl_count() > kMaxOneofs) {
    return absl::FailedPreconditionError(absl::StrCat(message->full_name(), ": too many fields"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Registry>> Registry::Create(const pb::FileDescriptorSet& files) {
  std::unique_ptr<Registry> registry(new Registry());
  for (const pb::FileDescriptorProto& proto : files.file()) {
    const pb::FileDescriptor* file = registry->pool_.BuildFile(proto);
    if (file == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(proto.name(), " does not build"));
    }
    registry->files_.push_back(file);
  }
  for (const pb::FileDescriptor* file : registry->files_) {
    if (absl::StartsWith(file->package(), kPackage)) MO_RETURN_IF_ERROR(registry->AddFile(file));
  }
  registry->types_ = std::make_unique<CachedTypes>(registry->pool_, registry->files_);
  return registry;
}

pb::FileDescriptorSet Registry::EmbeddedFiles() {
  pb::FileDescriptorSet files;
  const absl::string_view bytes = embedded::descriptors();
  files.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return files;
}

const Registry& Registry::Embedded() {
  static const Registry* const registry = [] {
    auto created = Create(EmbeddedFiles());
    if (!created.ok()) {
      std::fprintf(stderr, "contracts: %s\n", std::string(created.status().message()).c_str());
      std::abort();
    }
    return created->release();
  }();
  return *registry;
}

absl::Status Registry::AddFile(const pb::FileDescriptor* file) {
  for (int i = 0; i < file->message_type_count(); ++i) {
    const pb::Descriptor* message = file->message_type(i);
    MO_RETURN_IF_ERROR(CheckSize(message));
    const std::string& name = message->options().GetExtension(messageorganizer::common::v1::event);
    if (!name.empty()) events_.push_back({name, message});
  }
  for (int i = 0; i < file->service_count(); ++i) {
    for (int j = 0; j < file->service(i)->method_count(); ++j) {
      MO_RETURN_IF_ERROR(AddMethod(file->service(i)->method(j)));
    }
  }
  return absl::OkStatus();
}

absl::Status Registry::AddMethod(const pb::MethodDescriptor* descriptor) {
  auto method = std::make_unique<Method>();
  method->descriptor = descriptor;
  method->service = descriptor->service()->full_name();
  method->grpc_path = absl::StrCat("/", method->service, "/", descriptor->name());
  method->scope = descriptor->options().GetExtension(messageorganizer::common::v1::scope);
  method->raw_response = descriptor->output_type()->full_name() == "google.api.HttpBody";
  if (method->scope.empty()) return At(descriptor, "has no scope");
  const bool streaming = descriptor->client_streaming() || descriptor->server_streaming();
  const bool routed = descriptor->options().HasExtension(google::api::http);
  if (routed && method->internal()) return At(descriptor, "is internal and has a route");
  if (routed && streaming) return At(descriptor, "streams and has a route");
  if (!routed && !streaming && !method->internal()) return At(descriptor, "has no route");
  if (routed) {
    const HttpRule& main = descriptor->options().GetExtension(google::api::http);
    std::vector<const HttpRule*> rules = {&main};
    for (const HttpRule& rule : main.additional_bindings()) rules.push_back(&rule);
    for (const HttpRule* rule : rules) {
      PathTemplate path;
      auto route = MakeRoute(*method, *rule, &path);
      if (!route.ok()) return At(descriptor, route.status().message());
      if (!table_.Add((*route)->http_method, path, route->get()).ok()) {
        return At(descriptor, absl::StrCat((*route)->http_method, " ", (*route)->path,
                                           " is another RPC's route"));
      }
      routes_.push_back(*std::move(route));
    }
  }
  methods_.push_back(std::move(method));
  return absl::OkStatus();
}

std::vector<std::string> Registry::publishers() const {
  std::set<std::string> names;
  for (const Event& event : events_) {
    const std::vector<std::string> package = absl::StrSplit(event.message->full_name(), '.');
    names.insert(package[1]);
  }
  return {names.begin(), names.end()};
}

const Event* Registry::FindEvent(absl::string_view type) const {
  for (const Event& event : events_) {
    if (event.message->full_name() == type) return &event;
  }
  return nullptr;
}

template <typename DescriptorT>
std::string CommentOf(const DescriptorT* descriptor) {
  pb::SourceLocation location;
  if (!descriptor->GetSourceLocation(&location)) return "";
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(location.leading_comments, '\n')) {
    lines.emplace_back(absl::StripAsciiWhitespace(line));
  }
  return std::string(absl::StripAsciiWhitespace(absl::StrJoin(lines, "\n")));
}

template std::string CommentOf(const pb::MethodDescriptor*);
template std::string CommentOf(const pb::ServiceDescriptor*);
template std::string CommentOf(const pb::Descriptor*);
template std::string CommentOf(const pb::FieldDescriptor*);
template std::string CommentOf(const pb::EnumDescriptor*);
template std::string CommentOf(const pb::EnumValueDescriptor*);

}  // namespace mo::transcode

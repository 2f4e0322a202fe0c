// What every proto of ours keeps to, beside what the registry refuses to start with.
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/transcode/registry.h"
#include "messageorganizer/common/v1/options.pb.h"
#include "re2/re2.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;

const Registry& R() { return Registry::Embedded(); }

// "MediaKind" → "MEDIA_KIND".
std::string UpperSnake(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (i > 0 && absl::ascii_isupper(name[i])) out += '_';
    out += absl::ascii_toupper(name[i]);
  }
  return out;
}

void ForEachMessage(const std::function<void(const pb::Descriptor*)>& visit) {
  const std::function<void(const pb::Descriptor*)> walk = [&](const pb::Descriptor* message) {
    if (message->options().map_entry()) return;
    visit(message);
    for (int i = 0; i < message->nested_type_count(); ++i) walk(message->nested_type(i));
  };
  for (const pb::FileDescriptor* file : R().files()) {
    if (!absl::StartsWith(file->package(), "messageorganizer.")) continue;
    for (int i = 0; i < file->message_type_count(); ++i) walk(file->message_type(i));
  }
}

TEST_CASE("Every file is of a versioned package below messageorganizer") {
  for (const pb::FileDescriptor* file : R().files()) {
    if (absl::StartsWith(file->name(), "google/")) continue;
    CAPTURE(file->name());
    CHECK(re2::RE2::FullMatch(file->package(), "messageorganizer\\.[a-z]+\\.v1"));
    CHECK(file->syntax() == pb::FileDescriptor::SYNTAX_PROTO3);
  }
}

TEST_CASE("Every RPC has a comment, a request of its own, and a well formed scope and path") {
  std::map<std::string, std::string> requests;
  std::set<const pb::ServiceDescriptor*> services;
  for (const auto& method : R().methods()) {
    const pb::MethodDescriptor* rpc = method->descriptor;
    CAPTURE(rpc->full_name());
    services.insert(rpc->service());
    CHECK_FALSE(CommentOf(rpc).empty());
    CHECK(re2::RE2::FullMatch(method->scope, "public|operator|internal|[a-z-]+:(read|write)"));
    if (rpc->client_streaming()) continue;
    CHECK(rpc->input_type()->name() == rpc->name() + "Request");
    CHECK(requests.emplace(rpc->input_type()->full_name(), rpc->full_name()).second);
  }
  for (const pb::ServiceDescriptor* service : services) {
    CAPTURE(service->full_name());
    CHECK_FALSE(CommentOf(service).empty());
    CHECK(absl::EndsWith(service->name(), "Service"));
  }
  for (const auto& route : R().routes()) {
    CAPTURE(route->method->descriptor->full_name(), route->path);
    CHECK(
        re2::RE2::FullMatch(route->path, "/v1(/[a-z][a-z-]*|/\\{[a-z_.]+\\})+(:[a-z][A-Za-z]*)?"));
    // A GET changes nothing, so a reader's scope is enough.
    if (route->http_method == "GET" && absl::EndsWith(route->method->scope, ":write")) {
      FAIL_CHECK("GET needs a write scope");
    }
  }
}

TEST_CASE("Every message has a comment, its own or its RPC's") {
  std::set<const pb::Descriptor*> commented_by_rpc;
  for (const auto& method : R().methods()) {
    commented_by_rpc.insert(method->descriptor->input_type());
    commented_by_rpc.insert(method->descriptor->output_type());
  }
  ForEachMessage([&](const pb::Descriptor* message) {
    CAPTURE(message->full_name());
    CHECK((commented_by_rpc.count(message) != 0 || !CommentOf(message).empty()));
  });
}

TEST_CASE("Fields are named and ruled sensibly") {
  ForEachMessage([](const pb::Descriptor* message) {
    for (int i = 0; i < message->field_count(); ++i) {
      const pb::FieldDescriptor* field = message->field(i);
      CAPTURE(field->full_name());
      CHECK(re2::RE2::FullMatch(field->name(), "[a-z][a-z0-9]*(_[a-z0-9]+)*"));
      const auto& rule = field->options().GetExtension(messageorganizer::common::v1::rule);
      const bool text = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING;
      const bool texts = text || field->is_map();
      if (!texts) {
        CHECK(rule.max_length() == 0);
        CHECK(rule.pattern().empty());
        CHECK(rule.id().empty());
        CHECK_FALSE((rule.phone() || rule.url() || rule.language() || rule.time_zone()));
      }
      if (!field->is_repeated()) CHECK(rule.max_items() == 0);
      CHECK(rule.min() <= rule.max());
      CHECK_FALSE((rule.required() && rule.output_only()));
      // A secret that is required could not be left out of an update; the text of one is opaque.
      if (rule.secret()) {
        CHECK(text);
        CHECK_FALSE((rule.required() || rule.output_only() || field->is_repeated()));
      }
      if (!rule.pattern().empty()) CHECK(re2::RE2(rule.pattern(), re2::RE2::Quiet).ok());
      // A comment that names an id's prefix and a rule that does not, or another one, is a mistake.
      std::string prefix;
      if (re2::RE2::PartialMatch(CommentOf(field), "^\"([a-z]+)_…\"", &prefix) &&
          !rule.id().empty()) {
        CHECK(rule.id() == prefix);
      }
    }
  });
}

TEST_CASE("Every enum starts unspecified and carries its name in its values") {
  const auto check = [](const pb::EnumDescriptor* type) {
    CAPTURE(type->full_name());
    const std::string prefix = UpperSnake(type->name()) + "_";
    CHECK_FALSE(CommentOf(type).empty());
    REQUIRE(type->FindValueByNumber(0) != nullptr);
    CHECK(type->FindValueByNumber(0)->name() == prefix + "UNSPECIFIED");
    for (int i = 0; i < type->value_count(); ++i) {
      CHECK(absl::StartsWith(type->value(i)->name(), prefix));
    }
  };
  for (const pb::FileDescriptor* file : R().files()) {
    if (!absl::StartsWith(file->package(), "messageorganizer.")) continue;
    for (int i = 0; i < file->enum_type_count(); ++i) check(file->enum_type(i));
  }
  ForEachMessage([&](const pb::Descriptor* message) {
    for (int i = 0; i < message->enum_type_count(); ++i) check(message->enum_type(i));
  });
}

TEST_CASE("Events have names of their own") {
  std::set<std::string> names;
  for (const Event& event : R().events()) {
    CAPTURE(event.message->full_name());
    CHECK(re2::RE2::FullMatch(event.name, "[a-z]+\\.[a-z_]+"));
    CHECK(names.insert(event.name).second);
  }
  CHECK(names.count("message.received") == 1);
}

}  // namespace
}  // namespace mo::transcode

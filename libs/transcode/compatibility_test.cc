// Within v1 only additions: compares the protos with the last released ones
// (tools/release-contracts).
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/api/annotations.pb.h"
#include "libs/transcode/registry.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;

// Everything that clients may rely on, as "what → how it is". A line may be added; none may go or
// change.
using Promises = std::map<std::string, std::string>;

void AddEnum(const std::string& name, const pb::EnumDescriptorProto& type, Promises* out) {
  for (const auto& value : type.value()) {
    (*out)[absl::StrCat("enum ", name, " number ", value.number())] = value.name();
  }
}

void AddMessage(const std::string& name, const pb::DescriptorProto& message, Promises* out) {
  (*out)["message " + name] = message.options().GetExtension(messageorganizer::common::v1::event);
  for (const auto& field : message.field()) {
    const std::string oneof =
        field.has_oneof_index() ? message.oneof_decl(field.oneof_index()).name() : "";
    (*out)[absl::StrCat("field ", name, " number ", field.number())] =
        absl::StrCat(field.name(), " ", pb::FieldDescriptorProto::Type_Name(field.type()), " ",
                     field.type_name(), " ", pb::FieldDescriptorProto::Label_Name(field.label()),
                     " ", field.json_name(), " ", oneof);
  }
  for (const auto& nested : message.nested_type())
    AddMessage(name + "." + nested.name(), nested, out);
  for (const auto& type : message.enum_type()) AddEnum(name + "." + type.name(), type, out);
}

void AddRoute(const std::string& rpc, const google::api::HttpRule& rule, Promises* out) {
  google::api::HttpRule route = rule;
  route.clear_additional_bindings();
  (*out)[absl::StrCat("route of ", rpc, ": ", route.ShortDebugString())] = "";
  for (const auto& more : rule.additional_bindings()) AddRoute(rpc, more, out);
}

Promises PromisesOf(const pb::FileDescriptorSet& files) {
  Promises out;
  for (const auto& file : files.file()) {
    if (!absl::StartsWith(file.package(), "messageorganizer.")) continue;
    for (const auto& message : file.message_type()) {
      AddMessage(file.package() + "." + message.name(), message, &out);
    }
    for (const auto& type : file.enum_type())
      AddEnum(file.package() + "." + type.name(), type, &out);
    for (const auto& service : file.service()) {
      for (const auto& method : service.method()) {
        const std::string rpc =
            absl::StrCat(file.package(), ".", service.name(), ".", method.name());
        out["rpc " + rpc] =
            absl::StrCat(method.input_type(), " ", method.output_type(), " ",
                         method.client_streaming(), method.server_streaming(), " ",
                         method.options().GetExtension(messageorganizer::common::v1::scope));
        if (method.options().HasExtension(google::api::http)) {
          AddRoute(rpc, method.options().GetExtension(google::api::http), &out);
        }
      }
    }
  }
  return out;
}

// What `now` no longer keeps of `released`.
std::vector<std::string> Broken(const pb::FileDescriptorSet& released,
                                const pb::FileDescriptorSet& now) {
  std::vector<std::string> broken;
  const Promises current = PromisesOf(now);
  for (const auto& [what, how] : PromisesOf(released)) {
    auto found = current.find(what);
    if (found == current.end()) {
      broken.push_back(what + " is gone");
    } else if (found->second != how) {
      broken.push_back(absl::StrCat(what, " was \"", how, "\", is \"", found->second, "\""));
    }
  }
  return broken;
}

pb::FileDescriptorSet Released() {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind("/libs/")) + "/tests/contracts/released.binpb",
                     std::ios::binary);
  pb::FileDescriptorSet files;
  REQUIRE(files.ParseFromIstream(&file));
  REQUIRE(files.file_size() > 10);
  return files;
}

TEST_CASE("Nothing that was released has been taken back") {
  CHECK(absl::StrJoin(Broken(Released(), Registry::EmbeddedFiles()), "\n") == "");
}

TEST_CASE("The comparison sees what breaks clients, and lets additions pass") {
  const auto find = [](pb::FileDescriptorSet* files, const std::string& name) {
    for (auto& file : *files->mutable_file()) {
      for (auto& message : *file.mutable_message_type()) {
        if (message.name() == name) return &message;
      }
    }
    throw std::runtime_error(name);
  };
  const auto rpc = [](pb::FileDescriptorSet* files, const std::string& name) {
    for (auto& file : *files->mutable_file()) {
      for (auto& service : *file.mutable_service()) {
        for (auto& method : *service.mutable_method()) {
          if (method.name() == name) return &method;
        }
      }
    }
    throw std::runtime_error(name);
  };
  struct Case {
    const char* broken;  // part of the lines; empty: nothing
    std::function<void(pb::FileDescriptorSet*)> change;
  };
  const Case cases[] = {
      {"", [&](auto* f) { find(f, "Contact")->add_field()->set_number(999); }},
      {"",
       [&](auto* f) { f->mutable_file(f->file_size() - 1)->add_message_type()->set_name("New"); }},
      {"field messageorganizer.contacts.v1.Contact number 1 is gone",
       [&](auto* f) { find(f, "Contact")->mutable_field()->DeleteSubrange(0, 1); }},
      {"number 1 is gone", [&](auto* f) { find(f, "Contact")->mutable_field(0)->set_number(998); }},
      {"was \"id TYPE_STRING",
       [&](auto* f) { find(f, "Contact")->mutable_field(0)->set_name("key"); }},
      {"is \"id TYPE_INT64",
       [&](auto* f) {
         find(f, "Contact")->mutable_field(0)->set_type(pb::FieldDescriptorProto::TYPE_INT64);
       }},
      {"LABEL_REPEATED",
       [&](auto* f) {
         find(f, "Contact")->mutable_field(0)->set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
       }},
      {"contact.registered",
       [&](auto* f) {
         find(f, "ContactRegistered")
             ->mutable_options()
             ->SetExtension(messageorganizer::common::v1::event, "contact.new");
       }},
      {"rpc messageorganizer.contacts.v1.ContactService.GetContact is gone",
       [&](auto* f) { rpc(f, "GetContact")->set_name("ReadContact"); }},
      {"Empty", [&](auto* f) { rpc(f, "GetContact")->set_output_type(".google.protobuf.Empty"); }},
      {"contacts:write",
       [&](auto* f) {
         rpc(f, "GetContact")
             ->mutable_options()
             ->SetExtension(messageorganizer::common::v1::scope, "contacts:write");
       }},
      {"route of messageorganizer.contacts.v1.ContactService.GetContact",
       [&](auto* f) {
         rpc(f, "GetContact")
             ->mutable_options()
             ->MutableExtension(google::api::http)
             ->set_get("/v1/people/{id}");
       }},
      {"enum messageorganizer.common.v1.Network number 1 ",
       [&](auto* f) {
         for (auto& file : *f->mutable_file()) {
           for (auto& type : *file.mutable_enum_type()) {
             if (type.name() == "Network") type.mutable_value(1)->set_name("NETWORK_OTHER");
           }
         }
       }},
  };
  for (const Case& c : cases) {
    pb::FileDescriptorSet changed = Registry::EmbeddedFiles();
    c.change(&changed);
    const std::vector<std::string> broken = Broken(Registry::EmbeddedFiles(), changed);
    CAPTURE(c.broken, broken);
    CHECK(broken.empty() == (*c.broken == '\0'));
    CHECK(absl::StrContains(absl::StrJoin(broken, "\n"), c.broken));
  }
}

}  // namespace
}  // namespace mo::transcode

#include "libs/transcode/registry.h"

#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "google/api/annotations.pb.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;

TEST_CASE("Routes are found by method and path") {
  struct Case {
    const char* http_method;
    const char* path;
    const char* rpc;     // empty: none
    const char* values;  // joined by |
    const char* allow;   // joined by |
  };
  const Case cases[] = {
      {"GET", "/v1/contacts", "ListContacts", "", "GET"},
      {"GET", "/v1/contacts/con_1", "GetContact", "con_1", "GET|PATCH"},
      {"GET", "/v1/contacts/con%2F1", "GetContact", "con%2F1", "GET|PATCH"},
      {"PATCH", "/v1/contacts/con_1", "UpdateContact", "con_1", "GET|PATCH"},
      {"DELETE", "/v1/contacts/con_1", "", "con_1", "GET|PATCH"},
      {"GET", "/v1/contacts:count", "CountContacts", "", "GET"},
      {"POST", "/v1/contacts:count", "", "", "GET"},
      {"GET", "/v1/sims:occupancy", "GetOccupancy", "", "GET"},
      {"POST", "/v1/sims/sim_1:pause", "PauseSim", "sim_1", "POST"},
      {"GET", "/v1/sims/sim_1:pause", "", "sim_1", "POST"},
      {"POST", "/v1/sims/sim_1:dance", "", "sim_1:dance", "DELETE|GET|PATCH"},
      {"GET", "/v1/sims/a%3Apause", "GetSim", "a%3Apause", "DELETE|GET|PATCH"},
      {"POST", "/v1/sims/sim_1/groups:join", "JoinGroup", "sim_1", "POST"},
      {"DELETE", "/v1/channels/chn_1/subscriptions/con_2", "Unsubscribe", "chn_1|con_2", "DELETE"},
      {"GET", "/%761/contacts", "ListContacts", "", "GET"},
      {"GET", "/v1/contacts/", "", "", ""},
      {"GET", "//v1/contacts", "", "", ""},
      {"GET", "/v1//contacts", "", "", ""},
      {"GET", "/v1", "", "", ""},
      {"GET", "/", "", "", ""},
      {"GET", "", "", "", ""},
      {"GET", "*", "", "", ""},
      {"GET", "/v1/contacts/con_1/nope", "", "", ""},
      {"POST", "/messageorganizer.accounts.v1.AccountService/Authenticate", "", "", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.http_method, c.path);
    const RouteMatch match = Registry::Embedded().Match(c.http_method, c.path);
    CHECK((match.route == nullptr ? "" : match.route->method->descriptor->name()) == c.rpc);
    CHECK(absl::StrJoin(match.values, "|") == c.values);
    CHECK(absl::StrJoin(match.allow, "|") == c.allow);
  }
}

TEST_CASE("Methods carry path, scope and whether they answer raw bytes") {
  const RouteMatch match = Registry::Embedded().Match("GET", "/v1/registrations/reg_1/qr");
  REQUIRE(match.route != nullptr);
  const Method& method = *match.route->method;
  CHECK(method.grpc_path == "/messageorganizer.contacts.v1.ContactService/GetRegistrationQr");
  CHECK(method.scope == "contacts:read");
  CHECK(method.raw_response);
}

TEST_CASE("Public events are known by their type") {
  const Event* event = Registry::Embedded().FindEvent("messageorganizer.inbox.v1.MessageReceived");
  REQUIRE(event != nullptr);
  CHECK(event->name == "message.received");
  CHECK(Registry::Embedded().FindEvent("messageorganizer.sims.v1.InboundReceived") == nullptr);
  CHECK(Registry::Embedded().FindEvent("nonsense") == nullptr);
}

TEST_CASE("Path templates") {
  for (const char* good :
       {"/v1/sims", "/v1/sims:occupancy", "/v1/sims/{id}", "/v1/sims/{sim.id}:x"}) {
    CAPTURE(good);
    CHECK(PathTemplate::Parse(good).ok());
  }
  for (const char* bad : {"", "v1", "/v1//x", "/v1/{id", "/v1/{}", "/v1/{id=a/*}", "/v1/**",
                          "/v1/*", "/v1/{id}x", "/v1/{id}:", "/v1/{id}:x/y", "/v1/a{id}", "/"}) {
    CAPTURE(bad);
    CHECK_FALSE(PathTemplate::Parse(bad).ok());
  }
}

// The embedded contracts with one method changed.
absl::Status CreateWith(const std::string& name,
                        const std::function<void(pb::MethodDescriptorProto*)>& change) {
  pb::FileDescriptorSet files = Registry::EmbeddedFiles();
  bool found = false;
  for (auto& file : *files.mutable_file()) {
    for (auto& service : *file.mutable_service()) {
      for (auto& method : *service.mutable_method()) {
        if (method.name() != name) continue;
        found = true;
        change(&method);
      }
    }
  }
  REQUIRE(found);
  return Registry::Create(files).status();
}

google::api::HttpRule* Rule(pb::MethodDescriptorProto* method) {
  return method->mutable_options()->MutableExtension(google::api::http);
}

TEST_CASE("Contracts that contradict themselves do not start") {
  struct Case {
    const char* method;
    std::function<void(pb::MethodDescriptorProto*)> change;
    const char* error;
  };
  const auto scope = messageorganizer::common::v1::scope;
  const Case cases[] = {
      {"GetContact", [&](auto* m) { m->mutable_options()->ClearExtension(scope); }, "has no scope"},
      {"GetContact", [&](auto* m) { m->mutable_options()->ClearExtension(google::api::http); },
       "has no route"},
      {"FindContact", [&](auto* m) { Rule(m)->set_get("/v1/find"); },
       "is internal and has a route"},
      {"GetContact", [&](auto* m) { m->set_server_streaming(true); }, "streams and has a route"},
      {"GetSim", [&](auto* m) { Rule(m)->set_get("/v1/contacts/{id}"); }, "another RPC's route"},
      {"GetContact", [&](auto* m) { Rule(m)->set_get("/v1/contacts/{nope}"); },
       "nope is no single field"},
      {"UpdateContact", [&](auto* m) { Rule(m)->set_patch("/v1/contacts/{contact}"); },
       "is no scalar"},
      {"UpdateContact", [&](auto* m) { Rule(m)->set_patch("/v1/contacts/{contact.id.x}"); },
       "too deep"},
      {"UpdateContact", [&](auto* m) { Rule(m)->set_body("nope"); }, "is no field with a message"},
      {"UpdateContact", [&](auto* m) { Rule(m)->set_body("update_mask"); },
       "is no field with a message"},
      {"GetContact", [&](auto* m) { Rule(m)->set_response_body("id"); }, "response_body"},
      {"GetContact", [&](auto* m) { Rule(m)->mutable_custom()->set_kind("HEAD"); },
       "a method and a path"},
      {"GetContact",
       [&](auto* m) { Rule(m)->add_additional_bindings()->set_get("/v1/contacts/{id}"); },
       "another RPC's route"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.method, c.error);
    const absl::Status status = CreateWith(c.method, c.change);
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(absl::StrContains(status.message(), c.method));
    CHECK(absl::StrContains(status.message(), c.error));
  }
}

TEST_CASE("Additional bindings lead to the same RPC") {
  CHECK(CreateWith("GetContact", [](auto* m) {
          Rule(m)->add_additional_bindings()->set_get("/v1/people/{id}");
        }).ok());
}

}  // namespace
}  // namespace mo::transcode

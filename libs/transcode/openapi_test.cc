#include "libs/transcode/openapi.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace mo::transcode {
namespace {

using Json = nlohmann::json;

// Tests run from the build folder: the tree is found from this file.
std::string GoldenPath() {
  const std::string here = __FILE__;
  return here.substr(0, here.rfind("/libs/")) + "/tests/contracts/openapi.golden.json";
}

Json Document() { return Json::parse(OpenApi(Registry::Embedded(), "")); }

TEST_CASE("The OpenAPI document is the one that was reviewed") {
  const std::string now = OpenApi(Registry::Embedded(), "");
  if (std::getenv("MO_UPDATE_GOLDEN") != nullptr) std::ofstream(GoldenPath()) << now;
  std::ifstream file(GoldenPath());
  std::stringstream golden;
  golden << file.rdbuf();
  // Not a CHECK of the texts: 100 KB of difference help nobody. See it with git diff after an
  // update.
  const bool same = golden.str() == now;
  INFO("run transcode_test with MO_UPDATE_GOLDEN=1 and review the change of " << GoldenPath());
  CHECK(same);
}

TEST_CASE("The document is the same every time") {
  CHECK(OpenApi(Registry::Embedded(), "x") ==
        OpenApi(**Registry::Create(Registry::EmbeddedFiles()), "x"));
}

TEST_CASE("Every route is in the document, with its scope") {
  const Json document = Document();
  size_t operations = 0;
  std::set<std::string> ids;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [http_method, operation] : item.items()) {
      CAPTURE(path, http_method);
      ++operations;
      CHECK(ids.insert(operation["operationId"]).second);
      CHECK_FALSE(operation["summary"].get<std::string>().empty());
      CHECK_FALSE(operation["x-required-scope"].get<std::string>().empty());
      CHECK(operation["responses"].contains("200"));
    }
  }
  CHECK(operations == Registry::Embedded().routes().size() + 1);  // and /v1/events
}

TEST_CASE("Every reference leads somewhere") {
  const Json document = Document();
  size_t references = 0;
  const std::function<void(const Json&)> walk = [&](const Json& node) {
    if (node.is_object() && node.contains("$ref")) {
      const std::string target = node["$ref"];
      CAPTURE(target);
      REQUIRE(target.rfind("#/", 0) == 0);
      CHECK(document.contains(Json::json_pointer(target.substr(1))));
      ++references;
    }
    for (const Json& child : node) {
      if (child.is_structured()) walk(child);
    }
  };
  walk(document);
  CHECK(references > 100);
}

TEST_CASE("Paths name their parameters") {
  const Json document = Document();
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [http_method, operation] : item.items()) {
      CAPTURE(path, http_method);
      size_t in_path = 0;
      for (const Json& parameter : operation.value("parameters", Json::array())) {
        if (parameter.value("in", "") != "path") continue;
        ++in_path;
        CHECK(parameter["required"] == true);
        CHECK(path.find(absl::StrCat("{", parameter["name"].get<std::string>(), "}")) !=
              std::string::npos);
      }
      CHECK(in_path == static_cast<size_t>(std::count(path.begin(), path.end(), '{')));
    }
  }
}

TEST_CASE("Rules, comments and bodies arrive in the schemas") {
  const Json document = Document();
  const Json& schemas = document["components"]["schemas"];
  const Json& request = schemas["RegisterRequest"]["properties"];
  CHECK(request["phone"]["maxLength"] == 20);
  CHECK(request["phone"]["pattern"] == "^\\+[1-9][0-9]{6,14}$");
  CHECK(request["channels"]["maxItems"] == 100);
  CHECK(request["channels"]["items"]["pattern"] == "^chn_[0-9a-hjkmnp-tv-z]{13}$");
  CHECK(schemas["RegisterRequest"]["required"] == Json({"network"}));
  CHECK(schemas["Contact"]["properties"]["state"]["readOnly"] == true);
  CHECK(schemas["Contact"]["properties"]["create_time"]["format"] == "date-time");
  CHECK(schemas["Settings"]["properties"]["delete_pending_after_days"]["maximum"] == 3650);
  CHECK(schemas["CountContactsResponse"]["properties"]["active"]["type"] == "string");

  const Json& patch = document["paths"]["/v1/contacts/{id}"]["patch"];
  CHECK(patch["requestBody"]["content"]["application/json"]["schema"]["$ref"] ==
        "#/components/schemas/Contact");
  CHECK(patch["parameters"][1]["name"] == "update_mask");
  CHECK(patch["parameters"].back()["$ref"] == "#/components/parameters/IdempotencyKey");
  const Json& stop = document["paths"]["/v1/contacts/{id}:stop"]["post"];
  CHECK(stop["requestBody"]["required"] == false);
  CHECK(document["paths"]["/v1/events"]["get"]["x-events"].contains("message.received"));
}

}  // namespace
}  // namespace mo::transcode

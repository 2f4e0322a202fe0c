#include "services/links/links.h"

#include <catch2/catch.hpp>
#include <set>

#include "libs/storage/transaction.h"
#include "libs/testing/environment.h"
#include "messageorganizer/links/v1/links.grpc.pb.h"
#include "services/links/install.h"

namespace mo::links {
namespace {

using Stub = v1::LinkService::Stub;
using testing::Environment;

v1::CreateLinkRequest Request(const std::string& url, const std::string& code = "") {
  v1::CreateLinkRequest request;
  request.mutable_link()->set_target_url(url);
  request.mutable_link()->set_code(code);
  return request;
}

v1::GetLinkRequest GetRequest(const std::string& id) {
  v1::GetLinkRequest request;
  request.set_id(id);
  return request;
}

TEST_CASE("A link is created, read, listed and deleted, and its code is never given again") {
  Environment env({Install});
  Client<v1::LinkService> client(env.app());
  auto link =
      client.Call(&Stub::CreateLink, env.caller(), Request("https://example.com/a", "spring"));
  REQUIRE(link.ok());
  CHECK(link->code() == "spring");
  CHECK(client.Call(&Stub::GetLink, env.caller(), GetRequest(link->id()))->target_url() ==
        "https://example.com/a");

  v1::DeleteLinkRequest erase;
  erase.set_id(link->id());
  REQUIRE(client.Call(&Stub::DeleteLink, env.caller(), erase).ok());
  CHECK(ReasonOf(client.Call(&Stub::GetLink, env.caller(), GetRequest(link->id())).status()) ==
        "LINK_NOT_FOUND");
  CHECK(ReasonOf(client.Call(&Stub::DeleteLink, env.caller(), erase).status()) == "LINK_NOT_FOUND");
  CHECK(ReasonOf(
            client.Call(&Stub::CreateLink, env.caller(), Request("https://example.com/b", "spring"))
                .status()) == "CODE_TAKEN");
}

TEST_CASE("Lists are paged, newest first, each link once") {
  Environment env({Install});
  Client<v1::LinkService> client(env.app());
  std::set<std::string> created;
  for (int i = 0; i < 5; ++i) {
    created.insert(
        client.Call(&Stub::CreateLink, env.caller(), Request("https://example.com/"))->id());
  }
  std::set<std::string> listed;
  v1::ListLinksRequest request;
  request.set_page_size(2);
  int pages = 0;
  do {
    auto page = client.Call(&Stub::ListLinks, env.caller(), request);
    REQUIRE(page.ok());
    for (const auto& link : page->links()) CHECK(listed.insert(link.id()).second);
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  CHECK(pages == 3);
  CHECK(listed == created);
  request.set_page_token("nonsense");
  CHECK(
      FieldProblemsOf(client.Call(&Stub::ListLinks, env.caller(), request).status()).at(0).field ==
      "page_token");
}

TEST_CASE("The same idempotency key gives the same answer; another request under it is refused") {
  Environment env({Install});
  Client<v1::LinkService> client(env.app());
  const Caller caller = env.caller().WithKey("k1");
  auto first = client.Call(&Stub::CreateLink, caller, Request("https://example.com/"));
  auto again = client.Call(&Stub::CreateLink, caller, Request("https://example.com/"));
  REQUIRE(first.ok());
  CHECK(first->SerializeAsString() == again->SerializeAsString());
  CHECK(ReasonOf(client.Call(&Stub::CreateLink, caller, Request("https://example.com/other"))
                     .status()) == "IDEMPOTENCY_KEY_REUSED");
  CHECK(client
            .Call(&Stub::CreateLink, env.caller(2).WithKey("k1"),
                  Request("https://example.com/other"))
            .ok());
}

TEST_CASE("Bad requests name every field and change nothing") {
  Environment env({Install});
  Client<v1::LinkService> client(env.app());
  auto refused = client.Call(&Stub::CreateLink, env.caller(), Request("ftp://example.com", "a b"));
  auto problems = FieldProblemsOf(refused.status());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "link.target_url");
  CHECK(problems[1].field == "link.code");
  CHECK(client.Call(&Stub::ListLinks, env.caller(), v1::ListLinksRequest())->links().empty());
}

TEST_CASE(
    "Row-level security: the service's role sees its account's rows only, and none without an "
    "account") {
  Environment env({Install});
  Client<v1::LinkService> client(env.app());
  auto link = client.Call(&Stub::CreateLink, env.caller(1), Request("https://example.com/"));
  REQUIRE(link.ok());
  CHECK(ReasonOf(client.Call(&Stub::GetLink, env.caller(2), GetRequest(link->id())).status()) ==
        "LINK_NOT_FOUND");

  auto connection = storage::Connection::Open(env.postgres().UrlAs("mo_links"));
  REQUIRE(connection.ok());
  auto count = [&](const std::string& setting) {
    REQUIRE((*connection)->Script("SET mo.account_id = '" + setting + "'").ok());
    return (*connection)
        ->Query("SELECT count(*) FROM links.links", storage::Parameters())
        ->
        operator[](0)
        .Int(0);
  };
  CHECK((*connection)
            ->Query("SELECT count(*) FROM links.links", storage::Parameters())
            ->
            operator[](0)
            .Int(0) == 0);
  CHECK(count("1") == 1);
  CHECK(count("2") == 0);
  CHECK(count("") == 0);
  CHECK((*connection)
            ->Script("INSERT INTO links.links (account_id, id, code, target_url, create_time) "
                     "VALUES (1, 7, 'steal', 'x', now())")
            .status()
            .code() == absl::StatusCode::kPermissionDenied);
}

TEST_CASE("A restart changes nothing") {
  Environment env({Install});
  std::string id;
  {
    Client<v1::LinkService> client(env.app());
    id = client.Call(&Stub::CreateLink, env.caller(), Request("https://example.com/"))->id();
  }
  env.Restart();
  Client<v1::LinkService> client(env.app());
  CHECK(client.Call(&Stub::GetLink, env.caller(), GetRequest(id)).ok());
}

}  // namespace
}  // namespace mo::links

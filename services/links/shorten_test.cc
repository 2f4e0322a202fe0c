#include "services/links/shorten.h"

#include <set>

#include "messageorganizer/common/v1/event.pb.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "services/links/test_redirect.h"

namespace mo::links {
namespace {

using Catch::Contains;
using Stub = v1::LinkService::Stub;

TEST_CASE("Each recipient's code leads to the target, and says who it was") {
  RedirectWorld world;
  v1::ShortenLinksRequest request =
      world.ShortenRequest("brd", {"https://example.com/a", "https://example.com/b"}, 1000000);
  request.mutable_utm()->set_source("whatsapp");
  const auto response = world.Shorten(request);
  REQUIRE(response.links_size() == 2);
  CHECK(response.base_url() == "https://go.test/");
  const auto codes = world.Codes(response);
  const v1::ShortenedLink& a = response.links(0);
  for (const int64_t index : {0, 7, 999999}) {
    const std::string code = codes.Encode(a.first_number() + index);
    CHECK_THAT(world.Get(code),
               Contains("Location: https://example.com/a?utm_source=whatsapp\r\n"));
    CHECK(world.Status(code) == 302);
  }
  CHECK_THAT(world.Get(codes.Encode(response.links(1).first_number())), Contains("example.com/b?"));
  CHECK(world.Status(codes.Encode(response.links(1).first_number() + 1000000)) == 404);
  CHECK(world.Status(codes.Encode(a.first_number() - 1)) == 404);
  world.WaitForClicks(a.link_id(), 6, 0, 3);
  // The same person on another day, and with a program that others have too.
  world.clock.Advance(absl::Hours(48));
  world.Get(codes.Encode(a.first_number() + 7), "User-Agent: other\r\n");
  world.WaitForClicks(a.link_id(), 7, 0, 3);

  v1::ListClicksRequest list;
  list.set_id(a.link_id());
  const auto clicks = world.client().Call(&Stub::ListClicks, world.env.caller(), list);
  REQUIRE(clicks.ok());
  REQUIRE(clicks->clicks_size() == 4);
  CHECK(clicks->clicks(0).recipient().index() == 7);
  CHECK(clicks->clicks(0).recipient().assignment().broadcast_id() == FormatId("brd", 77));
  v1::ListLinksRequest links;
  links.set_broadcast_id(FormatId("brd", 77));
  CHECK(world.client().Call(&Stub::ListLinks, world.env.caller(), links)->links_size() == 2);
  links.set_broadcast_id(FormatId("brd", 78));
  CHECK(world.client().Call(&Stub::ListLinks, world.env.caller(), links)->links_size() == 0);
  CHECK(ReasonOf(world.Statistics(a.link_id(), 2).status()) == "LINK_NOT_FOUND");
}

TEST_CASE("A click's event names what its link was made for, and who is new") {
  RedirectWorld world;
  const auto response = world.Shorten(world.ShortenRequest("brd", {"https://example.com/a"}, 10));
  const auto codes = world.Codes(response);
  for (const int64_t index : {3, 3, 5})
    world.Get(codes.Encode(response.links(0).first_number() + index));
  world.WaitForClicks(response.links(0).link_id(), 3, 0, 2);
  const auto rows = world.parts->database.AsSystem([](storage::Transaction& tx) {
    return tx.Query("SELECT envelope FROM links.outbox ORDER BY id");
  });
  REQUIRE(rows.ok());
  std::set<int64_t> recipients;
  for (const storage::Row row : *rows) {
    messageorganizer::common::v1::EventEnvelope envelope;
    v1::LinkClicked event;
    REQUIRE(envelope.ParseFromString(row.String(0)));
    REQUIRE(event.ParseFromString(envelope.payload()));
    CHECK(event.assignment().broadcast_id() == FormatId("brd", 77));
    for (const int64_t index : event.new_recipients()) CHECK(recipients.insert(index).second);
  }
  CHECK(recipients == std::set<int64_t>{3, 5});
}

TEST_CASE("The same key gives the same links; other URLs under it are refused") {
  RedirectWorld world;
  const auto request =
      world.ShortenRequest("k", {"https://example.com/a", "https://example.com/a"}, 5);
  const auto first = world.Shorten(request), again = world.Shorten(request);
  CHECK(first.SerializeAsString() == again.SerializeAsString());
  CHECK(world.Shorten(world.ShortenRequest("k2", {"https://example.com/a"}, 5))
            .links(0)
            .first_number() >= first.links(1).first_number() + 5);
  const auto refused = [&](const v1::ShortenLinksRequest& other) {
    return ReasonOf(
        world.client().Call(&Stub::ShortenLinks, ServiceCaller("channels", 1), other).status());
  };
  CHECK(refused(world.ShortenRequest("k", {"https://example.com/b", "https://example.com/a"}, 5)) ==
        "IDEMPOTENCY_KEY_REUSED");
  CHECK(refused(world.ShortenRequest("k", {"https://example.com/a"}, 5)) ==
        "IDEMPOTENCY_KEY_REUSED");
  CHECK(refused(request).empty());
  CHECK(world.client().Call(&Stub::ShortenLinks, ServiceCaller("channels", 2), request).ok());
}

TEST_CASE(
    "A link that is pasted stays itself and keeps what it was made for; others' do not count as "
    "own") {
  RedirectWorld world;
  v1::ShortenLinksRequest before = world.ShortenRequest("before", {"https://example.com/"}, 1);
  before.mutable_assignment()->Clear();
  before.mutable_assignment()->set_channel_id(FormatId("chn", 5));
  v1::GetLinkRequest find;
  find.set_id(world.Shorten(before).links(0).link_id());
  const auto prepared = world.client().Call(&Stub::GetLink, world.env.caller(), find);
  REQUIRE(prepared.ok());
  world.Create("https://example.com/", "free");
  world.Create("https://example.com/", "foreign", 2);
  const auto response = world.Shorten(world.ShortenRequest(
      "k",
      {prepared->short_url(), "https://go.test/free", "https://go.test/foreign",
       "https://go.test/spring/x", "https://other.test/spring"},
      3));
  CHECK(response.links(0).link_id() == prepared->id());
  const auto codes = world.Codes(response);
  const auto assignment_of = [&](int i) {
    world.Get(codes.Encode(response.links(i).first_number()));
    world.WaitForClicks(response.links(i).link_id(), 1, 0, 1);
    v1::ListClicksRequest list;
    list.set_id(response.links(i).link_id());
    return world.client()
        .Call(&Stub::ListClicks, world.env.caller(), list)
        ->clicks(0)
        .recipient()
        .assignment();
  };
  CHECK(assignment_of(0).channel_id() == FormatId("chn", 5));
  CHECK(assignment_of(1).broadcast_id() == FormatId("brd", 77));
  CHECK(assignment_of(1).channel_id().empty());
  for (int i = 2; i < 5; ++i) {
    v1::GetLinkRequest get;
    get.set_id(response.links(i).link_id());
    CHECK(
        world.client().Call(&Stub::GetLink, world.env.caller(), get)->assignment().broadcast_id() ==
        FormatId("brd", 77));
  }
}

TEST_CASE("Codes outlive a rotation of the secret keys; without keys there are none") {
  RedirectWorld world;
  const auto response = world.Shorten(world.ShortenRequest("k", {"https://example.com/a"}, 5));
  const std::string code = world.Codes(response).Encode(response.links(0).first_number());
  v1::CreateLinkRequest create;
  create.mutable_link()->set_target_url("https://example.com/");
  create.mutable_link()->set_code(code);
  CHECK(ReasonOf(world.client().Call(&Stub::CreateLink, world.env.caller(), create).status()) ==
        "CODE_TAKEN");
  AppOptions options = world.env.app().options();
  options.secret_keys = "new:HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" + options.secret_keys;
  App rotated(options);
  CodeKey key(rotated, world.parts->database);
  REQUIRE(key.Open().ok());
  CHECK(key.Decode(code) == response.links(0).first_number());
  options.secret_keys = "new:HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  App later(options);
  CodeKey later_key(later, world.parts->database);
  REQUIRE(later_key.Open().ok());
  CHECK(later_key.Decode(code) == response.links(0).first_number());
  options.secret_keys = "";
  App without(options);
  CodeKey none(without, world.parts->database);
  REQUIRE(none.Open().ok());
  CHECK_FALSE(none.available());
}

TEST_CASE("Parts of a broadcast share its links; every code knows its contact") {
  RedirectWorld world;
  auto part = [&](const std::string& key, std::vector<int64_t> contacts) {
    auto request =
        world.ShortenRequest(key, {"https://example.com/a"}, static_cast<int64_t>(contacts.size()));
    request.mutable_contact_ids()->Add(contacts.begin(), contacts.end());
    return world.Shorten(request);
  };
  const auto first = part("brd/1", {11, 12, (int64_t{1} << 62) + 5});
  const auto second = part("brd/2", {21, 22});
  const std::string link_id = first.links(0).link_id();
  CHECK(second.links(0).link_id() == link_id);
  const auto codes = world.Codes(first);
  world.Get(codes.Encode(first.links(0).first_number() + 2));
  world.Get(codes.Encode(first.links(0).first_number() + 2));
  world.Get(codes.Encode(second.links(0).first_number()));
  world.WaitForClicks(link_id, 3, 0, 2);
  auto clicks_of = [&](int64_t contact, int64_t account = 1) {
    v1::ListContactClicksRequest request;
    request.set_contact_id(FormatId("con", contact));
    auto clicks = world.client().Call(&Stub::ListContactClicks, world.env.caller(account), request);
    REQUIRE(clicks.ok());
    return *std::move(clicks);
  };
  const auto mine = clicks_of((int64_t{1} << 62) + 5);
  REQUIRE(mine.clicks_size() == 1);
  CHECK(mine.clicks(0).link_id() == link_id);
  CHECK(mine.clicks(0).click().clicks() == 2);
  CHECK(mine.clicks(0).click().recipient().assignment().broadcast_id() == FormatId("brd", 77));
  CHECK(clicks_of(21).clicks_size() == 1);
  CHECK(clicks_of(11).clicks().empty());
  CHECK(clicks_of(21, 2).clicks().empty());
  v1::ListClicksRequest list;
  list.set_id(link_id);
  const auto all = world.client().Call(&Stub::ListClicks, world.env.caller(), list);
  REQUIRE(all->clicks_size() == 2);
  CHECK(all->clicks(0).recipient().contact_id() == FormatId("con", 21));
}

}  // namespace
}  // namespace mo::links

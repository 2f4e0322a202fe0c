// Agents: what phones write and get, receipts, refusals and groups.
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tools/simulator/agent_test.h"

namespace mo::simulator {
namespace {

TEST_CASE("inbound items carry sender, group, kind and a unique id that the seed decides") {
  World1 w;
  w.network.world().phones.Create({{kWhatsApp, "2001", "Zoë", "+492001"}});
  w.Write("2001", "hi");
  Writing place;
  place.to = "+1000";
  place.content.mutable_location()->set_latitude(48.1);
  REQUIRE(w.network.Write(w.phone("2002"), place).ok());
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return InboundIds(seen).size() == 2; }));
  std::vector<sims::Inbound> inbound;
  for (const sims::AgentItem& item : w.gateway.Look().items) {
    if (item.has_inbound()) inbound.push_back(item.inbound());
  }
  CHECK(inbound[0].sender_name() == "Zoë");
  CHECK(inbound[0].sender_phone() == "+492001");
  CHECK(inbound[0].content().text().body() == "hi");
  CHECK(inbound[0].has_time());
  CHECK(inbound[1].sender_phone() == "+2002");
  CHECK(inbound[1].content().location().latitude() == 48.1);
  CHECK(inbound[0].provider_message_id() != inbound[1].provider_message_id());
  Network other(8);
  other.world().phones.Create({{kWhatsApp, "2001", "", ""}});
  place.to = "+1";
  CHECK(other.Write(**other.world().phones.Find(kWhatsApp, "2001"), place).status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE("an offline phone gives SENT, and the rest when it is back") {
  World1 w;
  w.network.SetPhoneOnline(w.phone("2001"), false);
  w.Send("a", 31, {"2001"});
  w.Send("b", 32, {"2001"});
  REQUIRE(w.HasReceipts(32, {sims::RECEIPT_STATE_SENT}));
  CHECK(w.network.world().phones.View(w.phone("2001")).received == 0);
  CHECK(w.network.world().phones.View(w.phone("2001")).waiting == 2);
  w.network.SetPhoneOnline(w.phone("2001"), true);
  REQUIRE(w.HasReceipts(31, kAllReceipts));
  REQUIRE(w.HasReceipts(32, kAllReceipts));
  const PhoneView view = w.network.world().phones.View(w.phone("2001"));
  CHECK(view.received == 2);
  REQUIRE(view.messages.size() == 2);
  CHECK(view.messages[0].text == "a");
  CHECK(view.messages[1].text == "b");
}

TEST_CASE("receipts: switched off, read by hand, delayed, doubled, turned round") {
  World1 w;
  Settings settings;
  SECTION("read by hand") {
    settings.receipts.probability = {1, 1, 0};
    w.network.world().settings.Set(settings);
    w.Send("a", 41, {"2001"});
    REQUIRE(w.HasReceipts(41, {sims::RECEIPT_STATE_SENT, sims::RECEIPT_STATE_DELIVERED}));
    CHECK(w.network.world().phones.View(w.phone("2001")).unread == 1);
    w.network.MarkRead(w.phone("2001"));
    REQUIRE(w.HasReceipts(41, kAllReceipts));
    CHECK(w.network.world().phones.View(w.phone("2001")).unread == 0);
  }
  SECTION("a phone's own policy") {
    ReceiptPolicy policy;
    policy.probability = {1, 0, 0};
    w.network.world().phones.SetPolicy(w.phone("2001"), policy);
    w.Send("a", 42, {"2001", "2002"});
    REQUIRE(w.HasReceipts(43, kAllReceipts));
    CHECK(w.gateway.Look().Receipts(42) == States{sims::RECEIPT_STATE_SENT});
  }
  SECTION("delayed; a READ waits for an offline phone") {
    settings.receipts.delay_ms = {0, 20, 200};
    w.network.world().settings.Set(settings);
    const int64_t begin = NowMs();
    w.Send("a", 44, {"2001"});
    REQUIRE(w.HasReceipts(44, {sims::RECEIPT_STATE_SENT, sims::RECEIPT_STATE_DELIVERED}));
    CHECK(NowMs() - begin >= 20);
    w.network.SetPhoneOnline(w.phone("2001"), false);
    w.Send("b", 45, {"2002"});
    REQUIRE(w.HasReceipts(45, kAllReceipts));  // later than 44's READ would have been
    CHECK(w.gateway.Look().Receipts(44).size() == 2);
    w.network.SetPhoneOnline(w.phone("2001"), true);
    REQUIRE(w.HasReceipts(44, kAllReceipts));
    CHECK(w.network.world().phones.View(w.phone("2001")).received == 1);
  }
  SECTION("doubled and turned round") {
    settings.faults.duplicate_receipt_rate = 1;
    settings.faults.reorder_receipts = true;
    w.network.world().settings.Set(settings);
    w.Send("a", 46, {"2001"});
    using sims::RECEIPT_STATE_DELIVERED, sims::RECEIPT_STATE_READ, sims::RECEIPT_STATE_SENT;
    REQUIRE(w.HasReceipts(46, {RECEIPT_STATE_READ, RECEIPT_STATE_READ, RECEIPT_STATE_DELIVERED,
                               RECEIPT_STATE_DELIVERED, RECEIPT_STATE_SENT, RECEIPT_STATE_SENT}));
  }
}

TEST_CASE(
    "refusals: blocked, expired, banned, throttled, empty; a lost result comes when asked again") {
  World1 w;
  const auto outcome = [&](int64_t key) {
    REQUIRE(w.gateway.Wait([&](const Seen& seen) { return !seen.Outcomes(key).empty(); }));
    return w.gateway.Look().Outcomes(key).back();
  };
  w.network.world().phones.SetBlocked(w.phone("2001"), "+1000", true);
  w.Send("a", 51, {"2001"});
  CHECK(outcome(51) == sims::SEND_OUTCOME_BLOCKED);
  w.network.world().phones.SetBlocked(w.phone("2001"), "+1000", false);

  sims::GatewayItem late = TextBatch("a", 52, {"2001"});
  late.mutable_send()->mutable_expire_time()->set_seconds(NowMs() / 1000 - 1);
  REQUIRE(w.gateway.Send("t", late));
  CHECK(outcome(52) == sims::SEND_OUTCOME_EXPIRED);

  sims::GatewayItem empty = TextBatch("a", 53, {"2001"});
  empty.mutable_send()->clear_content();
  REQUIRE(w.gateway.Send("t", empty));
  CHECK(outcome(53) == sims::SEND_OUTCOME_MESSAGE_REFUSED);

  Settings settings;
  settings.faults.throttle_rate = 1;
  w.network.world().settings.Set(settings);
  w.Send("a", 54, {"2001"});
  CHECK(outcome(54) == sims::SEND_OUTCOME_THROTTLED);
  CHECK(w.gateway.Look().items.back().result().retry_after_ms() == 1000);
  w.network.world().settings.Set(Settings());
  CHECK(w.network.world().phones.View(w.phone("2001")).received == 0);
  w.Send("a", 54, {"2001"});  // not an answer to remember
  REQUIRE(w.HasReceipts(54, kAllReceipts));

  settings = Settings();
  settings.faults.drop_result_rate = 1;
  w.network.world().settings.Set(settings);
  w.Send("a", 55, {"2001"});
  REQUIRE(w.HasReceipts(55, kAllReceipts));
  CHECK(w.gateway.Look().Outcomes(55).empty());
  w.Send("a", 55, {"2001"});
  CHECK(outcome(55) == sims::SEND_OUTCOME_ACCEPTED);
  w.network.world().settings.Set(Settings());

  w.agent().SetBanned(true);
  REQUIRE(w.gateway.Wait([](const Seen& seen) {
    return !seen.items.empty() && seen.items.back().state().state() == sims::SESSION_STATE_BANNED;
  }));
  w.Send("a", 56, {"2001"});
  CHECK(outcome(56) == sims::SEND_OUTCOME_FAILED);
  CHECK(w.network.world().phones.View(w.phone("2001")).received == 2);
}

TEST_CASE("groups: joining by link, being added and removed, leaving, writing in one") {
  World1 w;
  GroupSpec spec;
  spec.network = kWhatsApp;
  spec.id = "g1@g.us";
  spec.name = "Club";
  spec.invite_link = "https://chat.whatsapp.com/abc";
  REQUIRE(w.network.AddGroup(spec).ok());
  spec.id = "g2@g.us";
  spec.invite_link = "https://chat.whatsapp.com/full";
  spec.join = sims::JOIN_OUTCOME_FULL;
  REQUIRE(w.network.AddGroup(spec).ok());
  int64_t request = 0;
  const auto join = [&](const std::string& link) {
    sims::GatewayItem item;
    item.mutable_join_group()->set_request_id(++request);
    item.mutable_join_group()->set_invite_link(link);
    REQUIRE(w.gateway.Send("t", item));
    sims::JoinOutcome outcome = sims::JOIN_OUTCOME_UNSPECIFIED;
    REQUIRE(w.gateway.Wait([&](const Seen& seen) {
      for (const auto& i : seen.items) {
        if (i.has_join_result() && i.join_result().request_id() == request) {
          outcome = i.join_result().outcome();
        }
      }
      return outcome != sims::JOIN_OUTCOME_UNSPECIFIED;
    }));
    return outcome;
  };
  const auto memberships = [&](size_t count) {
    std::vector<std::pair<std::string, bool>> found;
    REQUIRE(w.gateway.Wait([&](const Seen& seen) {
      found.clear();
      for (const auto& i : seen.items) {
        if (i.has_group()) found.emplace_back(i.group().group_id(), i.group().left());
      }
      return found.size() == count;
    }));
    return found.back();
  };
  CHECK(join("https://chat.whatsapp.com/none") == sims::JOIN_OUTCOME_INVALID_LINK);
  CHECK(join("https://chat.whatsapp.com/full") == sims::JOIN_OUTCOME_FULL);
  w.Send("not a member", 61, {"g1@g.us"});
  CHECK(join("https://chat.whatsapp.com/abc/?utm=x") == sims::JOIN_OUTCOME_JOINED);
  CHECK(memberships(1) == std::make_pair(std::string("g1@g.us"), false));
  CHECK(join("https://chat.whatsapp.com/abc") == sims::JOIN_OUTCOME_ALREADY_MEMBER);
  CHECK(w.gateway.Look().Outcomes(61) == Outcomes{sims::SEND_OUTCOME_ADDRESS_INVALID});
  w.Send("member", 62, {"g1@g.us"});
  REQUIRE(w.HasReceipts(62, kAllReceipts));

  Writing writing;
  writing.group = "g1@g.us";
  writing.content.mutable_text()->set_body("hi all");
  REQUIRE(w.network.Write(w.phone("2001"), writing).ok());
  REQUIRE(w.gateway.Wait([](const Seen& seen) {
    return seen.items.back().has_inbound() && seen.items.back().inbound().group_id() == "g1@g.us";
  }));

  REQUIRE(w.network.SetMember(kWhatsApp, "g2@g.us", "+1000", true).ok());
  CHECK(memberships(2) == std::make_pair(std::string("g2@g.us"), false));
  REQUIRE(Eventually([&] { return w.agent().View().unacked == 0; }));  // no replay
  w.gateway.Drop("t");
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.attaches == 2 && seen.open == 1; }));
  CHECK(w.gateway.Look().hello.groups_size() == 2);
  sims::GatewayItem leave;
  leave.mutable_leave_group()->set_group_id("g1@g.us");
  REQUIRE(w.gateway.Send("t", leave));
  CHECK(memberships(3) == std::make_pair(std::string("g1@g.us"), true));
  REQUIRE(w.network.SetMember(kWhatsApp, "g2@g.us", "+1000", false).ok());
  CHECK(memberships(4) == std::make_pair(std::string("g2@g.us"), true));
  CHECK(w.network.Write(w.phone("2001"), writing).status().code() ==
        absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace mo::simulator

#include "services/channels/resend.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "messageorganizer/common/v1/page.pb.h"
#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Stub = v1::BroadcastService::Stub;

// A stepwise world in which messages fail.
struct Field : BroadcastWorld {
  Field() : BroadcastWorld(/*stepwise=*/true) {}

  // All of a broadcast's messages are sent, except those to contacts for which the SQL condition
  // on "c" holds: they have failed. Then the broadcast is done.
  void Settle(const std::string& id, const std::string& failed) {
    Sql(absl::StrCat(
        "UPDATE sims.dispatch_states s SET open = false, status = (SELECT string_agg(CASE WHEN ",
        failed,
        " THEN '\\x7b'::bytea ELSE '\\x40'::bytea END, ''::bytea ORDER BY n) "
        "FROM unnest(d.contact_ids) WITH ORDINALITY AS u (c, n)) FROM sims.dispatches d "
        "WHERE d.account_id = s.account_id AND d.id = s.id AND d.group_key = '",
        id, "'"));
    Sql("UPDATE channels.progress SET touched = true, report_time = '-infinity'");
    if (!workers().reporter.RunOnce().ok()) throw std::runtime_error("no report");
  }
  absl::StatusOr<v1::Broadcast> Resend(const std::string& id, const Caller& from) {
    v1::ResendFailedRequest request;
    request.set_id(id);
    return broadcasts.Call(&Stub::ResendFailed, from, request);
  }
  absl::StatusOr<v1::Broadcast> Resend(const std::string& id) { return Resend(id, caller()); }
  // How often sims was given each contact in a broadcast.
  std::map<int64_t, int> SentBy(const std::string& id) {
    std::map<int64_t, int> sent;
    const auto rows =
        postgres->Query("SELECT unnest(contact_ids) FROM sims.dispatches WHERE group_key = $1",
                        storage::Parameters(id));
    for (const storage::Row row : *rows) ++sent[row.Int(0)];
    return sent;
  }
};

TEST_CASE("A resend addresses each of the failed ones once, and only them") {
  Field field;
  const std::string channel = field.Channel();
  field.Contacts(2500, field.Sim());
  field.Contacts(2500, field.Sim());
  field.SubscribeRange(channel, 1, 5000);
  const std::string id = field.Create(field.Request({channel}, {}, "Hello {{name|you}}"));
  CHECK(ReasonOf(field.Resend(id).status()) == "BROADCAST_NOT_FINISHED");
  field.Expand();
  CHECK(ReasonOf(field.Resend(id).status()) == "BROADCAST_NOT_FINISHED");
  field.Settle(id, "c % 2 = 0");
  REQUIRE(field.State(id) == v1::BROADCAST_STATE_DONE);
  // What has become of some of them meanwhile.
  field.Sql("UPDATE contacts.contacts SET state = 3 WHERE id = 4");
  field.Sql("UPDATE contacts.contacts SET state = 1, sim_id = NULL WHERE id = 4000");
  field.Sql("DELETE FROM contacts.contacts WHERE id = 8");
  // Who is subscribed since is none of them.
  field.Contacts(2);
  field.SubscribeRange(channel, 5001, 5002);

  const auto resend = field.Resend(id);
  REQUIRE(resend.ok());
  CHECK(resend->resend_of() == id);
  CHECK(resend->id() != id);
  CHECK(resend->content().text().body() == "Hello {{name|you}}");
  CHECK(resend->audience().channels().empty());
  // An expander dies after each step in turn.
  Expander& expander = field.workers().expander;
  for (int death = 0; field.State(resend->id()) == v1::BROADCAST_STATE_EXPANDING; ++death) {
    REQUIRE(death < 100);
    field.ExpireLeases();
    auto turn = *expander.Take();
    REQUIRE(turn.has_value());
    (void)field.Ledger(resend->id());
    if (death % 4 == 0 || !expander.Plan(*turn).ok()) continue;
    if (death % 4 == 1 || !expander.Submit(*turn).ok()) continue;
    if (death % 4 == 2) continue;
    REQUIRE(expander.End(*turn).ok());
  }
  const auto sent = field.SentBy(resend->id());
  CHECK(sent.size() == 2500 - 3);
  for (const auto& [contact, times] : sent) {
    if (contact % 2 != 0 || times != 1) FAIL(contact << " was sent " << times << " times");
  }
  const v1::Ledger ledger = field.Ledger(resend->id());
  CHECK(ledger.audience_complete());
  CHECK(ledger.counts().audience() == 2500);
  CHECK(ledger.counts().queued() == 2500 - 3);
  const auto skipped = field.Deliveries(resend->id(), 100, common::DELIVERY_STATE_SKIPPED);
  CHECK(skipped.at(FormatId("con", 4)).second == common::DELIVERY_REASON_STOPPED);
  CHECK(skipped.at(FormatId("con", 8)).second == common::DELIVERY_REASON_CONTACT_GONE);
  CHECK(skipped.at(FormatId("con", 4000)).second == common::DELIVERY_REASON_PENDING);
  CHECK(field.Ledger(id).counts().failed() == 2500);
}

TEST_CASE("A second call answers the same resend, until that has failures itself") {
  Field field;
  field.Contacts(6);
  const std::string channel = field.Channel();
  field.SubscribeRange(channel, 1, 6);
  const std::string id = field.Create(field.Request({channel}, {}));
  field.Expand();
  field.Settle(id, "false");
  CHECK(ReasonOf(field.Resend(id).status()) == "NOTHING_FAILED");
  field.Settle(id, "c <= 3");
  const std::string second = field.Resend(id)->id();
  CHECK(field.Resend(id)->id() == second);
  field.Expand();
  CHECK(field.Resend(id)->id() == second);
  CHECK(field.SentBy(second).size() == 3);
  field.Settle(second, "c = 2");
  const Caller once = field.caller().WithKey("once");
  const auto third = field.Resend(id, once);
  CHECK(third->id() != second);
  CHECK(third->resend_of() == second);
  field.Expand();
  CHECK(field.SentBy(third->id()) == std::map<int64_t, int>{{2, 1}});
  field.Settle(third->id(), "false");
  CHECK(field.Resend(id)->id() == third->id());
  CHECK(field.Resend(second)->id() == third->id());
  CHECK(field.Resend(id, once)->state() == v1::BROADCAST_STATE_EXPANDING);  // as answered then
  CHECK(ReasonOf(field.Resend(third->id()).status()) == "NOTHING_FAILED");
  CHECK(ReasonOf(field.Resend(id, field.env.caller(2)).status()) == "BROADCAST_NOT_FOUND");
  CHECK(field.Number("SELECT count(*) FROM channels.broadcasts") == 3);
}

TEST_CASE("Deliveries come as CSV, page by page, each once") {
  Field field;
  const std::string channel = field.Channel();
  field.Contacts(2300);
  field.SubscribeRange(channel, 1, 2300);
  field.Sql("UPDATE contacts.contacts SET state = 3 WHERE id <= 10");
  const std::string id = field.Create(field.Request({channel}, {}));
  field.Expand();
  field.Settle(id, "c > 2290");
  const auto download = [&](int page_size, common::DeliveryState state) {
    v1::DownloadDeliveriesRequest request;
    request.set_id(id);
    request.set_page_size(page_size);
    request.set_state(state);
    std::string csv;
    common::NextPage next;
    do {
      const auto page = field.broadcasts.Call(&Stub::DownloadDeliveries, field.caller(), request);
      REQUIRE(page.ok());
      CHECK(page->content_type() == "text/csv; charset=utf-8");
      csv += page->data();
      next.Clear();
      if (page->extensions_size() > 0) page->extensions(0).UnpackTo(&next);
      request.set_page_token(next.page_token());
    } while (!next.page_token().empty());
    return csv;
  };
  const std::string all = download(0, common::DELIVERY_STATE_UNSPECIFIED);
  const std::vector<std::string> lines = absl::StrSplit(all, "\r\n", absl::SkipEmpty());
  REQUIRE(lines.size() == 2301);
  CHECK(lines[0] == "contact_id,state,reason,update_time,delivery_id");
  CHECK(absl::StartsWith(lines[1], FormatId("con", 11) + ",SENT,,20"));
  CHECK(absl::StartsWith(lines[2290], FormatId("con", 2300) + ",FAILED,MESSAGE_REFUSED,20"));
  CHECK(absl::StartsWith(lines[2300], FormatId("con", 10) + ",SKIPPED,STOPPED,20"));
  CHECK(absl::EndsWith(lines[2300], "Z,"));
  for (const int size : {7, 1000, 1100, 2300}) CHECK(download(size, {}) == all);
  const std::string failed = download(3, common::DELIVERY_STATE_FAILED);
  CHECK(std::count(failed.begin(), failed.end(), '\n') == 11);
}

TEST_CASE("A resend begins however late, for the failed ones get no other") {
  Field field;
  const std::string id = field.Create(field.Request({}, field.Contacts(2)));
  field.Expand();
  field.Settle(id, "c = 1");
  const auto resend = field.Resend(id);
  REQUIRE(resend.ok());
  // As if sims had been down since then.
  field.Sql(
      absl::StrCat("UPDATE channels.broadcasts SET send_time = now() - interval '3 h' WHERE id = ",
                   IdOf(resend->id())));
  field.Expand();
  CHECK(field.State(resend->id()) == v1::BROADCAST_STATE_SENDING);
  CHECK(field.SentBy(resend->id()) == std::map<int64_t, int>{{1, 1}});
}

}  // namespace
}  // namespace mo::channels

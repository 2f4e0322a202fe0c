// What rules asks of channels, once per message or so.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>

#include "services/channels/test_world.h"

namespace mo::channels {
namespace {

using Stub = v1::ChannelService::Stub;

const Caller kRules = ServiceCaller("rules", 1);

TEST_CASE("All channels are listed with an etag that every change of one changes, nothing else") {
  World world;
  const auto list = [&](const std::string& etag = "") {
    v1::ListKeywordsRequest request;
    request.set_etag(etag);
    auto listed = world.channels.Call(&Stub::ListKeywords, kRules, request);
    REQUIRE(listed.ok());
    return *listed;
  };
  // After a change: what is known is no answer, and the new answer is the whole one.
  std::string etag = list().etag();
  CHECK_FALSE(etag.empty());
  CHECK(list(etag).channels().empty());
  const auto changed = [&](int channels) {
    const v1::ListKeywordsResponse now = list(etag);
    CHECK(now.etag() != etag);
    CHECK(now.channels_size() == channels);
    CHECK(now.SerializeAsString() == list().SerializeAsString());
    etag = now.etag();
    CHECK(list(etag).channels().empty());
    CHECK(list(etag).etag() == etag);
  };
  const std::string first = world.Channel();
  changed(1);
  const std::string second = world.Channel();
  changed(2);
  v1::UpdateChannelRequest update;
  update.mutable_channel()->set_id(first);
  update.mutable_channel()->set_keyword("News");
  REQUIRE(world.channels.Call(&Stub::UpdateChannel, world.caller(), update).ok());
  changed(2);
  CHECK(list().channels(1).keyword() == "News");
  REQUIRE(world.Subscribe(first, world.Contacts(1)[0]).ok());
  CHECK(list(etag).etag() == etag);
  v1::DeleteChannelRequest erase;
  erase.set_id(second);
  REQUIRE(world.channels.Call(&Stub::DeleteChannel, world.caller(), erase).ok());
  changed(1);
  // Another account's is its own.
  CHECK(world.channels
            .Call(&Stub::ListKeywords, ServiceCaller("rules", 2), v1::ListKeywordsRequest())
            ->channels()
            .empty());
}

TEST_CASE("Contacts is not asked about a contact that rules has a message of") {
  World world;
  const std::string channel = world.Channel();
  const std::string contact = world.Contacts(1)[0];
  world.Sql("ALTER TABLE contacts.contacts RENAME TO gone");
  CHECK_FALSE(world.Subscribe(channel, contact).ok());
  v1::SubscribeRequest request;
  request.set_channel_id(channel);
  request.set_contact_id(contact);
  REQUIRE(world.channels.Call(&Stub::Subscribe, kRules, request).ok());
  CHECK(world.Subscribers(channel) == 1);
  request.set_channel_id(FormatId("chn", 77));
  CHECK(ReasonOf(world.channels.Call(&Stub::Subscribe, kRules, request).status()) ==
        "CHANNEL_NOT_FOUND");
  v1::UnsubscribeRequest leave;
  leave.set_channel_id(channel);
  leave.set_contact_id(contact);
  for (int i = 0; i < 2; ++i) CHECK(world.channels.Call(&Stub::Unsubscribe, kRules, leave).ok());
  CHECK(world.Subscribers(channel) == 0);
}

TEST_CASE("Contacts' subscriptions to some channels are found, in the account only") {
  World world;
  const std::string first = world.Channel(), second = world.Channel(), third = world.Channel();
  const std::vector<std::string> contacts = world.Contacts(3);
  for (const std::string& channel : {first, second, third})
    REQUIRE(world.Subscribe(channel, contacts[0]).ok());
  REQUIRE(world.Subscribe(third, contacts[1]).ok());
  REQUIRE(world.Subscribe(second, contacts[2]).ok());
  v1::FindSubscriptionsRequest request;
  for (const std::string& contact : contacts) request.add_contact_ids(IdOf(contact));
  request.add_channel_ids(IdOf(first));
  request.add_channel_ids(IdOf(second));
  const auto find = [&](int64_t account) {
    std::map<int64_t, std::set<int64_t>> found;
    auto answer =
        world.channels.Call(&Stub::FindSubscriptions, ServiceCaller("rules", account), request);
    REQUIRE(answer.ok());
    for (const auto& one : answer->contacts()) {
      CHECK(found
                .emplace(one.contact_id(),
                         std::set<int64_t>(one.channel_ids().begin(), one.channel_ids().end()))
                .second);
    }
    return found;
  };
  CHECK(find(1) ==
        std::map<int64_t, std::set<int64_t>>{{IdOf(contacts[0]), {IdOf(first), IdOf(second)}},
                                             {IdOf(contacts[2]), {IdOf(second)}}});
  CHECK(find(2).empty());
}

TEST_CASE("A contact's subscriptions are found in their index, however many there are") {
  World world;
  world.Sql(
      "INSERT INTO channels.subscriptions (account_id, channel_id, contact_id, create_time) SELECT "
      "1, n % 20 + 1, n / 20 + 1, now() FROM generate_series(0, 19999) n");
  world.Sql("ANALYZE channels.subscriptions");
  auto role = storage::Connection::Open(world.env.postgres().UrlAs("mo_channels"));
  REQUIRE((*role)
              ->Script("SET mo.account_id = '1'; SET random_page_cost = 1.1; "
                       "SET plan_cache_mode = force_generic_plan; PREPARE asked(bigint, bigint[], "
                       "bigint[]) AS SELECT contact_id, channel_id FROM channels.subscriptions "
                       "WHERE account_id = $1 AND contact_id = ANY($2) AND channel_id = ANY($3) "
                       "ORDER BY contact_id")
              .ok());
  auto plan = (*role)->Query("EXPLAIN EXECUTE asked(1, '{7}', '{1,2}')", storage::Parameters());
  REQUIRE(plan.ok());
  std::string text;
  for (const storage::Row row : *plan) absl::StrAppend(&text, row.String(0), "\n");
  INFO(text);
  CHECK(text.find("Seq Scan") == std::string::npos);
  // Both are looked up, not filtered.
  CHECK(text.find("Filter: ((contact_id") == std::string::npos);
  CHECK(text.find("Filter: ((channel_id") == std::string::npos);
}

}  // namespace
}  // namespace mo::channels

// What rules asks of channels, once per message or so.
#include <catch2/catch.hpp>
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

}  // namespace
}  // namespace mo::channels

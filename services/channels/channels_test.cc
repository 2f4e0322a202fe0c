#include "services/channels/channels.h"

#include <catch2/catch.hpp>
#include <map>

#include "services/channels/test_world.h"

namespace mo::channels {
namespace {

using Stub = v1::ChannelService::Stub;
using testing::Environment;

v1::CreateChannelRequest Request(const std::string& name, const std::string& keyword = "",
                                 const std::string& leave = "") {
  v1::CreateChannelRequest request;
  request.mutable_channel()->set_display_name(name);
  request.mutable_channel()->set_keyword(keyword);
  request.mutable_channel()->set_leave_keyword(leave);
  return request;
}

TEST_CASE("A channel is created, read, changed, listed and deleted; each change is told") {
  World world;
  auto request = Request("News", "News");
  request.mutable_channel()->set_welcome_text("Hi {{name|you}}, welcome to {{channel}}!");
  request.mutable_channel()->set_listed(true);
  auto created = world.channels.Call(&Stub::CreateChannel, world.caller(), request);
  REQUIRE(created.ok());
  CHECK(created->subscribers() == 0);
  auto read = world.channels.Call(&Stub::GetChannel, world.caller(), world.Get(created->id()));
  REQUIRE(read.ok());
  CHECK(read->SerializeAsString() == created->SerializeAsString());
  CHECK(read->welcome_text() == request.channel().welcome_text());
  CHECK(read->listed());

  v1::UpdateChannelRequest update;
  update.mutable_channel()->set_id(created->id());
  update.mutable_channel()->set_description("All that is new");
  update.mutable_channel()->set_etag(created->etag());
  update.mutable_update_mask()->add_paths("description");
  update.mutable_update_mask()->add_paths("listed");
  auto updated = world.channels.Call(&Stub::UpdateChannel, world.caller(), update);
  REQUIRE(updated.ok());
  CHECK(updated->description() == "All that is new");
  CHECK_FALSE(updated->listed());
  CHECK(updated->keyword() == "News");
  CHECK(ReasonOf(world.channels.Call(&Stub::UpdateChannel, world.caller(), update).status()) ==
        "ETAG_MISMATCH");
  update.mutable_channel()->clear_etag();
  update.mutable_update_mask()->add_paths("subscribers");
  CHECK(FieldProblemsOf(world.channels.Call(&Stub::UpdateChannel, world.caller(), update).status())
            .at(0)
            .field == "update_mask");

  v1::DeleteChannelRequest erase;
  erase.set_id(created->id());
  REQUIRE(world.channels.Call(&Stub::DeleteChannel, world.caller(), erase).ok());
  CHECK(ReasonOf(world.channels.Call(&Stub::DeleteChannel, world.caller(), erase).status()) ==
        "CHANNEL_NOT_FOUND");
  CHECK(world.channels.Call(&Stub::ListChannels, world.caller(), v1::ListChannelsRequest())
            ->channels()
            .empty());
  const auto events = world.Events<v1::ChannelChanged>();
  REQUIRE(events.size() == 3);
  CHECK_FALSE(events[1].deleted());
  CHECK(events[2].deleted());
  // Its keyword is free again.
  CHECK(world.channels.Call(&Stub::CreateChannel, world.caller(), Request("New", "NEWS")).ok());
}

TEST_CASE("Keywords are unique as they are typed, leave keywords included") {
  World world;
  const auto reason = [&](const v1::CreateChannelRequest& request, int64_t account = 1) {
    return ReasonOf(
        world.channels.Call(&Stub::CreateChannel, world.env.caller(account), request).status());
  };
  CHECK(reason(Request("A", "Müll", "Tonne")) == "");
  for (const char* same : {"MÜLL", "mull", "muell", " «müll»! ", "tonne"}) {
    CHECK(reason(Request("B", same)) == "KEYWORD_TAKEN");
    CHECK(reason(Request("B", "", same)) == "KEYWORD_TAKEN");
  }
  CHECK(reason(Request("B", "same", "SAME")) == "KEYWORD_TAKEN");
  CHECK(reason(Request("B", "Müll"), 2) == "");
  for (const char* bad : {"Stop", "alle", "!!!"}) {
    CHECK(reason(Request("B", bad)) == "KEYWORD_INVALID");
  }
  CHECK(reason(Request("B")) == "");
  CHECK(reason(Request("C")) == "");

  // An update frees the old keyword and takes the new one, or changes nothing.
  auto sport = world.channels.Call(&Stub::CreateChannel, world.caller(), Request("S", "Sport"));
  v1::UpdateChannelRequest update;
  update.mutable_channel()->set_id(sport->id());
  update.mutable_channel()->set_keyword("muell");
  CHECK(ReasonOf(world.channels.Call(&Stub::UpdateChannel, world.caller(), update).status()) ==
        "KEYWORD_TAKEN");
  CHECK(world.channels.Call(&Stub::GetChannel, world.caller(), world.Get(sport->id()))->keyword() ==
        "Sport");
  update.mutable_channel()->set_keyword("Fussball");
  CHECK(world.channels.Call(&Stub::UpdateChannel, world.caller(), update).ok());
  CHECK(reason(Request("S2", "sport")) == "");
  CHECK(reason(Request("S3", "FUSSBALL")) == "KEYWORD_TAKEN");

  auto keywords = world.channels.Call(&Stub::ListKeywords, ServiceCaller("rules", 1),
                                      v1::ListKeywordsRequest());
  REQUIRE(keywords.ok());
  CHECK(keywords->channels_size() == 5);
}

TEST_CASE("Texts and names are checked, the number of channels is limited") {
  World world;
  auto request = Request("");
  request.mutable_channel()->set_welcome_text("Hi {{nam}}");
  request.mutable_channel()->set_leave_text("{{attributes.city|there}} {{channel");
  const auto problems =
      FieldProblemsOf(world.channels.Call(&Stub::CreateChannel, world.caller(), request).status());
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "channel.display_name");
  CHECK(problems[1].field == "channel.welcome_text");
  CHECK(problems[2].field == "channel.leave_text");

  auto first = world.channels.Call(&Stub::CreateChannel, world.caller(), Request("A"));
  REQUIRE(first.ok());
  world.Sql("UPDATE channels.totals SET channels = 1000");
  CHECK(
      ReasonOf(world.channels.Call(&Stub::CreateChannel, world.caller(), Request("B")).status()) ==
      "CHANNEL_LIMIT");
  v1::DeleteChannelRequest erase;
  erase.set_id(first->id());
  REQUIRE(world.channels.Call(&Stub::DeleteChannel, world.caller(), erase).ok());
  CHECK(world.channels.Call(&Stub::CreateChannel, world.caller(), Request("B")).ok());
}

TEST_CASE("contacts knows which channels there are, also when it could not be told at once") {
  World world;
  const auto known = [&](const std::string& id) {
    return world.Number(
               absl::StrCat("SELECT count(*) FROM contacts.channels WHERE account_id = 1 AND id = ",
                            IdOf(id))) == 1;
  };
  const auto erase = [&](const std::string& id) {
    v1::DeleteChannelRequest request;
    request.set_id(id);
    return world.channels.Call(&Stub::DeleteChannel, world.caller(), request).status();
  };
  const std::string first = world.Channel(), second = world.Channel(), third = world.Channel();
  CHECK((known(first) && known(second) && known(third)));
  REQUIRE(erase(first).ok());
  CHECK_FALSE(known(first));

  world.Sql("ALTER TABLE contacts.channels RENAME TO gone");
  CHECK_FALSE(world.channels.Call(&Stub::CreateChannel, world.caller(), Request("New")).ok());
  CHECK(world.Number("SELECT count(*) FROM channels.channels WHERE delete_time IS NULL") == 2);
  CHECK(erase(second).ok());
  world.Sql("ALTER TABLE contacts.gone RENAME TO channels");
  CHECK(known(second));
  REQUIRE(erase(third).ok());  // wakes the sweeper
  testing::WaitFor([&] { return !known(second); }, "the sweep");
  CHECK_FALSE(known(third));
}

TEST_CASE("Row-level security: another account sees nothing") {
  World world;
  const std::string channel = world.Channel();
  CHECK(ReasonOf(world.channels.Call(&Stub::GetChannel, world.env.caller(2), world.Get(channel))
                     .status()) == "CHANNEL_NOT_FOUND");
  auto connection = storage::Connection::Open(world.env.postgres().UrlAs("mo_channels"));
  REQUIRE(connection.ok());
  for (const auto& [account, seen] : std::map<std::string, int64_t>{{"1", 1}, {"2", 0}, {"", 0}}) {
    REQUIRE((*connection)->Script("SET mo.account_id = '" + account + "'").ok());
    const auto rows =
        (*connection)->Query("SELECT count(*) FROM channels.channels", storage::Parameters());
    CHECK((*rows)[0].Int(0) == seen);
  }
}

}  // namespace
}  // namespace mo::channels

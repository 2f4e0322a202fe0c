// What callbacks tell of contacts and of SIMs themselves, besides messages and receipts.
#include "services/sims/ledger_contacts.h"

#include <catch2/catch.hpp>

#include "libs/testing/wait.h"
#include "services/sims/test_files.h"

namespace mo::sims {
namespace {

// What was told on, in its order.
struct NewsPool : FilePool {
  template <class Payload>
  std::vector<Payload> Told() {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    auto rows =
        (*connection)->Query("SELECT envelope FROM sims.outbox ORDER BY id", storage::Parameters());
    REQUIRE(rows.ok());
    std::vector<Payload> told;
    for (const storage::Row row : *rows) {
      events::Event event;
      REQUIRE(event.envelope.ParseFromString(row.String(0)));
      if (auto payload = events::As<Payload>(event)) told.push_back(*std::move(payload));
    }
    return told;
  }
  absl::Status TellChange(const std::string& field, const std::string& value,
                          int64_t time = 1700000000) {
    return Tell("whatsapp_cloud", whatsapp,
                absl::StrCat(R"({"object":"whatsapp_business_account","entry":[{"id":"77","time":)",
                             time, R"(,"changes":[{"field":")", field, R"(","value":{)",
                             R"("metadata":{"phone_number_id":"1065"},)", value, "}}]}]}"));
  }
  absl::Status TellBot(const std::string& update) {
    return Tell("telegram", telegram, R"({"update_id":1,)" + update + "}");
  }
};

std::string Member(const std::string& status, int64_t time) {
  return absl::StrCat(
      R"("my_chat_member":{"chat":{"id":4711,"type":"private"},"from":{"id":4711},"date":)", time,
      R"(,"new_chat_member":{"user":{"id":77},"status":")", status, R"("}})");
}

TEST_CASE("What somebody has told WhatsApp that it wants is told on", "[news]") {
  NewsPool pool;
  const auto preference = [](const std::string& wish, int64_t time) {
    return absl::StrCat(R"({"wa_id":"436641","category":"marketing_messages","value":")", wish,
                        R"(","timestamp":")", time, "\"}");
  };
  // In the order of their times, however they come; the last of each kind.
  REQUIRE(pool.TellChange("user_preferences",
                          absl::StrCat(R"("user_preferences":[)", preference("stop", 1700000009),
                                       ",", preference("stop", 1700000005), ",",
                                       preference("resume", 1700000001), "]"))
              .ok());
  const auto told = pool.Told<v1::ConsentReported>();
  REQUIRE(told.size() == 2);
  CHECK_FALSE(told[0].stopped());
  CHECK(told[1].sim_id() == pool.whatsapp);
  CHECK(told[1].network() == common::NETWORK_WHATSAPP);
  CHECK(told[1].address() == "+436641");
  CHECK(told[1].stopped());
  CHECK(told[1].marketing());
  CHECK(told[1].time().seconds() == 1700000009);
}

TEST_CASE("A bot that was blocked, and unblocked, is told on", "[news]") {
  NewsPool pool;
  REQUIRE(pool.TellBot(Member("kicked", 1700000000)).ok());
  REQUIRE(pool.TellBot(Member("member", 1700000100)).ok());
  const auto told = pool.Told<v1::ConsentReported>();
  REQUIRE(told.size() == 2);
  CHECK(told[0].address() == "4711");
  CHECK(told[0].stopped());
  CHECK_FALSE(told[0].marketing());
  CHECK_FALSE(told[1].stopped());
}

TEST_CASE("A failed message whose recipient wants none says so", "[news]") {
  NewsPool pool;
  const auto failed = [&](int code) {
    return pool.TellChange(
        "messages",
        absl::StrCat(R"("statuses":[{"id":"wamid.9","status":"failed","timestamp":)",
                     R"("1700000000","recipient_id":"436641","biz_opaque_callback_data":)",
                     R"("mo:1","errors":[{"code":)", code, "}]}]"));
  };
  REQUIRE(failed(131026).ok());
  CHECK(pool.Told<v1::ConsentReported>().empty());
  REQUIRE(failed(131050).ok());
  const auto told = pool.Told<v1::ConsentReported>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].stopped());
  CHECK(told[0].address() == "+436641");
}

TEST_CASE("A group and a person that moved keep their place and their window", "[news]") {
  NewsPool pool;
  const int64_t bot = IdOf(pool.telegram), cloud = IdOf(pool.whatsapp);
  pool.Execute(absl::StrCat("INSERT INTO sims.groups VALUES (1, ", bot,
                            ", '-100', 'Ours', now()), (1, ", cloud, ", '-100', 'Other', now())"));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(pool.TellBot(R"("message":{"message_id":8,"date":1700000000,"chat":{"id":-100,"type":)"
                         R"("group"},"migrate_to_chat_id":-100500})")
                .ok());
  }
  CHECK(pool.Count("SELECT count(*) FROM sims.groups WHERE group_id = '-100500' AND "
                   "display_name = 'Ours'") == 1);
  CHECK(pool.Count("SELECT count(*) FROM sims.groups") == 2);
  pool.Execute(absl::StrCat("INSERT INTO sims.reply_windows VALUES (1, ", cloud,
                            ", '+436641', now() + interval '9 hours'), (1, ", bot,
                            ", '+436641', now())"));
  REQUIRE(pool.TellChange("messages",
                          R"("messages":[{"from":"436641","id":"wamid.s","timestamp":"1700000000",)"
                          R"("type":"system","system":{"type":"user_changed_number","wa_id":)"
                          R"("436642"}}])")
              .ok());
  CHECK(pool.Count("SELECT count(*) FROM sims.reply_windows WHERE address = '+436642' AND "
                   "open_until > now() + interval '8 hours'") == 1);
  const auto told = pool.Told<v1::AddressMoved>();
  REQUIRE(told.size() == 3);
  CHECK(told[0].old_address() == "-100");
  CHECK(told[0].new_address() == "-100500");
  CHECK(told[2].network() == common::NETWORK_WHATSAPP);
  CHECK(told[2].old_address() == "+436641");
  CHECK(told[2].new_address() == "+436642");
}

TEST_CASE("What a message is refused for may be a wish, or a new address", "[news]") {
  NewsPool pool;
  pool.provider.Set("/bot77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/sendMessage", 403,
                    R"({"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by )"
                    R"(the user"})");
  const auto send = [&](const std::string& key, const std::string& address) {
    v1::SubmitRequest request = pool.Dispatch(key, pool.telegram, v1::LANE_BULK, 1, 1);
    request.mutable_dispatches(0)->mutable_recipients(0)->set_address(address);
    REQUIRE(pool.Submit(request).ok());
    testing::WaitFor([&] { return pool.Counts(key).failed() == 1; }, "the refusal");
  };
  send("d1", "4711");
  const auto told = pool.Told<v1::ConsentReported>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].sim_id() == pool.telegram);
  CHECK(told[0].network() == common::NETWORK_TELEGRAM);
  CHECK(told[0].address() == "4711");
  CHECK(told[0].stopped());
  pool.provider.Set("/bot77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/sendMessage", 400,
                    R"({"ok":false,"error_code":400,"description":"Bad Request: group chat was )"
                    R"(upgraded","parameters":{"migrate_to_chat_id":-100500}})");
  send("d2", "-100");
  const auto moved = pool.Told<v1::AddressMoved>();
  REQUIRE(moved.size() == 1);
  CHECK(moved[0].old_address() == "-100");
  CHECK(moved[0].new_address() == "-100500");
}

TEST_CASE("What a callback tells of SIMs themselves is applied to those it is about", "[news]") {
  NewsPool pool;
  const auto update = [&](const std::string& state, int64_t time) {
    return pool.TellChange(
        "account_update",
        absl::StrCat(R"("event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":")", state, R"("})"),
        time);
  };
  const auto blocked = [&](const std::string& sim) {
    return pool.Count(absl::StrCat("SELECT count(*) FROM sims.sims WHERE state = ",
                                   static_cast<int>(v1::SIM_STATE_BLOCKED),
                                   " AND id = ", IdOf(sim))) == 1;
  };
  REQUIRE(update("DISABLE", 1700000000).ok());
  CHECK(blocked(pool.whatsapp));
  CHECK_FALSE(blocked(pool.telegram));
  REQUIRE(update("REINSTATE", 1700000900).ok());
  CHECK_FALSE(blocked(pool.whatsapp));
}

}  // namespace
}  // namespace mo::sims

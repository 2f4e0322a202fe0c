#include "services/contacts/wishes.h"

#include <catch2/catch.hpp>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "libs/testing/wait.h"
#include "messageorganizer/sims/v1/callbacks.grpc.pb.h"
#include "services/contacts/pool_test.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::contacts {
namespace {

using testing::WaitFor;

// A bot whose provider calls back, and contacts that have written to it.
struct BotPool : Pool {
  BotPool() {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    bot = AddBot("first_bot");
  }
  std::string AddBot(const std::string& name) {
    sims_v1::CreateSimRequest request;
    request.mutable_sim()->set_network(NETWORK_TELEGRAM);
    request.mutable_sim()->set_address(name);
    request.mutable_sim()->set_capacity(10);
    auto* settings = request.mutable_sim()->mutable_driver()->mutable_telegram();
    settings->set_base_url("http://127.0.0.1:9");  // nobody
    settings->set_bot_token("77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr");
    settings->set_secret_token("s3cret");
    auto sim = sims.Call(&sims_v1::SimService::Stub::CreateSim, caller(), request);
    REQUIRE(sim.ok());
    return sim->id();
  }
  void Tell(const std::string& to, const std::string& update) {
    sims_v1::TakeCallbackRequest request;
    request.set_driver("telegram");
    request.set_sim_id(to);
    request.set_method("POST");
    request.set_body(absl::StrCat(R"({"update_id":1,)", update, "}"));
    auto& header = *request.add_headers();
    header.set_name("X-Telegram-Bot-Api-Secret-Token");
    header.set_value("s3cret");
    auto taken = callbacks.Call(&sims_v1::ProviderCallbackService::Stub::TakeCallback,
                                ServiceCaller("edge", 0), request);
    REQUIRE(taken.ok());
    CHECK(taken->status() == 200);
  }
  // Somebody has blocked a bot, or not any more.
  void Member(const std::string& chat, const std::string& status, int64_t time,
              const std::string& of = "") {
    Tell(of.empty() ? bot : of,
         absl::StrCat(R"("my_chat_member":{"chat":{"id":)", chat,
                      R"(,"type":"private"},"from":{"id":)", chat, R"(},"date":)", time,
                      R"(,"new_chat_member":{"user":{"id":77},"status":")", status, R"("}})"));
  }
  void Migrate(const std::string& from, const std::string& to) {
    Tell(bot, absl::StrCat(R"("message":{"message_id":8,"date":1700000000,"chat":{"id":)", from,
                           R"(,"type":"group"},"migrate_to_chat_id":)", to, "}"));
  }
  std::string Write(int64_t number, const std::string& chat) {
    auto written = Pool::Write(number, bot, chat, NETWORK_TELEGRAM);
    REQUIRE(written.ok());
    return written->contact().id();
  }
  bool Is(const std::string& id, v1::ContactState state) {
    auto contact = Get(id);
    return contact.ok() && contact->state() == state;
  }
  std::string Ledger(const std::string& id) {
    return Sql(
        absl::StrCat("SELECT string_agg(kind || ' ' || how, ', ' ORDER BY seq) FROM "
                     "contacts.consent WHERE contact_id = ",
                     IdOf(id)));
  }
  void Publish(const google::protobuf::Message& event, const std::string& key) {
    REQUIRE(
        database->As(1, [&](storage::Transaction& tx) { return outbox.Append(tx, 1, key, event); })
            .ok());
  }
  // All that was told of a chat until now has been heard: what follows it in its partition has.
  void AwaitAll(const std::string& chat = "4711", const std::string& of = "") {
    const std::string address = absl::StrCat("9", ++witnesses);
    const std::string witness = Write(witnesses, address);
    sims_v1::ConsentReported wish;
    wish.set_sim_id(bot);
    wish.set_network(NETWORK_TELEGRAM);
    wish.set_address(address);
    wish.set_stopped(true);
    wish.mutable_time()->set_seconds(1700000000);
    Publish(wish, absl::StrCat(of.empty() ? bot : of, "/", chat));
    WaitFor([&] { return Is(witness, v1::CONTACT_STATE_STOPPED); }, "a later event");
  }
  double Metric(const std::string& name) { return env.app().metrics().Counter(name, "").Value(); }

  absl::FlagSaver flags;
  Client<sims_v1::ProviderCallbackService> callbacks{env.app()};
  std::string bot;
  int64_t witnesses = 1000;
  std::unique_ptr<storage::Database> database = [this] {
    storage::DatabaseOptions options;
    options.url = env.postgres().url();
    options.migration_user = "postgres";
    options.service = "sims";
    options.connections = 2;
    return std::make_unique<storage::Database>(options, env.app().metrics());
  }();
  events::Outbox outbox{env.app(), *database, {}};
};

constexpr auto kActive = v1::CONTACT_STATE_ACTIVE;
constexpr auto kStopped = v1::CONTACT_STATE_STOPPED;

TEST_CASE("Who blocks a bot is stopped, and comes back by unblocking it", "[wishes]") {
  BotPool pool;
  const std::string id = pool.Write(1, "4711");
  pool.Member("4711", "kicked", 1700000000);
  WaitFor([&] { return pool.Is(id, kStopped); }, "the stop");
  WaitFor(
      [&] {
        return pool.Sql("SELECT count(*)::text FROM sims.suppressions WHERE suppressed") == "1";
      },
      "sims to know");
  CHECK(pool.Ledger(id) == "1 message, 2 network");
  CHECK(pool.Sql("SELECT extract(epoch FROM time)::bigint::text FROM contacts.consent WHERE kind = "
                 "2") == "1700000000");
  CHECK(pool.Get(id)->has_stop_time());
  pool.Member("4711", "member", 1700000100);
  WaitFor([&] { return pool.Is(id, kActive); }, "the return");
  WaitFor(
      [&] {
        return pool.Sql("SELECT count(*)::text FROM sims.suppressions WHERE suppressed") == "0";
      },
      "sims to know");
  CHECK(pool.Ledger(id) == "1 message, 2 network, 1 network");
  CHECK_FALSE(pool.Get(id)->has_stop_time());
}

TEST_CASE("A return in the second of the stop comes after it, an older one changes nothing",
          "[wishes]") {
  BotPool pool;
  const std::string id = pool.Write(1, "4711");
  sims_v1::ConsentReported wish;
  wish.set_sim_id(pool.bot);
  wish.set_network(NETWORK_TELEGRAM);
  wish.set_address("4711");
  wish.set_stopped(true);
  // As a refused message tells it: by our own clock.
  wish.mutable_time()->set_seconds(1700000000);
  wish.mutable_time()->set_nanos(700000123);
  pool.Publish(wish, pool.bot + "/4711");
  WaitFor([&] { return pool.Is(id, kStopped); }, "the stop");
  pool.Member("4711", "member", 1699999990);
  pool.AwaitAll();
  CHECK(pool.Is(id, kStopped));
  pool.Member("4711", "member", 1700000000);
  WaitFor([&] { return pool.Is(id, kActive); }, "the return");
  // A message that was refused before tells of it late.
  wish.mutable_time()->set_nanos(800000000);
  pool.Publish(wish, pool.bot + "/4711");
  pool.AwaitAll();
  CHECK(pool.Is(id, kActive));
  wish.mutable_time()->set_seconds(1700000002);
  pool.Publish(wish, pool.bot + "/4711");
  WaitFor([&] { return pool.Is(id, kStopped); }, "a new stop");
}

TEST_CASE("Who was stopped otherwise has to write to come back", "[wishes]") {
  BotPool pool;
  const std::string id = pool.Write(1, "4711");
  REQUIRE(pool.Stop(id).ok());
  pool.Member("4711", "kicked", 1700000000);
  pool.Member("4711", "member", 1700000100);
  pool.AwaitAll();
  CHECK(pool.Is(id, kStopped));
  CHECK(pool.Write(2, "4711") == id);
  CHECK(pool.Is(id, kActive));
}

TEST_CASE("A wish that is told again counts once", "[wishes]") {
  BotPool pool;
  const std::string id = pool.Write(1, "4711");
  pool.Member("4711", "kicked", 1700000000);
  WaitFor([&] { return pool.Is(id, kStopped); }, "the stop");
  pool.Write(2, "4711");
  REQUIRE(pool.Is(id, kActive));
  pool.Member("4711", "kicked", 1700000000);
  pool.AwaitAll();
  CHECK(pool.Is(id, kActive));
  pool.Member("4711", "kicked", 1700000200);
  WaitFor([&] { return pool.Is(id, kStopped); }, "another stop");
}

TEST_CASE("Who blocks another bot than its own is not stopped, who wants no marketing is",
          "[wishes]") {
  BotPool pool;
  const std::string other = pool.AddBot("second_bot");
  const std::string id = pool.Write(1, "4711");
  pool.Member("4711", "kicked", 1700000000, other);
  pool.AwaitAll("4711", other);
  CHECK(pool.Is(id, kActive));
  sims_v1::ConsentReported wish;
  wish.set_sim_id(other);
  wish.set_network(NETWORK_TELEGRAM);
  wish.set_address("4711");
  wish.set_stopped(true);
  wish.set_marketing(true);
  wish.mutable_time()->set_seconds(1700000000);
  pool.Publish(wish, "k");
  WaitFor([&] { return pool.Is(id, kStopped); }, "the stop");
}

TEST_CASE("What is told of strangers changes nothing", "[wishes]") {
  BotPool pool;
  pool.Member("4711", "kicked", 1700000000);
  pool.Member("4711", "member", 1700000001);
  pool.Migrate("-100", "-200");
  pool.AwaitAll();
  pool.AwaitAll("-100");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.dead_events") == "0");
  CHECK(pool.Counts() == "0/0/2");
}

TEST_CASE("A contact that moved is the same contact", "[wishes]") {
  BotPool pool;
  const std::string id = pool.Write(1, "4711");
  pool.Migrate("4711", "4712");
  WaitFor([&] { return pool.Get(id)->address() == "4712"; }, "the new address");
  CHECK(pool.Write(2, "4712") == id);
  const std::string stranger = pool.Write(3, "4711");
  CHECK(stranger != id);
  SECTION("where somebody else is already, both stay") {
    pool.Migrate("4711", "4712");
    pool.AwaitAll();
    CHECK(pool.Get(id)->address() == "4712");
    CHECK(pool.Get(stranger)->address() == "4711");
    CHECK(pool.Metric("mo_contacts_move_conflicts_total") == 1);
  }
}

TEST_CASE("A phone number that moved takes the phone along", "[wishes]") {
  BotPool pool;
  const std::string sim = pool.AddSim(5);
  auto written = pool.Pool::Write(1, sim, "+436641", NETWORK_WHATSAPP);
  REQUIRE(written.ok());
  sims_v1::AddressMoved move;
  move.set_sim_id(sim);
  move.set_network(NETWORK_WHATSAPP);
  move.set_old_address("+436641");
  move.set_new_address("+436642");
  pool.Publish(move, "k");
  const std::string id = written->contact().id();
  WaitFor([&] { return pool.Get(id)->address() == "+436642"; }, "the new address");
  CHECK(pool.Get(id)->phone() == "+436642");
}

}  // namespace
}  // namespace mo::contacts

#include <catch2/catch.hpp>
#include <map>
#include <mutex>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "libs/http/server.h"
#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "services/sims/drivers/json.h"
#include "services/sims/health.h"
#include "services/sims/test_states.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {
namespace {

using testing::WaitFor;

// A provider of WhatsApp that takes everything.
class Taker {
 public:
  Taker()
      : server_({}, [this](const http::Request& request, const http::Responder& responder) {
          // Other requests than messages name nobody.
          if (const std::string to = TextAt(ParseJson(request.body), "to"); !to.empty()) {
            std::lock_guard lock(mutex_);
            ++taken_[to];
          }
          responder.Send({200, {}, R"({"messages":[{"id":"wamid.x"}]})"});
        }) {
    REQUIRE(server_.Start().ok());
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", server_.port()); }
  // How many different recipients it has messages for.
  size_t recipients() {
    std::lock_guard lock(mutex_);
    return taken_.size();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> taken_;
  http::Server server_;
};

// A SIM with a provider, under a clock of the test's.
struct WarmUpPool {
  WarmUpPool() {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    AppOptions options;
    options.clock = &clock;
    pool.emplace(std::move(options));
  }
  void Add(int32_t first_day, int32_t days) {
    v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+4366400009");
    request.mutable_sim()->set_capacity(1000);
    if (first_day > 0) {
      request.mutable_sim()->mutable_warm_up()->set_first_day_recipients(first_day);
      request.mutable_sim()->mutable_warm_up()->set_days(days);
    }
    auto* cloud = request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud();
    cloud->set_base_url(taker.url());
    cloud->set_phone_number_id("1065");
    cloud->set_access_token("T1");
    cloud->set_app_secret("secret");
    cloud->set_verify_token("verify");
    auto created = pool->sims.Call(&v1::SimService::Stub::CreateSim, pool->caller, request);
    REQUIRE(created.ok());
    pool->sim = *created;
  }
  // Templates to contacts that have not written.
  void SendTemplates(const std::string& key, int64_t first, int count) {
    v1::SubmitRequest request = pool->Dispatch(key, pool->sim.id(), v1::LANE_BULK, first, count);
    auto* dispatch = request.mutable_dispatches(0);
    dispatch->mutable_content()->Clear();
    dispatch->mutable_content()->mutable_message_template()->set_name("hello");
    dispatch->mutable_content()->mutable_message_template()->set_language("de");
    REQUIRE(pool->Submit(request).ok());
  }
  // As time goes by, so many recipients are written to.
  void Await(size_t recipients) {
    WaitFor(
        [&] {
          clock.Advance(absl::Milliseconds(200));
          return taker.recipients() >= recipients;
        },
        absl::StrCat(recipients, " recipients"));
  }
  // Nobody else is, though an hour passes.
  void CheckNobodyElse(size_t recipients) {
    for (int i = 0; i < 12; ++i) {
      clock.Advance(absl::Minutes(5));
      // The next round of asking is over when an answer has passed through the same session.
      Answer();
    }
    CHECK(taker.recipients() == recipients);
  }
  // An answer to somebody who has written; not counted, and never held back.
  void Answer() {
    const std::string key = absl::StrCat("answer", answers++);
    v1::SubmitRequest request = pool->Dispatch(key, pool->sim.id(), v1::LANE_INTERACTIVE, 7, 1);
    REQUIRE(pool->Submit(request).ok());
    WaitFor(
        [&] {
          clock.Advance(absl::Milliseconds(20));
          // A leap of the clock ends the lease: what was under way then is left in doubt.
          const auto counts = pool->Counts(key);
          return counts.accepted() + counts.uncertain() == 1;
        },
        "an answer");
  }
  void LetWrite(int64_t contact) {
    pool->Execute(absl::StrCat(
        "INSERT INTO sims.reply_windows (account_id, sim_id, address, open_until) VALUES (1, ",
        IdOf(pool->sim.id()), ", '+43", contact, "', '2100-01-01')"));
  }

  const absl::FlagSaver flags;
  testing::FakeClock clock;
  Taker taker;
  std::optional<StatesPool> pool;
  int answers = 0;
};

TEST_CASE("A new SIM writes to few on its first day, to more on the second, then to all",
          "[warm-up]") {
  WarmUpPool test;
  test.Add(10, 2);
  test.LetWrite(7);
  test.Answer();
  test.SendTemplates("d1", 1000, 60);
  // A tenth of each day's is left to interactive messages; the answer's contact makes one more.
  test.Await(10);
  test.CheckNobodyElse(10);
  test.clock.Advance(absl::Hours(23));
  test.Await(28);
  test.CheckNobodyElse(28);
  test.clock.Advance(absl::Hours(24));
  test.Await(61);
  // A day's leap ends the lease as well: what was under way then is left in doubt.
  WaitFor(
      [&] {
        const auto counts = test.pool->Counts("d1");
        return counts.accepted() + counts.uncertain() == 60;
      },
      "the results");
}

TEST_CASE("Whoever has written is none of a day's recipients", "[warm-up]") {
  WarmUpPool test;
  test.Add(1, 2);
  for (int64_t contact = 1000; contact < 1020; ++contact) test.LetWrite(contact);
  test.SendTemplates("d1", 1000, 20);
  test.Await(20);
}

TEST_CASE("The network's limit of recipients is kept to when it is told, and none is before",
          "[warm-up]") {
  WarmUpPool test;
  test.Add(0, 0);
  test.LetWrite(7);
  test.SendTemplates("d1", 1000, 300);
  test.Await(300);
  test.pool->System([&](storage::Transaction& tx) {
    return ApplyHealth(
        tx, test.pool->outbox, 1, IdOf(test.pool->sim.id()),
        {HealthEvent::Kind::kLimits, "unique_recipients_per_day", "TIER_50", 0, test.clock.Now()},
        test.clock.Now());
  });
  // The next session has read it.
  test.pool->Execute("UPDATE sims.drivers SET key_id = key_id");
  WaitFor(
      [&] {
        test.clock.Advance(absl::Milliseconds(200));
        return test.pool->Count("SELECT max(epoch) FROM sims.leases") == 2;
      },
      "the next session");
  test.Answer();
  test.SendTemplates("d2", 2000, 100);
  test.Await(346);
  test.CheckNobodyElse(346);
}

}  // namespace
}  // namespace mo::sims

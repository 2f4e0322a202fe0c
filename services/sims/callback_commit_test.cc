// What providers tell becomes durable: by key, by the provider's names, by watermarks, in whatever
// order it comes.
#include <catch2/catch.hpp>
#include <future>

#include "services/sims/callback_work.h"
#include "services/sims/callbacks.h"
#include "services/sims/ledger_inbound.h"
#include "services/sims/ledger_names.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

// A SIM, dispatches to it, and a ledger beside the service's.
struct TestCallbacks {
  TestPool pool;
  const std::string sim_name = pool.AddSim("+4366400001").id();
  storage::Database database{
      {pool.env.app().options().database_url, pool.env.app().options().migration_user, "", "sims"},
      pool.env.app().metrics()};
  events::Outbox outbox{pool.env.app(), database, {}};
  Credentials credentials{pool.env.app(), database};
  SimDrivers drivers{pool.env.app(), database, credentials};
  LedgerCommit ledger{pool.env.app(), database, outbox};
  Callbacks callbacks{pool.env.app(), drivers, ledger};
  SimDriver sim{1, IdOf(sim_name), common::NETWORK_MESSENGER, nullptr, false, {}};

  // A dispatch to `count` recipients; its number.
  int64_t Submit(const std::string& key, int count) {
    REQUIRE(pool.Submit(pool.Dispatch(key, sim_name, v1::LANE_BULK, 1, count)).ok());
    return pool.Count("SELECT max(id) FROM sims.dispatches");
  }
  absl::Status Tell(const SenderEvents& events) { return callbacks.Commit(sim, events); }
  absl::Status Commit(LedgerWork work) {
    work.account_id = 1;
    work.sim_id = sim.sim_id;
    std::promise<absl::Status> status;
    work.done = [&](const LedgerOutcome& outcome) { status.set_value(outcome.status); };
    REQUIRE(ledger.Add(std::move(work)));
    return status.get_future().get();
  }
  // What a session commits when the provider has taken a message.
  absl::Status Sent(const std::string& name, int64_t key, const std::string& address = "",
                    absl::Time time = absl::UnixEpoch()) {
    LedgerWork work;
    work.epoch = kNoLease;
    work.transitions.push_back({key, {common::DELIVERY_STATE_ACCEPTED, {}}});
    work.names.push_back({name, key, address, time});
    return Commit(std::move(work));
  }
  // Where a recipient stands.
  common::DeliveryState State(int64_t dispatch, int index) {
    return Unpack(static_cast<char>(pool.Count(
                      absl::StrCat("SELECT get_byte(status, ", index,
                                   ")::bigint FROM sims.dispatch_states WHERE id = ", dispatch))))
        .state;
  }
};

ReceiptEvent ByName(const std::string& name, common::DeliveryState state) {
  ReceiptEvent receipt;
  receipt.provider_id = name;
  receipt.state = state;
  return receipt;
}

ReceiptEvent ByKey(int64_t key, common::DeliveryState state) {
  ReceiptEvent receipt;
  receipt.key = key;
  receipt.state = state;
  return receipt;
}

ReceiptEvent Until(const std::string& address, common::DeliveryState state, absl::Time until) {
  ReceiptEvent receipt;
  receipt.address = address;
  receipt.state = state;
  receipt.watermark = until;
  return receipt;
}

SenderEvents Of(std::vector<ReceiptEvent> receipts) {
  SenderEvents events;
  events.receipts = std::move(receipts);
  return events;
}

constexpr auto kAccepted = common::DELIVERY_STATE_ACCEPTED;
constexpr auto kSent = common::DELIVERY_STATE_SENT;
constexpr auto kDelivered = common::DELIVERY_STATE_DELIVERED;
constexpr auto kRead = common::DELIVERY_STATE_READ;
constexpr auto kFailed = common::DELIVERY_STATE_FAILED;

TEST_CASE("A message that a provider tells twice is told on once", "[callbacks]") {
  TestCallbacks test;
  SenderEvents events;
  for (int i = 0; i < 2; ++i) {
    v1::Inbound& message = events.inbound.emplace_back().message;
    message.set_provider_message_id("wamid.1");
    message.set_sender_address("+431");
    message.mutable_content()->mutable_text()->set_body("Hello");
  }
  REQUIRE(test.Tell(events).ok());
  REQUIRE(test.Tell(events).ok());
  CHECK(test.pool.Count("SELECT count(*) FROM sims.inbound") == 1);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.outbox WHERE position('wamid.1'::bytea in "
                        "envelope) > 0") == 1);
}

TEST_CASE("A status by key rises only, and settles what its send has not said yet", "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 3);
  const auto key = [&](int index) { return DeliveryKey(dispatch, index); };
  REQUIRE(
      test.Tell(Of({ByKey(key(0), kRead), ByKey(key(0), kDelivered), ByKey(key(1), kSent)})).ok());
  CHECK(test.State(dispatch, 0) == kRead);
  CHECK(test.State(dispatch, 1) == kSent);
  // The send's own result comes late.
  REQUIRE(test.Sent("a", key(1)).ok());
  CHECK(test.State(dispatch, 1) == kSent);
  ReceiptEvent failed = ByKey(key(1), kFailed);
  failed.error = ErrorClass::kWindowClosed;
  REQUIRE(test.Tell(Of({failed})).ok());
  CHECK(test.State(dispatch, 1) == kFailed);
  const common::DeliveryCounts counts = test.pool.Counts("d");
  REQUIRE(counts.reasons_size() == 1);
  CHECK(counts.reasons(0).reason() == common::DELIVERY_REASON_WINDOW_CLOSED);
}

TEST_CASE("Another SIM's key, and one of nothing, change nothing", "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 1);
  test.sim.sim_id = IdOf(test.pool.AddSim("+4366400002").id());
  REQUIRE(test.Tell(Of({ByKey(DeliveryKey(dispatch, 0), kRead), ByKey(1, kRead)})).ok());
  CHECK(test.State(dispatch, 0) == common::DELIVERY_STATE_QUEUED);
}

TEST_CASE("Receipts by the provider's name, after their send and before it", "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 4);
  REQUIRE(test.Sent("after", DeliveryKey(dispatch, 0)).ok());
  CHECK(test.State(dispatch, 0) == kAccepted);
  REQUIRE(test.Tell(Of({ByName("after", kDelivered), ByName("before", kRead)})).ok());
  REQUIRE(test.Tell(Of({ByName("before", kSent), ByName("failed", kSent)})).ok());
  REQUIRE(test.Tell(Of({ByName("failed", kFailed)})).ok());
  CHECK(test.State(dispatch, 0) == kDelivered);
  CHECK(test.State(dispatch, 1) == common::DELIVERY_STATE_QUEUED);
  REQUIRE(test.Sent("before", DeliveryKey(dispatch, 1)).ok());
  CHECK(test.State(dispatch, 1) == kRead);
  REQUIRE(test.Sent("failed", DeliveryKey(dispatch, 2)).ok());
  CHECK(test.State(dispatch, 2) == kFailed);
  REQUIRE(test.Sent("none", DeliveryKey(dispatch, 3)).ok());
  CHECK(test.State(dispatch, 3) == kAccepted);
  // The same name at another SIM is another message.
  test.sim.sim_id = IdOf(test.pool.AddSim("+4366400002").id());
  REQUIRE(test.Tell(Of({ByName("none", kRead)})).ok());
  CHECK(test.State(dispatch, 3) == kAccepted);
}

TEST_CASE("Whichever of a send and its receipt is committed first, also at once, none is lost",
          "[callbacks]") {
  TestCallbacks test;
  constexpr int kMessages = 300;
  const int64_t dispatch = test.Submit("d", kMessages);
  // Two ledgers, as of two processes.
  LedgerCommit other(test.pool.env.app(), test.database, test.outbox);
  Callbacks callbacks(test.pool.env.app(), test.drivers, other);
  std::thread receipts([&] {
    for (int i = 0; i < kMessages; ++i) {
      if (!callbacks.Commit(test.sim, Of({ByName("m" + std::to_string(i), kDelivered)})).ok())
        return;
    }
  });
  for (int i = 0; i < kMessages; ++i)
    REQUIRE(test.Sent("m" + std::to_string(i), DeliveryKey(dispatch, i)).ok());
  receipts.join();
  CHECK(test.pool.Counts("d").delivered() == kMessages);
}

TEST_CASE("Watermarks reach what was sent to their address until then, before and after",
          "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 6);
  const absl::Time t0 = absl::FromUnixSeconds(1700000000);
  const auto at = [&](int seconds) { return t0 + absl::Seconds(seconds); };
  REQUIRE(test.Sent("a", DeliveryKey(dispatch, 0), "anna", at(10)).ok());
  REQUIRE(test.Sent("b", DeliveryKey(dispatch, 1), "anna", at(20)).ok());
  REQUIRE(test.Sent("c", DeliveryKey(dispatch, 2), "bert", at(10)).ok());
  REQUIRE(test.Tell(Of({Until("anna", kDelivered, at(15))})).ok());
  CHECK(test.State(dispatch, 0) == kDelivered);
  CHECK(test.State(dispatch, 1) == kAccepted);
  CHECK(test.State(dispatch, 2) == kAccepted);
  // Read means delivered; what an earlier one reached as delivered is read now.
  REQUIRE(test.Tell(Of({Until("anna", kRead, at(30))})).ok());
  CHECK(test.State(dispatch, 0) == kRead);
  CHECK(test.State(dispatch, 1) == kRead);
  // Sent before, committed after.
  REQUIRE(test.Sent("d", DeliveryKey(dispatch, 3), "anna", at(25)).ok());
  CHECK(test.State(dispatch, 3) == kRead);
  REQUIRE(test.Tell(Of({Until("anna", kDelivered, at(40)), Until("anna", kRead, at(5))})).ok());
  REQUIRE(test.Sent("e", DeliveryKey(dispatch, 4), "anna", at(35)).ok());
  CHECK(test.State(dispatch, 4) == kDelivered);
  REQUIRE(test.Sent("f", DeliveryKey(dispatch, 5), "anna", at(45)).ok());
  CHECK(test.State(dispatch, 5) == kAccepted);
}

TEST_CASE("An echo names a message whose answer never came", "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 2);
  const absl::Time t0 = absl::FromUnixSeconds(1700000000);
  for (const int i : {0, 1}) {
    ReceiptEvent echo = ByKey(DeliveryKey(dispatch, i), kSent);
    echo.provider_id = absl::StrCat("m_", i);
    echo.address = "anna";
    echo.time = t0 + absl::Seconds(i);
    // Where receipts come with our key, nothing is looked for by its name.
    test.sim.receipts_by_key = i == 1;
    LedgerWork attempted;
    attempted.epoch = kNoLease;
    attempted.transitions.push_back(
        {echo.key, {common::DELIVERY_STATE_UNCERTAIN, common::DELIVERY_REASON_UNSPECIFIED}});
    REQUIRE(test.Commit(std::move(attempted)).ok());
    REQUIRE(test.Tell(Of({echo})).ok());
    CHECK(test.State(dispatch, i) == kSent);
  }
  CHECK(test.pool.Count("SELECT count(*) FROM sims.provider_messages WHERE address = 'anna'") == 1);
  test.sim.receipts_by_key = false;
  REQUIRE(test.Tell(Of({ByName("m_0", kDelivered)})).ok());
  CHECK(test.State(dispatch, 0) == kDelivered);
  REQUIRE(test.Tell(Of({Until("anna", kRead, t0)})).ok());
  CHECK(test.State(dispatch, 0) == kRead);
}

TEST_CASE("A time in whole seconds is as late as it can have been, not before what we had sent",
          "[callbacks]") {
  const absl::Time t0 = absl::FromUnixSeconds(1700000000);
  const auto time = [&](absl::Duration sent, absl::Duration now) {
    v1::Inbound inbound;
    *inbound.mutable_time() = ToProto(t0 + sent);
    return SendTime(inbound, t0 + now) - t0;
  };
  CHECK(time(absl::ZeroDuration(), absl::Milliseconds(300)) == absl::Milliseconds(300));
  CHECK(time(absl::ZeroDuration(), absl::Seconds(9)) == absl::Milliseconds(999));
  CHECK(time(absl::Milliseconds(20), absl::Seconds(9)) == absl::Milliseconds(20));
  // A clock that runs ahead of ours is believed.
  CHECK(time(absl::Seconds(2), absl::Seconds(1)) == absl::Seconds(2));
  CHECK(SendTime({}, t0) == t0);
}

TEST_CASE("More than a thousand updates are committed, what can never be stored is left out",
          "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 1000);
  SenderEvents events;
  for (int i = 0; i < 1000; ++i) {
    events.receipts.push_back(ByKey(DeliveryKey(dispatch, i), kDelivered));
    v1::Inbound& message = events.inbound.emplace_back().message;
    message.set_provider_message_id("in" + std::to_string(i));
    message.set_sender_address("+43" + std::to_string(i));
    message.mutable_content()->mutable_text()->set_body("Hello");
  }
  events.inbound[7].message.set_provider_message_id(std::string("a\0b", 3));
  events.inbound[8].message.mutable_content()->mutable_text()->set_body("\xff\xfe");
  events.inbound[9].message.set_sender_address(std::string(200, 'x'));
  events.receipts.push_back(ByName(std::string("a\0b", 3), kRead));
  std::vector<LedgerWork> works;
  std::vector<AwaitedFile> files;
  CHECK(AddWorks(test.sim, events, works, files) == 4);
  for (const LedgerWork& work : works) CHECK(UpdatesIn(work) <= 1000);
  REQUIRE(test.Tell(events).ok());
  CHECK(test.pool.Counts("d").delivered() == 1000);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.inbound") == 997);
}

TEST_CASE("Names are forgotten when no receipt can come any more", "[callbacks]") {
  TestCallbacks test;
  const int64_t dispatch = test.Submit("d", 2);
  const absl::Time now = absl::Now();
  REQUIRE(test.Sent("old", DeliveryKey(dispatch, 0), "", now - absl::Hours(2)).ok());
  REQUIRE(test.Sent("new", DeliveryKey(dispatch, 1), "", now).ok());
  test.pool.Execute(absl::StrCat(
      "INSERT INTO sims.reply_windows SELECT 1, ", test.sim.sim_id, ", 'a' || n, now() - n * ",
      "interval '1 hour 30 minutes' FROM generate_series(0, 1) n; INSERT INTO sims.watermarks ",
      "SELECT 1, ", test.sim.sim_id,
      ", 'a' || n, NULL, now() - n * interval '90 minutes' FROM generate_series(0, 2) n"));
  auto more = test.database.AsSystem(
      [&](storage::Transaction& tx) { return ForgetNames(tx, now - absl::Hours(1)); });
  REQUIRE(more.ok());
  CHECK_FALSE(*more);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.reply_windows") == 1);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.watermarks") == 1);
  CHECK(test.pool.Count("SELECT count(*) FROM sims.provider_messages") == 1);
}

}  // namespace
}  // namespace mo::sims

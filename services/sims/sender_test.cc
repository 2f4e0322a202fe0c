#include "services/sims/sender.h"

#include <catch2/catch.hpp>

#include "services/sims/test_agent.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

// A dispatch whose recipients 0 … resend - 1 were attempted under an earlier lease and of which the
// next `queued` wait.
std::shared_ptr<LoadedDispatch> MakeDispatch(int64_t id, v1::Lane lane, int resend, int queued) {
  auto dispatch = std::make_shared<LoadedDispatch>();
  dispatch->id = id;
  dispatch->lane = lane;
  for (int i = 0; i < resend + queued; ++i) {
    dispatch->contact_ids.push_back(i + 1);
    (i < resend ? dispatch->resend : dispatch->queued).push_back(i);
  }
  return dispatch;
}

TEST_CASE("Dispatches of doubtful messages stay known until these are settled, and no longer") {
  Sender sender;
  sender.SetCredit(100);
  sender.Offer({MakeDispatch(1, v1::LANE_INTERACTIVE, 2, 0), MakeDispatch(2, v1::LANE_BULK, 1, 3)});
  const std::vector<int64_t> doubtful = sender.TakeDoubtful();
  CHECK(doubtful.size() == 3);
  CHECK(sender.TakeDoubtful().empty());
  CHECK(sender.Known().size() == 2);  // not loaded again while the ledger works

  const Sender::Cut cut = sender.Next(absl::UnixEpoch());
  REQUIRE(cut.windows.size() == 1);
  CHECK(cut.windows[0].dispatch_id == 2);
  CHECK(cut.windows[0].indices == std::vector<int>{1, 2, 3});

  sender.Settled(doubtful);
  CHECK(sender.Known() == std::vector<int64_t>{2});  // its window is still open
  LedgerOutcome outcome;
  outcome.opened = {{1, 2, 3}};
  sender.Opened(cut, outcome);
  for (int index : {1, 2, 3}) CHECK(sender.Resolved(DeliveryKey(2, index)));
  CHECK(sender.Known().empty());
}

TEST_CASE("Whoever is postponed leaves the cut and is offered again at its time") {
  const absl::Time now = absl::UnixEpoch(), later = now + absl::Seconds(6);
  Sender sender;
  sender.SetCredit(100);
  sender.Offer({MakeDispatch(1, v1::LANE_INTERACTIVE, 0, 3)});
  Sender::Cut cut = sender.Next(now);
  REQUIRE(cut.size == 3);
  sender.Postpone({{later, absl::InfinitePast(), later}}, cut);
  CHECK(cut.size == 1);
  CHECK(cut.windows[0].indices == std::vector<int>{1});
  CHECK(cut.windows[0].contact_ids == std::vector<int64_t>{2});
  LedgerOutcome outcome;
  outcome.opened = {{1}};
  sender.Opened(cut, outcome);
  CHECK(sender.Resolved(DeliveryKey(1, 1)));
  CHECK(sender.Known() == std::vector<int64_t>{1});  // not loaded again meanwhile
  sender.Tick(later - absl::Milliseconds(1));
  CHECK(sender.Next(now).size == 0);
  sender.Tick(later);
  cut = sender.Next(later);
  CHECK(cut.windows[0].indices == std::vector<int>{0, 2});
}

TEST_CASE("Those that are postponed together come back in their order") {
  const absl::Time now = absl::UnixEpoch(), later = now + absl::Seconds(2);
  Sender sender;
  sender.SetCredit(100);
  sender.Offer({MakeDispatch(1, v1::LANE_INTERACTIVE, 0, 1),
                MakeDispatch(2, v1::LANE_INTERACTIVE, 0, 1),
                MakeDispatch(3, v1::LANE_INTERACTIVE, 0, 1)});
  Sender::Cut cut = sender.Next(now);
  REQUIRE(cut.size == 3);
  sender.Postpone({{later}, {later}, {later}}, cut);
  LedgerOutcome outcome;
  outcome.opened.resize(3);
  sender.Opened(cut, outcome);
  sender.Offer({MakeDispatch(4, v1::LANE_INTERACTIVE, 0, 1)});
  sender.Tick(later);
  cut = sender.Next(later);
  std::vector<int64_t> order;
  for (const Window& window : cut.windows) order.push_back(window.dispatch_id);
  CHECK(order == std::vector<int64_t>{1, 2, 3, 4});
}

TEST_CASE("Dispatches with nothing but doubtful messages do not keep others from being loaded") {
  Sender sender;  // without credit nothing is cut
  sender.Offer({MakeDispatch(1, v1::LANE_BULK, 1, 0), MakeDispatch(2, v1::LANE_BULK, 1, 0)});
  CHECK_FALSE(sender.Low(v1::LANE_BULK));
  sender.Settled(sender.TakeDoubtful());
  CHECK(sender.Low(v1::LANE_BULK));
  CHECK(sender.Known().empty());
}

TEST_CASE("Doubtful messages that the ledger refuses end the stream and are not forgotten") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 3)).ok());
  {
    TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/false);
    agent.WaitForSent(3);
  }
  pool.Execute(
      "CREATE FUNCTION sims.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE 'no'; END $$; "
      "CREATE TRIGGER refuse BEFORE UPDATE ON sims.dispatch_states FOR EACH ROW "
      "EXECUTE FUNCTION sims.refuse()");
  TestAgent refused(pool.env.app().grpc_port(), token, /*idempotent=*/false);
  refused.WaitForEnd();
  CHECK(pool.Counts("d1").attempting() == 3);
  pool.Execute("DROP TRIGGER refuse ON sims.dispatch_states");
  TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/false);
  WaitFor([&] { return pool.Counts("d1").uncertain() == 3; }, "uncertain messages");
  CHECK(agent.order().empty());
}

}  // namespace
}  // namespace mo::sims

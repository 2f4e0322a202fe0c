#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Stub = v1::BroadcastService::Stub;

// Outlives what runs by its clock.
struct ClockOwner {
  testing::FakeClock clock;
};

// A stepwise world with a clock that stands, and what clients do with drafts.
struct Desk : ClockOwner, BroadcastWorld {
  Desk() : BroadcastWorld(/*stepwise=*/true, &clock) {}

  std::string Draft(v1::CreateBroadcastRequest request) {
    request.set_draft(true);
    return Create(request);
  }
  absl::StatusOr<v1::Broadcast> Update(const v1::Broadcast& broadcast,
                                       const std::vector<std::string>& mask = {}) {
    v1::UpdateBroadcastRequest request;
    *request.mutable_broadcast() = broadcast;
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    return broadcasts.Call(&Stub::UpdateBroadcast, caller(), request);
  }
  absl::StatusOr<v1::Broadcast> Send(const std::string& id,
                                     absl::Time when = absl::InfinitePast()) {
    v1::SendBroadcastRequest request;
    request.set_id(id);
    if (when != absl::InfinitePast()) *request.mutable_send_time() = ToProto(when);
    return broadcasts.Call(&Stub::SendBroadcast, caller(), request);
  }
  absl::Status Delete(const std::string& id) {
    v1::DeleteBroadcastRequest request;
    request.set_id(id);
    return broadcasts.Call(&Stub::DeleteBroadcast, caller(), request).status();
  }
  v1::Broadcast Get(const std::string& id) {
    v1::GetBroadcastRequest request;
    request.set_id(id);
    return *broadcasts.Call(&Stub::GetBroadcast, caller(), request);
  }
};

v1::Broadcast Change(const std::string& id) {
  v1::Broadcast change;
  change.set_id(id);
  return change;
}

TEST_CASE("A draft is kept, changed and sent; nothing leaves before") {
  Desk desk;
  const auto con = desk.Contacts(3);
  const std::string id = desk.Draft(desk.Request({}, {con[0]}));
  const v1::Broadcast draft = desk.Get(id);
  CHECK(draft.state() == v1::BROADCAST_STATE_DRAFT);
  CHECK_FALSE(draft.has_send_time());
  desk.clock.Advance(absl::Hours(24 * 30));
  desk.Expand();
  CHECK(desk.SentTo().empty());
  CHECK(desk.Ledger(id).counts().audience() == 0);

  v1::Broadcast change = Change(id);
  change.mutable_content()->mutable_text()->set_body("Other words");
  change.mutable_audience()->add_contacts(con[1]);
  change.mutable_audience()->add_contacts(con[2]);
  change.set_etag(draft.etag());
  const auto changed = desk.Update(change);
  REQUIRE(changed.ok());
  CHECK(changed->etag() != draft.etag());
  CHECK(changed->etag() == desk.Get(id).etag());
  CHECK(changed->content().text().body() == "Other words");
  CHECK(ReasonOf(desk.Update(change).status()) == "ETAG_MISMATCH");

  const auto sent = desk.Send(id);
  REQUIRE(sent.ok());
  CHECK(sent->state() == v1::BROADCAST_STATE_EXPANDING);
  CHECK(FromProto(sent->send_time()) == desk.clock.Now());
  desk.Expand();
  CHECK(desk.SentTo() == std::map<int64_t, int>{{2, 1}, {3, 1}});
  CHECK(ReasonOf(desk.Send(id).status()) == "BROADCAST_NOT_DRAFT");
  CHECK(ReasonOf(desk.Delete(id)) == "BROADCAST_NOT_DRAFT");
  change.clear_etag();
  CHECK(ReasonOf(desk.Update(change).status()) == "BROADCAST_BEGUN");
}

TEST_CASE("A draft that is sent with a time waits for it; its own time holds without another") {
  Desk desk;
  auto request = desk.Request({}, desk.Contacts(1));
  const absl::Time noon = desk.clock.Now() + absl::Hours(10);
  *request.mutable_send_time() = ToProto(noon);
  const std::string own = desk.Draft(request);
  const std::string other = desk.Draft(request);
  const std::string past = desk.Draft(request);
  CHECK(FromProto(desk.Get(own).send_time()) == noon);
  CHECK(desk.Send(own)->state() == v1::BROADCAST_STATE_SCHEDULED);
  const auto sent = desk.Send(other, noon - absl::Hours(1));
  CHECK(sent->state() == v1::BROADCAST_STATE_SCHEDULED);
  CHECK(FromProto(sent->send_time()) == noon - absl::Hours(1));
  desk.Expand();
  CHECK(desk.SentTo().empty());
  desk.clock.Set(noon - absl::Hours(1));
  desk.Expand();
  CHECK(desk.State(own) == v1::BROADCAST_STATE_SCHEDULED);
  CHECK(desk.State(other) == v1::BROADCAST_STATE_SENDING);
  desk.clock.Set(noon + absl::Minutes(30));
  desk.Expand();
  CHECK(desk.State(own) == v1::BROADCAST_STATE_SENDING);
  // One that was to be sent long ago is sent when somebody says so.
  desk.clock.Advance(absl::Hours(48));
  CHECK(desk.Send(past)->state() == v1::BROADCAST_STATE_EXPANDING);
  CHECK(FromProto(desk.Get(past).send_time()) == desk.clock.Now());
}

TEST_CASE("A scheduled broadcast can be changed until it begins: words, audience and time") {
  Desk desk;
  const auto con = desk.Contacts(2);
  auto request = desk.Request({}, {con[0]});
  const absl::Time first = desk.clock.Now() + absl::Hours(1);
  *request.mutable_send_time() = ToProto(first);
  const std::string id = desk.Create(request);
  v1::Broadcast change = Change(id);
  change.mutable_audience()->add_contacts(con[1]);
  REQUIRE(desk.Update(change).ok());
  CHECK(desk.Get(id).content().text().body() == "Hello");

  // An expander that has taken it just before it is put off leaves it alone, and it has its turn
  // later.
  desk.clock.Set(first);
  auto turn = *desk.workers().expander.Take();
  REQUIRE(turn.has_value());
  change = Change(id);
  *change.mutable_send_time() = ToProto(first + absl::Hours(1));
  REQUIRE(desk.Update(change).ok());
  REQUIRE(desk.workers().expander.Plan(*turn).ok());
  REQUIRE(desk.workers().expander.Submit(*turn).ok());
  REQUIRE(desk.workers().expander.End(*turn).ok());
  CHECK(desk.State(id) == v1::BROADCAST_STATE_SCHEDULED);
  desk.Expand();
  CHECK(desk.SentTo().empty());
  desk.clock.Advance(absl::Hours(1));
  desk.Expand();
  CHECK(desk.SentTo() == std::map<int64_t, int>{{2, 1}});
}

TEST_CASE("A change is checked like a new broadcast, and a bad one changes nothing") {
  Desk desk;
  const auto con = desk.Contacts(1);
  auto request = desk.Request({}, con);
  *request.mutable_send_time() = ToProto(desk.clock.Now() + absl::Hours(1));
  const std::string scheduled = desk.Create(request);
  const std::string draft = desk.Draft(desk.Request({}, con));
  const auto problems = [&](const v1::Broadcast& change, const std::vector<std::string>& mask) {
    std::vector<std::string> fields;
    for (const FieldProblem& problem : FieldProblemsOf(desk.Update(change, mask).status())) {
      fields.push_back(problem.field + " " + problem.reason);
    }
    return fields;
  };
  using Fields = std::vector<std::string>;
  const std::string etag = desk.Get(draft).etag();
  v1::Broadcast change = Change(draft);
  CHECK(problems(change, {"content", "audience"}) ==
        Fields{"broadcast.content REQUIRED", "broadcast.audience REQUIRED"});
  CHECK(problems(change, {"state"}) == Fields{"update_mask UNKNOWN_FIELD"});
  change.mutable_content()->mutable_text()->set_body("{{nam}}");
  change.mutable_audience()->add_channels(FormatId("chn", 7));
  CHECK(problems(change, {}) == Fields{"broadcast.content.text.body BAD_PLACEHOLDER",
                                       "broadcast.audience.channels[0] NOT_FOUND"});
  change = Change(draft);
  *change.mutable_send_time() = ToProto(desk.clock.Now() - absl::Hours(1));
  CHECK(problems(change, {}) == Fields{"broadcast.send_time IN_THE_PAST"});
  CHECK(problems(Change(scheduled), {"send_time"}) == Fields{"broadcast.send_time REQUIRED"});
  change = Change(scheduled);
  *change.mutable_expire_time() = ToProto(desk.clock.Now() + absl::Minutes(30));
  CHECK(problems(change, {}) == Fields{"broadcast.expire_time OUT_OF_RANGE"});
  CHECK(problems(Change(""), {}) == Fields{"broadcast.id REQUIRED"});
  CHECK(desk.Get(draft).etag() == etag);
  CHECK(ReasonOf(desk.Update(Change(FormatId("brd", 5)), {"content"}).status()) ==
        "BROADCAST_NOT_FOUND");

  // A channel that is gone by the time of sending is found then.
  const std::string channel = desk.Channel();
  const std::string stale = desk.Draft(desk.Request({channel}, {}));
  v1::DeleteChannelRequest gone;
  gone.set_id(channel);
  REQUIRE(desk.channels.Call(&v1::ChannelService::Stub::DeleteChannel, desk.caller(), gone).ok());
  CHECK(FieldProblemsOf(desk.Send(stale).status())[0].field == "audience.channels[0]");
  CHECK(desk.State(stale) == v1::BROADCAST_STATE_DRAFT);
}

TEST_CASE("A draft is deleted with all that belongs to it; it cannot be steered") {
  Desk desk;
  const std::string id = desk.Draft(desk.Request({}, desk.Contacts(1)));
  CHECK(ReasonOf(desk.Pause(id).status()) == "BROADCAST_DRAFT");
  CHECK(ReasonOf(desk.Resume(id).status()) == "BROADCAST_DRAFT");
  CHECK(ReasonOf(desk.Cancel(id).status()) == "BROADCAST_DRAFT");
  REQUIRE(desk.Delete(id).ok());
  CHECK(ReasonOf(desk.Delete(id)) == "BROADCAST_NOT_FOUND");
  for (const char* table : {"broadcasts", "expansions", "progress"}) {
    CHECK(desk.Number(absl::StrCat("SELECT count(*) FROM channels.", table)) == 0);
  }
  const auto events = desk.Events<v1::BroadcastChanged>();
  CHECK(events.back().deleted());
  CHECK(events.back().state() == v1::BROADCAST_STATE_DRAFT);
  REQUIRE(desk.workers().reporter.RunOnce().ok());
}

TEST_CASE("A broadcast starts in the second that was asked for, by the workers") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/false, &clock);
  auto request = world.Request({}, world.Contacts(1));
  const absl::Time start = clock.Now() + absl::Hours(1);
  *request.mutable_send_time() = ToProto(start);
  const std::string id = world.Create(request);
  clock.Set(start - absl::Milliseconds(1));
  // A broadcast that is due goes while the other one still waits.
  const std::string now = world.Create(world.Request({}, world.Contacts(1)));
  testing::WaitFor([&] { return world.State(now) == v1::BROADCAST_STATE_SENDING; }, "the first");
  CHECK(world.State(id) == v1::BROADCAST_STATE_SCHEDULED);
  clock.Set(start);
  const absl::Time set = absl::Now();
  testing::WaitFor([&] { return world.State(id) == v1::BROADCAST_STATE_SENDING; }, "the second");
  CHECK(absl::Now() - set < absl::Seconds(1));
}

}  // namespace
}  // namespace mo::channels

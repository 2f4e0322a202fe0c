#include "services/sims/tallies.h"

#include <catch2/catch.hpp>

#include "libs/runtime/ids.h"
#include "libs/testing/environment.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {
namespace {

storage::Database* database;
events::Outbox* outbox;

void InstallOutboxOnly(App& app) {
  database = &storage::InstallDatabase(app, "sims", {});
  outbox = &events::InstallOutbox(app, *database);
}

// What a row of the outbox says.
std::vector<v1::DeliveriesCounted> Told(testing::Environment& env, const Tallies& tallies) {
  REQUIRE(
      database->As(1, [&](storage::Transaction& tx) { return tallies.Tell(tx, *outbox, 1); }).ok());
  auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
  REQUIRE(connection.ok());
  auto rows =
      (*connection)->Query("SELECT envelope FROM sims.outbox ORDER BY id", storage::Parameters());
  REQUIRE(rows.ok());
  std::vector<v1::DeliveriesCounted> told;
  for (const storage::Row row : *rows) {
    messageorganizer::common::v1::EventEnvelope envelope;
    REQUIRE(envelope.ParseFromString(row.String(0)));
    REQUIRE(told.emplace_back().ParseFromString(envelope.payload()));
  }
  return told;
}

std::string Bytes(const std::vector<Standing>& standings) {
  std::string bytes;
  for (const Standing& standing : standings) bytes.push_back(Pack(standing));
  return bytes;
}

constexpr Standing kQueued{common::DELIVERY_STATE_QUEUED, {}};
constexpr Standing kAttempting{common::DELIVERY_STATE_ATTEMPTING, {}};
constexpr Standing kSent{common::DELIVERY_STATE_SENT, {}};
constexpr Standing kDelivered{common::DELIVERY_STATE_DELIVERED, {}};
constexpr Standing kRead{common::DELIVERY_STATE_READ, {}};
constexpr Standing kBlocked{common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_BLOCKED};

TEST_CASE("Tallies: the changes of a transaction, per SIM and broadcast") {
  testing::Environment env({InstallOutboxOnly});
  Tallies tallies;
  const std::string broadcast = FormatId("brd", 7), message = FormatId("msg", 8);
  tallies.Add({1, v1::LANE_BULK, broadcast}, Bytes({kAttempting, kSent, kSent, kDelivered}),
              Bytes({kSent, kDelivered, kRead, kRead}), absl::Seconds(9));
  tallies.Add({1, v1::LANE_BULK, broadcast}, Bytes({kAttempting}), Bytes({kBlocked}),
              absl::Seconds(3));
  tallies.Add({1, v1::LANE_INTERACTIVE, message}, Bytes({kAttempting}), Bytes({kSent}),
              absl::ZeroDuration());
  tallies.Add({1, v1::LANE_INTERACTIVE, FormatId("msg", 9)}, Bytes({kAttempting}), Bytes({kSent}),
              absl::ZeroDuration());
  const auto told = Told(env, tallies);
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].tallies_size() == 2);
  // Single messages of a SIM together.
  CHECK(told[0].tallies(0).broadcast_id().empty());
  CHECK(told[0].tallies(0).change().sent() == 2);
  const v1::DeliveryTally& bulk = told[0].tallies(1);
  CHECK(bulk.broadcast_id() == broadcast);
  CHECK(bulk.sim_id() == FormatId("sim", 1));
  CHECK(bulk.change().sent() == -1);
  CHECK(bulk.change().delivered() == 0);
  CHECK(bulk.change().read() == 2);
  CHECK(bulk.change().failed() == 1);
  REQUIRE(bulk.change().reasons_size() == 1);
  CHECK(bulk.change().reasons(0).reason() == common::DELIVERY_REASON_BLOCKED);
  // Two came to their devices, two were read.
  REQUIRE(bulk.delivered_size() == 1);
  CHECK(bulk.delivered(0).seconds() == 9);
  CHECK(bulk.delivered(0).count() == 2);
  CHECK(bulk.read(0).count() == 2);
}

TEST_CASE("Tallies: windows that open, and nothing at all, are not told of") {
  testing::Environment env({InstallOutboxOnly});
  Tallies tallies;
  tallies.Add({1, v1::LANE_BULK, FormatId("brd", 7)}, Bytes({kQueued, kQueued}),
              Bytes({kAttempting, kAttempting}), absl::Seconds(1));
  CHECK(Told(env, tallies).empty());
}

TEST_CASE("Tallies: what is submitted is the audience, also when it ends at once") {
  testing::Environment env({InstallOutboxOnly});
  Tallies tallies;
  const Standing canceled{common::DELIVERY_STATE_SKIPPED, common::DELIVERY_REASON_CANCELED};
  tallies.Submitted({1, v1::LANE_BULK, FormatId("brd", 7)}, Bytes({kQueued, kQueued}));
  tallies.Submitted({1, v1::LANE_BULK, FormatId("brd", 7)}, Bytes({canceled}));
  const auto told = Told(env, tallies);
  REQUIRE(told.size() == 1);
  CHECK(told[0].tallies(0).change().audience() == 3);
  CHECK(told[0].tallies(0).change().skipped() == 1);
}

}  // namespace
}  // namespace mo::sims

#include "services/statistics/rollup.h"

#include <set>

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::statistics {
namespace {

namespace channels = messageorganizer::channels::v1;
namespace inbox = messageorganizer::inbox::v1;
namespace sims = messageorganizer::sims::v1;

// What events tell of SIMs and broadcasts, beside numbers.
struct Relations {
  std::set<Relation> sims, channels;

  void Learn(const events::Event& event) {
    const int64_t account_id = event.envelope.account_id();
    if (const auto occupied = events::As<sims::OccupancyChanged>(event)) {
      sims.insert({account_id, IdOf(occupied->sim_id()), occupied->network()});
    } else if (const auto received = events::As<inbox::MessageReceived>(event)) {
      if (received->network() != 0 && !received->message().sim_id().empty())
        sims.insert({account_id, IdOf(received->message().sim_id()), received->network()});
    } else if (const auto changed = events::As<channels::BroadcastChanged>(event)) {
      // Of a draft they may change; when it leaves it is told again.
      if (changed->deleted() || changed->state() == channels::BROADCAST_STATE_DRAFT ||
          changed->state() == channels::BROADCAST_STATE_SCHEDULED)
        return;
      for (const std::string& channel : changed->channel_ids())
        channels.insert({account_id, IdOf(changed->broadcast_id()), IdOf(channel)});
    }
  }
};

void AddFact(int64_t account_id, const Fact& fact, absl::Time time, Rollups& rollups) {
  for (int c = 0; c < kCubes; ++c) {
    const auto cube = static_cast<Cube>(c);
    for (int r = 0; r < kResolutions; ++r) {
      const auto resolution = static_cast<Resolution>(r);
      if (!Keeps(cube, resolution)) continue;
      rollups[{account_id, cube, resolution, fact.metric, FloorOf(time, resolution),
               In(cube, fact.subject)}] += fact.value;
    }
  }
}

}  // namespace

absl::Status RollUp(storage::Transaction& tx, Ledger ledger,
                    const std::vector<events::Event>& batch) {
  Rollups rollups;
  Relations relations;
  for (const events::Event& event : batch) {
    if (!Counts(event)) continue;
    const absl::Time time = FromProto(event.envelope.time());
    if (time == absl::InfinitePast()) return absl::InvalidArgumentError("the event has no time");
    for (const Fact& fact : FactsOf(event)) {
      const absl::Time when = fact.time == absl::InfinitePast() ? time : fact.time;
      AddFact(event.envelope.account_id(), fact, when, rollups);
    }
    if (ledger == Ledger::kLive) relations.Learn(event);
  }
  AddRollups(tx, ledger, rollups);
  KeepSims(tx, {relations.sims.begin(), relations.sims.end()});
  KeepBroadcastChannels(tx, {relations.channels.begin(), relations.channels.end()});
  return absl::OkStatus();
}

}  // namespace mo::statistics

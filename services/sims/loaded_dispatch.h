// A dispatch in a sender's memory.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/runtime/quiet_hours.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// What a sender knows of one open dispatch.
struct LoadedDispatch {
  int64_t id = 0;
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  messageorganizer::common::v1::Content content;  // placeholders as {{0}}, {{1}}, …
  size_t parameter_count = 0;
  std::vector<int64_t> contact_ids;
  std::vector<std::string> addresses;
  std::vector<std::string> parameters;  // recipient by recipient
  bool ignore_suppression = false;
  bool by_person = false;  // who answered, rather than what
  absl::Time expire_time = absl::InfinitePast();
  std::optional<QuietTimes> quiet;
  absl::Time quiet_start = absl::InfiniteFuture();  // when it is quiet next, as of loading

  std::deque<int> queued;  // indices not yet asked to be opened
  std::deque<int> resend;  // attempted under an earlier lease
  int outstanding = 0;     // asked for or in flight

  bool drained() const { return queued.empty() && resend.empty(); }
  bool ExpiredAt(absl::Time now) const {
    return expire_time != absl::InfinitePast() && expire_time <= now;
  }
  // Whether it has to wait for the end of quiet hours; one that has expired is skipped instead.
  bool QuietAt(absl::Time now) const { return quiet_start <= now && !ExpiredAt(now); }
};

// By SIM, oldest first.
using LoadedDispatches = std::map<int64_t, std::vector<std::shared_ptr<LoadedDispatch>>>;

// The oldest open dispatches of each of an account's SIMs in a lane that run (are not paused or
// held) or are canceled, at most `limit` of a SIM, without those in `known`. Of canceled ones
// nothing is sent, but what an earlier session left of them is settled.
absl::StatusOr<LoadedDispatches> LoadDispatches(storage::Database& database, int64_t account_id,
                                                const std::vector<int64_t>& sims, v1::Lane lane,
                                                int32_t limit, const std::vector<int64_t>& known,
                                                absl::Time now);

// The messages of some recipients, as the device wants them.
v1::SendBatch MakeBatch(const LoadedDispatch& dispatch, const std::vector<int>& indices);

}  // namespace mo::sims

// What is told to those who count.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/events/events.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// The changes of one account's recipients in one transaction: every change of status bytes is added
// once, so that the events of all transactions add up to the ledgers.
class Tallies {
 public:
  // Whose recipients. `group`: as in Dispatch.
  struct Of {
    int64_t sim_id = 0;
    v1::Lane lane = v1::LANE_UNSPECIFIED;
    absl::string_view group = "";
    messageorganizer::common::v1::MessageClass message_class = {};
  };
  // Status bytes have changed, at that time after their submission.
  void Add(Of of, absl::string_view before, absl::string_view after, absl::Duration age);
  // Recipients were submitted, with these status bytes.
  void Submitted(Of of, absl::string_view status);
  // Appends the event, unless nothing has changed that is told of.
  absl::Status Tell(storage::Transaction& tx, events::Outbox& outbox, int64_t account_id) const;

 private:
  struct Tally {
    std::array<int64_t, 256> change{};  // by status byte
    int64_t audience = 0;
    std::map<int64_t, int64_t> delivered, read;  // by age in seconds
  };
  Tally& At(Of of);

  using Key =
      std::tuple<int64_t, v1::Lane, messageorganizer::common::v1::MessageClass, std::string>;
  std::map<Key, Tally> tallies_;
};

}  // namespace mo::sims

// The simulator: agents and phones together, and the one thread that keeps time for them.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/simulator/agent.h"
#include "tools/simulator/doubles/registry.h"
#include "tools/simulator/world.h"

namespace mo::simulator {

// A message that a phone writes. Exactly one SIM, or every SIM in the group if `to` is empty.
struct Writing {
  std::string to;     // the SIM's address
  std::string group;  // the group it is written in; empty: none
  common::Content content;
  std::string file;  // the bytes of media; doubles of providers hand them out
};

// Owns everything. Thread-safe. Stopped by its destructor.
class Network {
 public:
  // The seed decides all chance and the ids of what phones write: two runs against one database
  // need two seeds.
  explicit Network(uint64_t seed);
  ~Network();

  World& world() { return world_; }

  // Adds an agent, which attaches at once. AlreadyExists if the SIM has one.
  absl::Status AddAgent(AgentSpec spec);
  // Closes and forgets an agent.
  absl::Status RemoveAgent(common::Network network, absl::string_view address);
  absl::StatusOr<std::shared_ptr<Agent>> FindAgent(common::Network network,
                                                   absl::string_view address);
  // The network of the only SIM with this address. NotFound; FailedPrecondition if several.
  absl::StatusOr<common::Network> NetworkOf(absl::string_view address);
  std::vector<std::shared_ptr<Agent>> Agents();

  // The doubles of providers. Add them here, for a SIM has an agent or a double.
  Doubles& doubles() { return doubles_; }
  absl::Status AddDouble(DoubleSpec spec, const DoubleSettings& settings);

  // A phone writes; returns the provider's message id. Errors say why no SIM can get it.
  absl::StatusOr<std::string> Write(Phone& phone, const Writing& writing);
  // A phone goes off or comes back; what waited for it is reported to the SIMs.
  void SetPhoneOnline(Phone& phone, bool online);
  // A phone reads everything.
  void MarkRead(Phone& phone);
  // A phone blocks a SIM, or does not any more.
  void SetBlocked(Phone& phone, absl::string_view sim, bool blocked);
  // Adds a group, which can be written to like a phone.
  absl::Status AddGroup(GroupSpec spec);
  // Puts a SIM into a group, or out of it.
  absl::Status SetMember(common::Network network, absl::string_view group, absl::string_view sim,
                         bool member);

 private:
  using Key = std::pair<int, std::string>;

  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& gateway, uint32_t agent)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Report(const std::vector<PhoneReceipt>& receipts);
  void KeepTime();

  // Gives one SIM what a phone has written, and returns the message's id there.
  absl::StatusOr<std::string> Give(Phone& phone, const std::string& sim,
                                   const sims::Inbound& inbound, const Writing& writing);

  World world_;
  Doubles doubles_{world_};
  std::atomic<uint64_t> written_{0};
  std::mutex mutex_;
  uint32_t next_agent_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<Key, std::shared_ptr<Agent>> agents_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, uint32_t>, std::shared_ptr<grpc::Channel>> channels_
      ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> version_{0};  // of agents_, for the time keeper's copy
  std::atomic<bool> stopping_{false};
  std::thread timekeeper_;
};

}  // namespace mo::simulator

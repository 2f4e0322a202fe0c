// The control API: the simulator over HTTP and JSON (README.md lists it).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/http/message.h"
#include "tools/simulator/fields.h"
#include "tools/simulator/network.h"

namespace mo::simulator {

// Answers requests. Thread-safe; nothing in it blocks for longer than it takes to look at all
// phones.
class Control {
 public:
  // `network` must outlive it.
  explicit Control(Network& network) : network_(network) {}

  http::Response Handle(const http::Request& request);

 private:
  struct Call {
    std::vector<std::string> path;  // decoded segments after the resource's name
    std::vector<std::pair<std::string, std::string>> query;
    json body;
    std::string action;

    std::string Query(absl::string_view name) const;
  };
  using Answer = absl::StatusOr<json>;
  struct Route {
    const char* method;
    const char* resource;
    size_t segments;
    const char* action;
    Answer (Control::*handler)(const Call&);
  };
  static const std::vector<Route>& Routes();

  Answer AddAgent(const Call& call);
  Answer ListAgents(const Call& call);
  Answer RemoveAgent(const Call& call);
  Answer DisconnectAgent(const Call& call);
  Answer AgentOffline(const Call& call);
  Answer AgentOnline(const Call& call);
  Answer BanAgent(const Call& call);
  Answer UnbanAgent(const Call& call);
  Answer SetCredit(const Call& call);
  // control_doubles.cc
  Answer AddDouble(const Call& call);
  Answer ListDoubles(const Call& call);
  Answer RemoveDouble(const Call& call);
  Answer ConfigureDouble(const Call& call);
  Answer SwitchDouble(const Call& call);
  Answer SetDoubleToken(const Call& call);
  Answer SetDoubleCallback(const Call& call);
  Answer FailDouble(const Call& call);
  Answer SetDoubleWindow(const Call& call);
  Answer ActOnDouble(const Call& call);
  Answer AddPhones(const Call& call);
  Answer GetPhone(const Call& call);
  Answer WriteOne(const Call& call);
  Answer WriteMany(const Call& call);
  Answer BlockSim(const Call& call);
  Answer UnblockSim(const Call& call);
  Answer PhoneOffline(const Call& call);
  Answer PhoneOnline(const Call& call);
  Answer ReadAll(const Call& call);
  Answer PhoneSettings(const Call& call);
  Answer AddGroup(const Call& call);
  Answer ListGroups(const Call& call);
  Answer AddMember(const Call& call);
  Answer RemoveMember(const Call& call);
  Answer Stats(const Call& call);
  Answer Report(const Call& call);
  Answer Reset(const Call& call);
  Answer GetSettings(const Call& call);
  Answer SetSettings(const Call& call);

  absl::StatusOr<std::shared_ptr<Agent>> AgentOf(const Call& call);
  absl::StatusOr<std::shared_ptr<Double>> DoubleOf(const Call& call);
  absl::StatusOr<Phone*> PhoneOf(const Call& call);
  Answer SetMember(const Call& call, bool member);
  Answer SetBlocked(const Call& call, bool blocked);
  json View(Agent& agent);

  Network& network_;
};

}  // namespace mo::simulator

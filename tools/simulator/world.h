// What all agents share.
#pragma once

#include <cstdint>

#include "tools/simulator/groups.h"
#include "tools/simulator/phones.h"
#include "tools/simulator/settings.h"

namespace mo::simulator {

// The virtual networks: their phones and groups, the switches, the counts.
struct World {
  explicit World(uint64_t seed_in) : seed(seed_in), phones(seed_in) {}

  const uint64_t seed;
  PhoneBook phones;
  GroupBook groups;
  SettingsBox settings;
  Counters counters;
};

// Who a SIM is and where its agent attaches.
struct AgentSpec {
  std::string sim_id;  // of messageorganizer, only shown
  common::Network network = {};
  std::string address;
  std::string token;
  std::string gateway;  // host:port
  std::string agent_id;
  bool idempotent = true;
  int32_t credit = 1000;
};

}  // namespace mo::simulator

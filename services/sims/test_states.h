// A SIM whose state, speed and history tests look at, from outside and from within.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "libs/events/events.h"
#include "messageorganizer/common/v1/event.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/sim_states.h"
#include "services/sims/test_pool.h"

namespace mo::sims {

// The pool with one SIM, and a database beside the service's.
struct StatesPool : TestPool {
  using Stub = v1::SimService::Stub;

  explicit StatesPool(AppOptions options = {}) : TestPool(std::move(options)) {}

  storage::Database database{
      {env.app().options().database_url, env.app().options().migration_user, "", "sims"},
      env.app().metrics()};
  events::Outbox outbox{env.app(), database, {}};
  v1::Sim sim = AddSim("+4366400001");

  // Asks something about the SIM.
  template <class Method, class Request>
  auto Ask(Method method, Request request) {
    request.set_id(sim.id());
    return sims.Call(method, caller, request);
  }
  absl::StatusOr<v1::Sim> Pause() { return Ask(&Stub::PauseSim, v1::PauseSimRequest()); }
  absl::StatusOr<v1::Sim> Resume() { return Ask(&Stub::ResumeSim, v1::ResumeSimRequest()); }
  absl::StatusOr<v1::Sim> Drain() { return Ask(&Stub::DrainSim, v1::DrainSimRequest()); }
  v1::Sim Now() { return *Ask(&Stub::GetSim, v1::GetSimRequest()); }
  std::vector<v1::SimHistoryEntry> Entries() {
    const auto response = Ask(&Stub::ListSimHistory, v1::ListSimHistoryRequest());
    REQUIRE(response.ok());
    return {response->entries().begin(), response->entries().end()};
  }
  // The codes of its history, newest first.
  std::vector<std::string> History() {
    std::vector<std::string> codes;
    for (const v1::SimHistoryEntry& entry : Entries()) codes.push_back(entry.code());
    return codes;
  }
  // Runs something in a transaction of the system; its answer.
  template <class Work>
  auto System(Work work) {
    auto done = database.AsSystem(work);
    REQUIRE(done.ok());
    return *done;
  }
  // What the network, or we ourselves, do to the SIM.
  bool Change(v1::SimState to, StateActor by, const std::string& code) {
    return System([&](storage::Transaction& tx) {
      return ChangeState(tx, outbox, 1, IdOf(sim.id()), {to, by, code, "words", ""},
                         env.app().clock().Now());
    });
  }
  // The events about it, oldest first.
  std::vector<v1::SimChanged> Events() {
    return System([](storage::Transaction& tx) -> absl::StatusOr<std::vector<v1::SimChanged>> {
      auto rows = tx.Query("SELECT envelope FROM sims.outbox ORDER BY id");
      if (!rows.ok()) return rows.status();
      std::vector<v1::SimChanged> events;
      for (const storage::Row row : *rows) {
        common::EventEnvelope envelope;
        envelope.ParseFromString(row.String(0));
        if (absl::EndsWith(envelope.type(), ".SimChanged"))
          events.emplace_back().ParseFromString(envelope.payload());
      }
      return events;
    });
  }
};

}  // namespace mo::sims

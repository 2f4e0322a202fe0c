// What a provider tells, as works of the ledger.
#pragma once

#include <vector>

#include "services/sims/drivers/driver.h"
#include "services/sims/inbound_memory.h"
#include "services/sims/ledger_work.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

// A message of a work whose file is still at the provider.
struct AwaitedFile {
  size_t work = 0;
  size_t message = 0;  // in the work
  RemoteMedia media;
};

// Adds the works that make a SIM's events durable: each of at most 1,000 updates. How many of the
// events were left out: receipts of messages that are not ours, and what can never be stored (too
// long, no UTF-8), which must not keep the others from being so. `files`: those that are to be
// brought before the works are committed.
int AddWorks(const SimDriver& sim, const SenderEvents& events, std::vector<LedgerWork>& works,
             std::vector<AwaitedFile>& files);

// Says where a message's file is now, or why it is not here.
void PutFile(const BroughtFile& brought, v1::Inbound& message);

// How many updates are in a work.
size_t UpdatesIn(const LedgerWork& work);

}  // namespace mo::sims

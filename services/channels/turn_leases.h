// Keeps the leases of the turns that this process works at.
#pragma once

#include <map>
#include <mutex>

#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/channels/expansion_store.h"

namespace mo::channels {

// A lease ends 10 s after its process died, and a page may take longer than that: so it is renewed
// while the page is worked at, but not for ever, so that a page at which a process is stuck becomes
// another's.
class TurnLeases {
 public:
  // For so long after it was taken.
  static constexpr absl::Duration kLongestTurn = absl::Minutes(5);

  // A turn that is worked at as long as this lives.
  class Held {
   public:
    Held(TurnLeases& leases, int64_t number) : leases_(leases), number_(number) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held();

   private:
    TurnLeases& leases_;
    const int64_t number_;
  };

  TurnLeases(App& app, storage::Database& database) : app_(app), database_(database) {}

  Held Hold(const Turn& turn);
  // Renews the leases of all turns that are held, but none that is another's by now or that was
  // given back. Wants to be called every few seconds; false.
  absl::StatusOr<bool> RenewOnce();

 private:
  struct Entry {
    BroadcastKey key;
    int64_t epoch = 0;
    absl::Time end;
  };

  App& app_;
  storage::Database& database_;
  std::mutex mutex_;
  int64_t last_ = 0;
  std::map<int64_t, Entry> held_;
};

}  // namespace mo::channels

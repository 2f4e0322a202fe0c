// Which SIM serves a contact: what AllocationService does.
#pragma once

#include <future>
#include <vector>

#include "google/protobuf/empty.pb.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// Sticky allocation that never exceeds a SIM's capacity, and suppression of contacts that opted
// out.
class Allocation {
 public:
  Allocation(App& app, storage::Database& database);

  // Waits for a transaction that it shares with others who ask meanwhile: each for itself would
  // wait for all commits before it, since they change the same SIM's row.
  absl::StatusOr<v1::AllocateResponse> Allocate(const Caller& caller,
                                                const v1::AllocateRequest& request);
  absl::StatusOr<google::protobuf::Empty> Release(const Caller& caller,
                                                  const v1::ReleaseRequest& request);
  absl::StatusOr<google::protobuf::Empty> SetSuppressed(const Caller& caller,
                                                        const v1::SetSuppressedRequest& request);

 private:
  using Answer = absl::StatusOr<v1::AllocateResponse>;
  // A caller that waits; the request is the caller's.
  struct Wish {
    int64_t account_id;
    const v1::AllocateRequest* request;
    std::promise<Answer>* answer;
  };

  void Fulfil(const std::vector<Wish>& wishes);
  // All of one account in one transaction.
  absl::StatusOr<std::vector<Answer>> TakePlaces(const std::vector<Wish>& wishes);
  storage::Pending AskPlace(storage::Transaction& tx, const v1::AllocateRequest& request);

  App& app_;
  storage::Database& database_;
  storage::GroupCommit<Wish> wishes_;
};

}  // namespace mo::sims

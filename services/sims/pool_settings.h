// How an account gives its contacts SIMs.
#pragma once

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/runtime/identity.h"
#include "libs/storage/database.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// The settings of the pool, as SimService shows and changes them.
class PoolSettings {
 public:
  PoolSettings(App& app, storage::Database& database) : database_(database), media_(app) {}

  absl::StatusOr<v1::PoolSettings> Get(const Caller& caller);
  absl::StatusOr<v1::PoolSettings> Update(const Caller& caller,
                                          const v1::UpdatePoolSettingsRequest& request);

 private:
  // The account has the file that its notice needs.
  absl::Status CheckFile(const Caller& caller, const v1::PoolSettings& settings);

  storage::Database& database_;
  Client<messageorganizer::media::v1::MediaService> media_;
};

// An account's settings; the defaults when it has set none. In any role's transaction.
absl::StatusOr<v1::PoolSettings> SelectPoolSettings(storage::Transaction& tx, int64_t account_id);

}  // namespace mo::sims

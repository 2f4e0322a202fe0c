#include "services/sims/pool_settings.h"

#include <optional>
#include <set>
#include <vector>

#include "libs/runtime/errors.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"

namespace mo::sims {
namespace {

namespace common = messageorganizer::common::v1;

// What the proto's options cannot say.
absl::Status CheckSettingsOfPool(const v1::PoolSettings& settings) {
  Problems problems;
  std::set<common::Network> networks;
  for (int i = 0; i < settings.strategies_size(); ++i) {
    if (!networks.insert(settings.strategies(i).network()).second)
      problems.Add(absl::StrCat("settings.strategies[", i, "].network"), "DUPLICATE",
                   "each network may be named once");
  }
  if (settings.has_rehome_notice()) {
    text::CheckOutbound(settings.rehome_notice(), "settings.rehome_notice",
                        {"name", "sim.address", "sim.name"}, problems);
  }
  return problems.ToStatus();
}

// The lock orders two changes at once, also the first ones.
constexpr char kLockSettings[] =
    "INSERT INTO sims.pool_settings (account_id) VALUES ($1) ON CONFLICT (account_id) DO UPDATE "
    "SET "
    "account_id = excluded.account_id";
constexpr char kSelectSettings[] =
    "SELECT ARRAY(SELECT coalesce(strategy, 0)::bigint FROM unnest(strategies) WITH ORDINALITY AS "
    "s "
    "(strategy, network) ORDER BY network), rehome_blocked, rehome_notice FROM sims.pool_settings "
    "WHERE account_id = $1";
constexpr char kUpdateSettings[] =
    "UPDATE sims.pool_settings SET strategies = $2, rehome_blocked = $3, rehome_notice = $4 WHERE "
    "account_id = $1";

void WriteSettings(storage::Transaction& tx, int64_t account_id, const v1::PoolSettings& settings) {
  std::vector<int16_t> strategies;
  for (const v1::NetworkStrategy& each : settings.strategies()) {
    const auto network = static_cast<size_t>(each.network());
    if (strategies.size() < network) strategies.resize(network);
    strategies[network - 1] = static_cast<int16_t>(each.strategy());
  }
  const std::string notice = settings.rehome_notice().SerializeAsString();
  std::optional<storage::Bytes> stored;
  if (settings.has_rehome_notice()) stored = storage::Bytes{notice};
  tx.Defer(kUpdateSettings, account_id, strategies, settings.rehome_blocked(), stored);
}

}  // namespace

absl::StatusOr<v1::PoolSettings> SelectPoolSettings(storage::Transaction& tx, int64_t account_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSettings, account_id));
  v1::PoolSettings settings;
  if (rows.empty()) return settings;
  const auto strategies = rows[0].Get<std::vector<int64_t>>(0);
  for (size_t i = 0; i < strategies.size(); ++i) {
    if (strategies[i] == 0) continue;
    v1::NetworkStrategy& each = *settings.add_strategies();
    each.set_network(static_cast<common::Network>(i + 1));
    each.set_strategy(static_cast<v1::AllocationStrategy>(strategies[i]));
  }
  settings.set_rehome_blocked(rows[0].Bool(1));
  if (!rows[0].IsNull(2)) settings.mutable_rehome_notice()->ParseFromString(rows[0].String(2));
  return settings;
}

absl::StatusOr<v1::PoolSettings> PoolSettings::Get(const Caller& caller) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectPoolSettings(tx, caller.account_id);
  });
}

absl::Status PoolSettings::CheckFile(const Caller& caller, const v1::PoolSettings& settings) {
  namespace media_v1 = messageorganizer::media::v1;
  const text::FileIn file = text::FileOf(settings.rehome_notice());
  if (file.media_id.empty()) return absl::OkStatus();
  media_v1::GetMediaRequest get;
  get.set_id(file.media_id);
  return WithField(
      media_.Call(&media_v1::MediaService::Stub::GetMedia, caller.WithKey(""), get).status(),
      absl::StrCat("settings.rehome_notice", file.path));
}

absl::StatusOr<v1::PoolSettings> PoolSettings::Update(
    const Caller& caller, const v1::UpdatePoolSettingsRequest& request) {
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.settings(), request.update_mask(),
                                     {"strategies", "rehome_blocked", "rehome_notice"}));
  MO_RETURN_IF_ERROR(CheckSettingsOfPool(request.settings()));
  MO_RETURN_IF_ERROR(CheckFile(caller, request.settings()));
  return database_.Once<v1::PoolSettings>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::PoolSettings> {
        tx.Defer(kLockSettings, caller.account_id);
        MO_ASSIGN_OR_RETURN(v1::PoolSettings settings, SelectPoolSettings(tx, caller.account_id));
        CopyFields(request.settings(), fields, settings);
        WriteSettings(tx, caller.account_id, settings);
        return settings;
      });
}

}  // namespace mo::sims

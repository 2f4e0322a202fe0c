#include "services/sims/ledger_names.h"

#include <map>
#include <optional>
#include <set>

#include "libs/runtime/status.h"

namespace mo::sims {
namespace {

constexpr int64_t kForgottenAtOnce = 1000;

// A send and its receipt may be committed at the same time by two processes; one of them must see
// the other. Rows of provider_messages do that by their key; watermarks need this.
constexpr char kLockSims[] =
    "SELECT pg_advisory_xact_lock(w.sim_id) FROM unnest((SELECT $1::bigint[])) AS w (sim_id)";

// What was sent, by name; tells receipts that have come before.
constexpr char kPutNames[] =
    "INSERT INTO sims.provider_messages AS m (account_id, sim_id, provider_message_id, key, "
    "status, address, send_time) "
    "SELECT n.account_id, n.sim_id, n.name, n.key, 0, n.address, n.send_time FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), "
    "(SELECT $4::bigint[]), (SELECT $5::text[]), (SELECT $6::timestamptz[])) "
    "AS n (account_id, sim_id, name, key, address, send_time) "
    "ON CONFLICT (account_id, sim_id, provider_message_id) DO UPDATE SET key = excluded.key, "
    "address = excluded.address, send_time = least(m.send_time, excluded.send_time), "
    "status = m.status "
    "RETURNING m.account_id, m.sim_id, m.key, m.status";

// What the watermarks that have come before say of what was sent.
constexpr char kFindWatermarks[] =
    "SELECT n.account_id, n.sim_id, n.key, CASE WHEN n.send_time <= w.read_until THEN 6 ELSE 5 END "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), "
    "(SELECT $4::text[]), (SELECT $5::timestamptz[])) AS n (account_id, sim_id, key, address, "
    "send_time) CROSS JOIN LATERAL (SELECT delivered_until, read_until FROM sims.watermarks "
    "WHERE account_id = n.account_id AND sim_id = n.sim_id AND address = n.address LIMIT 1) AS w "
    "WHERE n.send_time <= greatest(w.delivered_until, w.read_until)";

// Receipts by name; tells the keys of those that are known. What waits keeps the highest state:
// ACCEPTED < SENT < FAILED < DELIVERED < READ.
constexpr char kPutReceipts[] =
    "INSERT INTO sims.provider_messages AS m (account_id, sim_id, provider_message_id, key, "
    "status, address, send_time) "
    "SELECT n.account_id, n.sim_id, n.name, NULL, n.status, '', $5 FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), "
    "(SELECT $4::smallint[])) AS n (account_id, sim_id, name, status) "
    "ON CONFLICT (account_id, sim_id, provider_message_id) DO UPDATE SET status = CASE WHEN "
    "m.key IS NULL AND coalesce(array_position('{3,4,7,5,6}'::int[], (m.status >> 4)::int), 0) < "
    "coalesce(array_position('{3,4,7,5,6}'::int[], (excluded.status >> 4)::int), 0) "
    "THEN excluded.status ELSE m.status END "
    "RETURNING m.account_id, m.sim_id, m.provider_message_id, m.key";

// Watermarks; tells what they mean for messages that earlier ones did not reach. A minute more, for
// what was committed meanwhile.
constexpr char kPutWatermarks[] =
    "WITH w AS (SELECT n.account_id, n.sim_id, n.address, n.delivered_until, n.read_until, "
    "o.delivered_until AS old_delivered, o.read_until AS old_read FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), "
    "(SELECT $4::timestamptz[]), (SELECT $5::timestamptz[])) AS n (account_id, sim_id, address, "
    "delivered_until, read_until) LEFT JOIN sims.watermarks o USING (account_id, sim_id, "
    "address)), "
    "put AS (INSERT INTO sims.watermarks AS k (account_id, sim_id, address, delivered_until, "
    "read_until) SELECT account_id, sim_id, address, delivered_until, read_until FROM w "
    "ON CONFLICT (account_id, sim_id, address) DO UPDATE SET "
    "delivered_until = greatest(k.delivered_until, excluded.delivered_until), "
    "read_until = greatest(k.read_until, excluded.read_until)) "
    "SELECT w.account_id, w.sim_id, m.key, CASE WHEN m.send_time <= w.read_until THEN 6 ELSE 5 END "
    "FROM w CROSS JOIN LATERAL (SELECT key, send_time FROM sims.provider_messages WHERE sim_id = "
    "w.sim_id AND address = w.address AND address <> '' AND account_id = w.account_id AND key IS "
    "NOT NULL AND send_time <= greatest(w.delivered_until, w.read_until) AND send_time > coalesce("
    "CASE WHEN w.read_until IS NULL THEN w.old_delivered ELSE w.old_read END - interval "
    "'1 minute', '-infinity') "
    "ORDER BY send_time DESC LIMIT 1000) AS m";

constexpr char kForget[] =
    "DELETE FROM sims.provider_messages WHERE ctid = ANY(ARRAY(SELECT ctid FROM "
    "sims.provider_messages WHERE send_time < $1 LIMIT $2))";

// Nothing can be late for these any more.
constexpr char kForgetWatermarks[] =
    "DELETE FROM sims.watermarks WHERE ctid = ANY(ARRAY(SELECT ctid FROM sims.watermarks WHERE "
    "greatest(delivered_until, read_until) < $1 LIMIT $2))";
constexpr char kForgetWindows[] =
    "DELETE FROM sims.reply_windows WHERE ctid = ANY(ARRAY(SELECT ctid FROM sims.reply_windows "
    "WHERE open_until < $1 LIMIT $2))";

// Whom a row is about.
struct Columns {
  std::vector<int64_t> accounts, sims;
  void Add(int64_t account_id, int64_t sim_id) {
    accounts.push_back(account_id);
    sims.push_back(sim_id);
  }
};

// Each name once, in order: rows are locked in that order, and none twice.
struct Names {
  std::map<NameInSim, ProviderName> sent;
  std::map<NameInSim, Standing> receipts;
  struct Until {
    absl::Time delivered = absl::InfinitePast();
    absl::Time read = absl::InfinitePast();
  };
  std::map<NameInSim, Until> watermarks;
  std::set<int64_t> sims;  // where watermarks are used

  bool empty() const { return sent.empty() && receipts.empty() && watermarks.empty(); }
};

Names Gather(const LedgerBatch& batch) {
  Names names;
  for (const LedgerWork& work : batch.works) {
    for (const ProviderName& name : work.names) {
      names.sent[{work.account_id, work.sim_id, name.provider_message_id}] = name;
      if (!name.address.empty()) names.sims.insert(work.sim_id);
    }
    for (const NamedReceipt& receipt : work.receipts) {
      const auto [entry, fresh] = names.receipts.try_emplace(
          {work.account_id, work.sim_id, receipt.provider_message_id}, receipt.standing);
      if (!fresh && Rises(entry->second.state, receipt.standing.state))
        entry->second = receipt.standing;
    }
    for (const Watermark& watermark : work.watermarks) {
      Names::Until& until = names.watermarks[{work.account_id, work.sim_id, watermark.address}];
      absl::Time& time =
          watermark.state == common::DELIVERY_STATE_READ ? until.read : until.delivered;
      time = std::max(time, watermark.until);
      names.sims.insert(work.sim_id);
    }
  }
  return names;
}

// Transitions that the answers of a statement stand for: account, SIM, key, state.
absl::Status Settle(storage::Pending& answer, LedgerBatch& batch) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, answer.Get());
  for (const storage::Row row : rows) {
    batch.settled.push_back({row.Int(0),
                             row.Int(1),
                             {row.Int(2), {static_cast<common::DeliveryState>(row.Int(3)), {}}}});
  }
  return absl::OkStatus();
}

// What was sent.
class SentNames {
 public:
  SentNames(storage::Transaction& tx, const Names& names) {
    if (names.sent.empty()) return;
    Columns columns, with_address;
    std::vector<std::string> ids, addresses, known_addresses;
    std::vector<int64_t> keys, known_keys;
    std::vector<absl::Time> times, known_times;
    for (const auto& [id, name] : names.sent) {
      columns.Add(std::get<0>(id), std::get<1>(id));
      ids.push_back(std::get<2>(id));
      keys.push_back(name.key);
      addresses.push_back(name.address);
      times.push_back(name.send_time);
      if (name.address.empty()) continue;
      with_address.Add(std::get<0>(id), std::get<1>(id));
      known_keys.push_back(name.key);
      known_addresses.push_back(name.address);
      known_times.push_back(name.send_time);
    }
    early_ = tx.Ask(kPutNames, columns.accounts, columns.sims, ids, keys, addresses, times);
    if (!known_keys.empty()) {
      reached_ = tx.Ask(kFindWatermarks, with_address.accounts, with_address.sims, known_keys,
                        known_addresses, known_times);
    }
  }

  absl::Status Get(LedgerBatch& batch) {
    if (reached_) MO_RETURN_IF_ERROR(Settle(*reached_, batch));
    if (!early_) return absl::OkStatus();
    MO_ASSIGN_OR_RETURN(storage::Result rows, early_->Get());
    for (const storage::Row row : rows) {
      if (row.Int(3) == 0) continue;
      batch.settled.push_back(
          {row.Int(0), row.Int(1), {row.Int(2), Unpack(static_cast<char>(row.Int(3)))}});
    }
    return absl::OkStatus();
  }

 private:
  std::optional<storage::Pending> early_;
  std::optional<storage::Pending> reached_;
};

// What has become of it.
class Receipts {
 public:
  Receipts(storage::Transaction& tx, const Names& names, absl::Time now) : names_(names) {
    Columns columns, marked;
    std::vector<std::string> ids, addresses;
    std::vector<int16_t> statuses;
    std::vector<absl::Time> delivered, read;
    for (const auto& [id, standing] : names.receipts) {
      columns.Add(std::get<0>(id), std::get<1>(id));
      ids.push_back(std::get<2>(id));
      statuses.push_back(static_cast<unsigned char>(Pack(standing)));
    }
    for (const auto& [id, until] : names.watermarks) {
      marked.Add(std::get<0>(id), std::get<1>(id));
      addresses.push_back(std::get<2>(id));
      delivered.push_back(until.delivered);
      read.push_back(until.read);
    }
    if (!ids.empty())
      known_ = tx.Ask(kPutReceipts, columns.accounts, columns.sims, ids, statuses, now);
    if (!addresses.empty())
      reached_ = tx.Ask(kPutWatermarks, marked.accounts, marked.sims, addresses, delivered, read);
  }

  absl::Status Get(LedgerBatch& batch) {
    if (reached_) MO_RETURN_IF_ERROR(Settle(*reached_, batch));
    if (!known_) return absl::OkStatus();
    MO_ASSIGN_OR_RETURN(storage::Result rows, known_->Get());
    for (const storage::Row row : rows) {
      if (row.IsNull(3)) continue;  // its send is not committed yet
      const Standing standing = names_.receipts.at({row.Int(0), row.Int(1), row.String(2)});
      batch.settled.push_back({row.Int(0), row.Int(1), {row.Int(3), standing}});
    }
    return absl::OkStatus();
  }

 private:
  const Names& names_;
  std::optional<storage::Pending> known_;
  std::optional<storage::Pending> reached_;
};

}  // namespace

absl::Status ResolveNames(storage::Transaction& tx, LedgerBatch& batch) {
  const Names names = Gather(batch);
  if (names.empty()) return absl::OkStatus();
  if (!names.sims.empty()) {
    const std::vector<int64_t> sims(names.sims.begin(), names.sims.end());
    tx.Defer(kLockSims, sims);
  }
  SentNames sent(tx, names);
  Receipts receipts(tx, names, batch.now);
  MO_RETURN_IF_ERROR(sent.Get(batch));
  return receipts.Get(batch);
}

absl::StatusOr<bool> ForgetNames(storage::Transaction& tx, absl::Time until) {
  bool more = false;
  for (const char* statement : {kForget, kForgetWatermarks, kForgetWindows}) {
    MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(statement, until, kForgottenAtOnce));
    more = more || deleted.affected() == kForgottenAtOnce;
  }
  return more;
}

}  // namespace mo::sims

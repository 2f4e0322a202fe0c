#include "services/sims/credentials.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/secret_fields.h"
#include "libs/runtime/status.h"
#include "services/sims/driver_settings.h"
#include "services/sims/errors.h"

namespace mo::sims {
namespace {

constexpr int kBatch = 100;

// Whose credentials they are; sealed with them.
std::string OwnerOf(int64_t account_id, int64_t sim_id) {
  return absl::StrCat("sims.drivers/", account_id, "/", sim_id);
}

#define DRIVER_COLUMNS "d.account_id, d.sim_id, s.network, s.address, d.sealed"
#define DRIVER_TABLES \
  "sims.drivers d JOIN sims.sims s ON s.account_id = d.account_id AND s.id = d.sim_id"

}  // namespace

Credentials::Credentials(App& app, storage::Database& database)
    : app_(app),
      database_(database),
      to_reseal_(app.metrics().Gauge("mo_sims_credentials_to_reseal",
                                     "SIMs whose credentials are not sealed with the newest key")),
      unopened_(app.metrics().Counter(
          "mo_sims_credentials_unopened_total",
          "Times that the credentials of a SIM could not be opened: a key is missing, or the row "
          "was changed")) {
  absl::StatusOr<secrets::KeyRing> ring = secrets::KeyRing::Parse(app.options().secret_keys);
  status_ = ring.status();
  if (ring.ok()) ring_ = *std::move(ring);
}

constexpr char kDeleteDriver[] = "DELETE FROM sims.drivers WHERE account_id = $1 AND sim_id = $2";
constexpr char kUpsertDriver[] =
    "INSERT INTO sims.drivers (account_id, sim_id, driver, sender_id, business_id, settings, "
    "sealed, key_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, sim_id) DO "
    "UPDATE SET driver = excluded.driver, sender_id = excluded.sender_id, business_id = "
    "excluded.business_id, settings = excluded.settings, sealed = excluded.sealed, key_id = "
    "excluded.key_id";
absl::Status Credentials::Save(storage::Transaction& tx, int64_t sim_id,
                               const v1::Driver& driver) const {
  const std::string name = DriverNameOf(driver);
  if (name.empty()) {
    tx.Defer(kDeleteDriver, tx.account_id(), sim_id);
    return absl::OkStatus();
  }
  if (!ring_ || ring_->empty()) return SecretsUnavailable();
  v1::Driver kept = driver;
  kept.clear_callback_url();
  kept.clear_secret_fingerprints();
  MO_ASSIGN_OR_RETURN(const std::string sealed,
                      ring_->Seal(kept.SerializeAsString(), OwnerOf(tx.account_id(), sim_id)));
  Conceal(tx.account_id(), sim_id, kept);
  const DriverSettings settings = ToSettings(kept, "");
  tx.Defer(kUpsertDriver, tx.account_id(), sim_id, name, settings.sender_id, settings.business_id,
           storage::Bytes{kept.SerializeAsString()}, storage::Bytes{sealed}, ring_->newest());
  return absl::OkStatus();
}

constexpr char kSelectSealed[] =
    "SELECT sealed FROM sims.drivers WHERE account_id = $1 AND sim_id = $2";
absl::StatusOr<v1::Driver> Credentials::Open(storage::Transaction& tx, int64_t sim_id) const {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSealed, tx.account_id(), sim_id));
  v1::Driver driver;
  if (rows.empty()) return driver;
  absl::StatusOr<std::string> plain =
      ring_->Open(rows[0].String(0), OwnerOf(tx.account_id(), sim_id));
  if (!plain.ok()) {
    unopened_.Increment();
    return plain.status().code() == absl::StatusCode::kNotFound ? SecretsUnavailable()
                                                                : plain.status();
  }
  driver.ParseFromString(*plain);
  return driver;
}

absl::StatusOr<std::vector<OpenedDriver>> Credentials::OpenAll(const storage::Result& rows) const {
  std::vector<OpenedDriver> opened;
  for (const storage::Row row : rows) {
    OpenedDriver entry;
    entry.account_id = row.Int(0);
    entry.sim_id = row.Int(1);
    entry.network = static_cast<common::Network>(row.Int(2));
    entry.address = row.String(3);
    absl::StatusOr<std::string> plain =
        ring_->Open(row.String(4), OwnerOf(entry.account_id, entry.sim_id));
    if (!plain.ok()) {
      unopened_.Increment();
      Log(LogLevel::kError, "credentials of a SIM cannot be opened",
          {{"sim", FormatId("sim", entry.sim_id)},
           {"error", std::string(plain.status().message())}});
      continue;
    }
    entry.driver.ParseFromString(*plain);
    entry.driver.set_callback_url(CallbackUrl(entry.driver, entry.sim_id));
    opened.push_back(std::move(entry));
  }
  return opened;
}

constexpr char kFindSim[] = "SELECT " DRIVER_COLUMNS " FROM " DRIVER_TABLES " WHERE d.sim_id = $1";
absl::StatusOr<std::vector<OpenedDriver>> Credentials::FindSim(storage::Transaction& tx,
                                                               int64_t sim_id) const {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kFindSim, sim_id));
  return OpenAll(rows);
}

constexpr char kFindSender[] =
    "SELECT " DRIVER_COLUMNS " FROM " DRIVER_TABLES " WHERE d.driver = $1 AND d.sender_id = $2";
constexpr char kFindAddress[] =
    "SELECT " DRIVER_COLUMNS " FROM " DRIVER_TABLES " WHERE d.driver = $1 AND s.address = $2";
constexpr char kFindBusiness[] =
    "SELECT " DRIVER_COLUMNS " FROM " DRIVER_TABLES " WHERE d.driver = $1 AND d.business_id = $2";
absl::StatusOr<std::vector<OpenedDriver>> Credentials::Find(storage::Transaction& tx,
                                                            const std::string& driver, By by,
                                                            const std::string& value) const {
  if (value.empty()) return std::vector<OpenedDriver>();
  const char* sql = by == By::kSender    ? kFindSender
                    : by == By::kAddress ? kFindAddress
                                         : kFindBusiness;
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(sql, driver, value));
  return OpenAll(rows);
}

constexpr char kSelectOld[] =
    "SELECT account_id, sim_id, sealed FROM sims.drivers WHERE key_id = ANY($1) LIMIT $2 FOR "
    "UPDATE SKIP LOCKED";
constexpr char kUpdateSealed[] =
    "UPDATE sims.drivers d SET sealed = n.sealed, key_id = $4 FROM unnest((SELECT $1::bigint[]), "
    "(SELECT $2::bigint[]), (SELECT $3::bytea[])) AS n (account_id, sim_id, sealed) "
    "WHERE d.account_id = n.account_id AND d.sim_id = n.sim_id";
constexpr char kCountOld[] = "SELECT count(*) FROM sims.drivers WHERE key_id <> $1";
absl::StatusOr<bool> Credentials::Reseal() {
  if (!ring_ || ring_->empty()) return false;
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    std::vector<int64_t> accounts, sims;
    std::vector<std::string> sealed;
    if (!ring_->older().empty()) {
      MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectOld, ring_->older(), kBatch));
      for (const storage::Row row : rows) {
        const std::string owner = OwnerOf(row.Int(0), row.Int(1));
        absl::StatusOr<std::string> plain = ring_->Open(row.String(2), owner);
        if (!plain.ok()) continue;  // counted below; told when somebody needs it
        MO_ASSIGN_OR_RETURN(std::string anew, ring_->Seal(*plain, owner));
        accounts.push_back(row.Int(0));
        sims.push_back(row.Int(1));
        sealed.push_back(std::move(anew));
      }
    }
    std::vector<storage::Bytes> bytes;
    for (const std::string& each : sealed) bytes.push_back({each});
    if (!sims.empty()) tx.Defer(kUpdateSealed, accounts, sims, bytes, ring_->newest());
    MO_ASSIGN_OR_RETURN(storage::Result left, tx.Query(kCountOld, ring_->newest()));
    tx.AfterCommit([this, count = left[0].Int(0)] { to_reseal_.Set(static_cast<double>(count)); });
    return sims.size() == kBatch;
  });
}

void Credentials::Conceal(int64_t account_id, int64_t sim_id, v1::Driver& driver) const {
  const std::string owner = OwnerOf(account_id, sim_id);
  std::map<std::string, std::string> fingerprints;
  VisitSecrets(driver, [&](google::protobuf::Message& message,
                           const google::protobuf::FieldDescriptor& field) {
    fingerprints[field.name()] =
        ring_->Fingerprint(message.GetReflection()->GetString(message, &field),
                           absl::StrCat(owner, "/", field.name()));
  });
  ClearSecrets(driver);
  for (auto& [name, print] : fingerprints) (*driver.mutable_secret_fingerprints())[name] = print;
}

void Credentials::ConcealInPlace(int64_t account_id, google::protobuf::Message& message) const {
  if (!ring_) return;
  VisitSecrets(message, [&](google::protobuf::Message& inner,
                            const google::protobuf::FieldDescriptor& field) {
    const std::string print =
        ring_->Fingerprint(inner.GetReflection()->GetString(inner, &field),
                           absl::StrCat("sims.requests/", account_id, "/", field.name()));
    inner.GetReflection()->SetString(&inner, &field, print);
  });
}

std::string Credentials::CallbackUrl(const v1::Driver& driver, int64_t sim_id) const {
  const std::string name = DriverNameOf(driver);
  if (name.empty() || driver.telegram().polling()) return "";
  return absl::StrCat(app_.options().public_url, "/callbacks/", name, "/", FormatId("sim", sim_id));
}

}  // namespace mo::sims

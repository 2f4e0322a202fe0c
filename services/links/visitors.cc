#include "services/links/visitors.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::links {
namespace {

// Whoever comes first decides.
constexpr char kInsertSalt[] =
    "INSERT INTO links.salts (account_id, day, salt) VALUES (0, '1970-01-01'::date + $1::integer, "
    "$2) ON CONFLICT DO NOTHING";
constexpr char kSelectSalts[] =
    "SELECT (day - '1970-01-01'::date)::bigint, salt FROM links.salts WHERE account_id = 0 AND "
    "day - '1970-01-01'::date BETWEEN $1::integer AND $1::integer + 1";
constexpr char kDeleteSalts[] =
    "DELETE FROM links.salts WHERE account_id = 0 AND day < '1970-01-01'::date + $1::integer - 1";

int64_t DayOf(absl::Time now) { return absl::ToUnixSeconds(now) / 86400; }

}  // namespace

Visitors::Visitors(App& app, storage::Database& database) : app_(app), database_(database) {
  // It only fails where there is no random source at all.
  [[maybe_unused]] const int started = sodium_init();
}

Visitors::Salt Visitors::RandomSalt() {
  Salt salt;
  randombytes_buf(salt.data(), salt.size());
  return salt;
}

uint64_t Visitors::Hash(absl::Time now, absl::string_view address, absl::string_view user_agent) {
  const int64_t day = DayOf(now);
  Salt salt;
  {
    absl::MutexLock lock(&mutex_);
    if (today_.day != day) today_ = tomorrow_.day == day ? tomorrow_ : Day{day, RandomSalt()};
    salt = today_.salt;
  }
  thread_local std::string text;
  text.clear();
  absl::StrAppend(&text, address, "\n", user_agent);
  uint64_t hash;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), salt.data());
  return std::max<uint64_t>(hash, 1);
}

absl::StatusOr<bool> Visitors::Refresh() {
  const auto day = static_cast<int32_t>(DayOf(app_.clock().Now()));
  const Salt first = RandomSalt(), second = RandomSalt();
  const auto bytes = [](const Salt& salt) {
    return storage::Bytes{{reinterpret_cast<const char*>(salt.data()), salt.size()}};
  };
  MO_ASSIGN_OR_RETURN(
      const storage::Result rows,
      database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<storage::Result> {
        tx.Defer(kInsertSalt, day, bytes(first));
        tx.Defer(kInsertSalt, day + 1, bytes(second));
        tx.Defer(kDeleteSalts, day);
        return tx.Query(kSelectSalts, day);
      }));
  for (const storage::Row row : rows) {
    const std::string kept = row.String(1);
    Salt salt{};
    std::memcpy(salt.data(), kept.data(), std::min(kept.size(), salt.size()));
    Learn(row.Int(0), salt);
  }
  return false;
}

void Visitors::Learn(int64_t day, const Salt& salt) {
  absl::MutexLock lock(&mutex_);
  (day == DayOf(app_.clock().Now()) ? today_ : tomorrow_) = {day, salt};
}

}  // namespace mo::links

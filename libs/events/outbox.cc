#include "absl/strings/str_cat.h"
#include "libs/events/events.h"
#include "libs/events/relay.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

constexpr int kDeleteBatch = 1000;

// The transaction has its number before the events have their ids; RelayStore builds on that.
std::string InsertSql(const std::string& schema) {
  return absl::StrCat("INSERT INTO ", schema,
                      ".outbox (id, partition, account_id, envelope) SELECT nextval('", schema,
                      ".outbox_id_seq'), e.partition, e.account_id, e.envelope"
                      " FROM (SELECT pg_current_xact_id() AS xid OFFSET 0) t, (SELECT * FROM"
                      " unnest((SELECT $1::smallint[]), (SELECT $2::bigint[]), (SELECT "
                      "$3::bytea[])) WITH ORDINALITY"
                      " AS u (partition, account_id, envelope, n) ORDER BY n) e"
                      " WHERE t.xid IS NOT NULL");
}

// What a transaction has appended so far.
struct Appended {
  std::vector<int16_t> partitions;
  std::vector<int64_t> accounts;
  std::vector<std::string> envelopes;
  Urgency urgency = Urgency::kSoon;  // of the most urgent one
};

// Looks at the oldest rows only, so that it costs the same however large the outbox is.
std::string DeleteSql(const std::string& schema) {
  return absl::StrCat("WITH oldest AS (SELECT id, partition, create_time FROM ", schema,
                      ".outbox ORDER BY id LIMIT ", kDeleteBatch,
                      " FOR UPDATE SKIP LOCKED) DELETE FROM ", schema,
                      ".outbox o USING oldest WHERE o.id = oldest.id"
                      " AND oldest.create_time < now() - $1 * interval '1 second'"
                      " AND NOT EXISTS (SELECT 1 FROM ",
                      schema,
                      ".event_consumers c WHERE c.partition = oldest.partition"
                      " AND c.id < oldest.id)");
}

}  // namespace

Outbox::Outbox(App& app, storage::Database& database, OutboxOptions options)
    : clock_(app.clock()),
      database_(database),
      options_(options),
      insert_sql_(InsertSql(database.service())),
      delete_sql_(DeleteSql(database.service())),
      relay_(std::make_unique<Relay>(app, database, options)) {}

Outbox::~Outbox() = default;

absl::Status Outbox::Append(storage::Transaction& tx, int64_t account_id,
                            absl::string_view partition_key,
                            const google::protobuf::Message& payload, absl::string_view request_id,
                            Urgency urgency) {
  messageorganizer::common::v1::EventEnvelope envelope;
  envelope.set_type(payload.GetDescriptor()->full_name());
  envelope.set_account_id(account_id);
  *envelope.mutable_time() = ToProto(clock_.Now());
  envelope.set_payload(payload.SerializeAsString());
  envelope.set_request_id(std::string(request_id));
  std::shared_ptr<void>& attachment = tx.Attachment(this);
  if (attachment == nullptr) {
    auto all = std::make_shared<Appended>();
    attachment = all;
    tx.BeforeCommit([this, &tx, all] {
      const std::vector<storage::Bytes> envelopes(all->envelopes.begin(), all->envelopes.end());
      tx.Defer(insert_sql_, all->partitions, all->accounts, envelopes);
    });
    tx.AfterCommit([this, all] { relay_->Kick(all->urgency); });
  }
  auto& appended = *static_cast<Appended*>(attachment.get());
  if (urgency == Urgency::kNow) appended.urgency = Urgency::kNow;
  appended.partitions.push_back(static_cast<int16_t>(PartitionOf(partition_key)));
  appended.accounts.push_back(account_id);
  appended.envelopes.push_back(envelope.SerializeAsString());
  return absl::OkStatus();
}

void Outbox::Start() { relay_->Start(); }
void Outbox::Stop() { relay_->Stop(); }

absl::StatusOr<bool> Outbox::DeleteOld() {
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(storage::Result deleted,
                        tx.Query(delete_sql_, absl::ToDoubleSeconds(options_.retention)));
    return deleted.affected() == kDeleteBatch;
  });
}

Outbox& InstallOutbox(App& app, storage::Database& database, OutboxOptions options) {
  Outbox& outbox = app.Own<Outbox>(app, database, options);
  app.OnRun(
      [&outbox] {
        outbox.Start();
        return absl::OkStatus();
      },
      [&outbox] { outbox.Stop(); });
  app.OwnWorker(absl::StrCat(database.service(), "-outbox"), absl::Minutes(1),
                [&outbox] { return outbox.DeleteOld(); });
  return outbox;
}

}  // namespace mo::events

#include "services/links/click_log.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::links {
namespace {

constexpr size_t kMaxWaiting = 1000000;
constexpr int kMaxInBatch = 20000;  // a megabyte
// The patience with the batch before, both of these, and an fdatasync: below 100 ms.
constexpr absl::Duration kGather = absl::Milliseconds(20);
constexpr absl::Duration kCommitPatience = absl::Milliseconds(30);
constexpr absl::Duration kRetry = absl::Milliseconds(200);
constexpr size_t kCommits = 64;
constexpr size_t kCommitsWaiting = 1000;

constexpr char kInsertBatches[] =
    "INSERT INTO links.click_batches (account_id, id, payload, create_time) SELECT 0, id, payload, "
    "$3 FROM unnest((SELECT $1::bytea[]), (SELECT $2::bytea[])) AS b (id, payload) "
    "ON CONFLICT DO NOTHING";

}  // namespace

ClickLog::ClickLog(App& app, storage::Database& database, Spool& spool)
    : clock_(app.clock()),
      database_(database),
      spool_(spool),
      clicks_(app.metrics().Counter("mo_links_clicks_total", "Clicks that were made durable")),
      spooled_(app.metrics().Counter("mo_links_spooled_batches_total",
                                     "Batches of clicks written to the spool")),
      lost_(app.metrics().Counter("mo_links_clicks_lost_total",
                                  "Clicks that neither database nor disk took")),
      commits_(kCommits, kCommitsWaiting,
               [this](const std::vector<std::shared_ptr<Batch>>& all) { CommitAll(all); }) {}

ClickLog::~ClickLog() { Stop(); }

void ClickLog::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ClickLog::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  commits_.Stop();
}

void ClickLog::Add(const ClickNote& note) {
  absl::MutexLock lock(&mutex_);
  if (notes_.size() >= kMaxWaiting) return lost_.Increment();
  notes_.push_back(note);
  if (notes_.size() == 1) wake_.Signal();
}

void ClickLog::Run() {
  for (bool last = false; !last;) {
    std::vector<ClickNote> notes;
    {
      absl::MutexLock lock(&mutex_);
      while (!stopping_ && notes_.empty()) wake_.Wait(&mutex_);
      const absl::Time gathered = absl::Now() + kGather;
      while (!stopping_ && !wake_.WaitWithDeadline(&mutex_, gathered)) {
      }
      last = stopping_;
      notes.swap(notes_);
      notes_.reserve(std::min(notes.size(), kMaxWaiting / 10));
    }
    Keep(notes);
  }
}

void ClickLog::Keep(const std::vector<ClickNote>& notes) {
  absl::flat_hash_map<ClickNote, int64_t> counts;
  for (const ClickNote& note : notes) ++counts[note];
  v1::ClickBatch batch;
  for (const auto& [note, clicks] : counts) {
    v1::CountedClick& click = *batch.add_clicks();
    click.set_account_id(note.account_id);
    click.set_link_id(note.link_id);
    click.set_first_number(note.first_number);
    click.set_index(note.index);
    click.set_visitor(note.visitor);
    click.set_time(note.time);
    click.set_bot(note.bot);
    click.set_clicks(clicks);
    if (batch.clicks_size() == kMaxInBatch) KeepBatch(std::exchange(batch, {}));
  }
  if (batch.clicks_size() > 0) KeepBatch(std::move(batch));
  clicks_.Increment(static_cast<double>(notes.size()));
}

// Returns when the batch is durable, here or there; tries again until it is, or until the end.
void ClickLog::KeepBatch(v1::ClickBatch batch) {
  auto commit = std::make_shared<Batch>();
  commit->record.id.resize(Spool::kIdBytes);
  randombytes_buf(commit->record.id.data(), commit->record.id.size());
  commit->record.payload = batch.SerializeAsString();
  for (;;) {
    if (!down_ && Commit(commit)) return;
    const absl::Status spooled = spool_.Append(commit->record);
    if (spooled.ok()) return spooled_.Increment();
    Log(LogLevel::kError, "clicks are kept nowhere", {{"error", spooled.message()}});
    down_ = false;  // the database is the only hope
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(this, &ClickLog::stopping), kRetry)) {
      return lost_.Increment(batch.clicks_size());
    }
  }
}

bool ClickLog::Commit(const std::shared_ptr<Batch>& batch) {
  {
    absl::MutexLock lock(&batch->mutex);
    batch->done = false;
  }
  if (!commits_.TryAdd(batch)) return false;
  absl::MutexLock lock(&batch->mutex);
  batch->mutex.AwaitWithTimeout(absl::Condition(batch.get(), &Batch::IsDone), kCommitPatience);
  // Until a delivery has succeeded, what follows goes to the spool without waiting.
  if (!batch->kept) down_ = true;
  return batch->kept;
}

void ClickLog::CommitAll(const std::vector<std::shared_ptr<Batch>>& batches) {
  std::vector<const ClickBatchRecord*> records;
  for (const auto& batch : batches) records.push_back(&batch->record);
  const bool kept = Insert(records).ok();
  for (const auto& batch : batches) {
    absl::MutexLock lock(&batch->mutex);
    batch->done = true;
    batch->kept = kept;
  }
}

absl::Status ClickLog::Insert(const std::vector<const ClickBatchRecord*>& records) {
  std::vector<storage::Bytes> ids, payloads;
  for (const ClickBatchRecord* record : records) {
    ids.push_back({record->id});
    payloads.push_back({record->payload});
  }
  return database_.AsSystem([&](storage::Transaction& tx) {
    tx.Defer(kInsertBatches, ids, payloads, clock_.Now());
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> ClickLog::DeliverSpool() {
  const auto keep = [&](std::vector<ClickBatchRecord> records) {
    std::vector<const ClickBatchRecord*> pointers;
    for (const ClickBatchRecord& record : records) pointers.push_back(&record);
    return Insert(pointers);
  };
  MO_ASSIGN_OR_RETURN(const int64_t delivered, spool_.Deliver(keep));
  if (delivered > 0) Log(LogLevel::kInfo, "spooled clicks delivered", {{"batches", delivered}});
  // What is spooled meanwhile comes with the next delivery.
  const bool again = down_.exchange(false);
  return again && delivered > 0;
}

}  // namespace mo::links

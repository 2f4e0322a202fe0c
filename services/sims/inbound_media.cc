#include "services/sims/inbound_media.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/inbound_task.h"

namespace mo::sims {
namespace {

// Storing is hashing and writing to disk.
constexpr int kStoreThreads = 3;
constexpr size_t kStoreQueue = 1000;

// The message's name, here and at the media service.
std::string KeyOf(const InboundFile& file) {
  return absl::StrCat(FormatId("sim", file.sim->sim_id), "/", file.message_id);
}

}  // namespace

InboundMedia::InboundMedia(App& app, storage::Database& database,
                           std::function<void(http::ClientRequest&)> guard, Options options)
    : app_(app),
      database_(database),
      guard_(std::move(guard)),
      options_(options),
      media_(app),
      memory_(options.remembered),
      client_(http::ClientOptions{.max_in_flight = options.files}),
      executor_(kStoreThreads, kStoreQueue) {
  for (const char* end : {"stored", "too_large", "gone", "refused", "later"}) {
    ends_.push_back(&app.metrics().Counter("mo_sims_inbound_files_total",
                                           "Files of messages that came in, fetched from providers",
                                           {{"end", end}}));
  }
}

void InboundMedia::Stop() {
  std::deque<TaskPtr> waiting;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting.swap(waiting_);
  }
  for (const TaskPtr& task : waiting) task->batch->End(absl::UnavailableError("stopping"));
  client_.Stop();
  executor_.Stop();
}

constexpr char kSelectKnownInbound[] =
    "SELECT f.n FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[])) "
    "WITH ORDINALITY AS f (account_id, sim_id, id, n) CROSS JOIN LATERAL (SELECT 1 FROM "
    "sims.inbound WHERE account_id = f.account_id AND sim_id = f.sim_id AND provider_message_id = "
    "f.id LIMIT 1) AS known";
absl::StatusOr<std::vector<bool>> InboundMedia::Known(const std::vector<InboundFile>& files) {
  std::vector<int64_t> accounts, sims;
  std::vector<std::string> ids;
  for (const InboundFile& file : files) {
    accounts.push_back(file.sim->account_id);
    sims.push_back(file.sim->sim_id);
    ids.push_back(file.message_id);
  }
  MO_ASSIGN_OR_RETURN(storage::Result rows, database_.ReadAsSystem([&](storage::Transaction& tx) {
    return tx.Query(kSelectKnownInbound, accounts, sims, ids);
  }));
  std::vector<bool> known(files.size());
  for (const storage::Row row : rows) known[static_cast<size_t>(row.Int(0)) - 1] = true;
  return known;
}

void InboundMedia::Bring(std::vector<InboundFile> files, Done done) {
  absl::StatusOr<std::vector<bool>> known = Known(files);
  if (!known.ok()) return done(absl::UnavailableError("the database does not answer"));
  auto batch = std::make_shared<Batch>();
  batch->brought.resize(files.size());
  batch->done = std::move(done);
  const absl::Time deadline = absl::Now() + options_.deadline;
  absl::flat_hash_set<std::string> seen;
  absl::Status status;
  {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < files.size(); ++i) {
      std::string key = KeyOf(files[i]);
      // What is known is left out by the ledger, and so is what a callback tells twice.
      if ((*known)[i] || !seen.insert(key).second) continue;
      if (std::optional<BroughtFile> brought = memory_.Find(key)) {
        batch->brought[i] = *std::move(brought);
      } else if (files[i].remote.size_bytes > kMostInboundBytes) {
        batch->brought[i] = WithoutFile(common::MEDIA_PROBLEM_TOO_LARGE);
        ends_[static_cast<size_t>(End::kTooLarge)]->Increment();
      } else if (stopped_ || waiting_.size() >= options_.most_waiting) {
        status = absl::UnavailableError("too many files at once");
      } else {
        ++batch->left;
        waiting_.push_back(
            std::make_shared<Task>(Task{std::move(files[i]), std::move(key), deadline, batch, i}));
      }
    }
  }
  Pump();
  batch->End(status);
}

// Each that runs ends by its own deadline, and those came first: what waits is not forgotten.
void InboundMedia::TakeLocked(std::vector<TaskPtr>& started, std::vector<TaskPtr>& late) {
  const absl::Time now = absl::Now();
  for (auto task = waiting_.begin(); task != waiting_.end() && running_ < options_.files;) {
    if ((*task)->deadline <= now) {
      late.push_back(std::move(*task));
      task = waiting_.erase(task);
      continue;
    }
    int& of_sim = running_of_[(*task)->file.sim->sim_id];
    if (of_sim == options_.files_per_sim) {
      ++task;
      continue;
    }
    ++of_sim;
    ++running_;
    started.push_back(std::move(*task));
    task = waiting_.erase(task);
  }
}

// One thread at a time: what ends at once makes room for more, which must not be a recursion.
void InboundMedia::Pump() {
  std::unique_lock lock(mutex_);
  if (std::exchange(pumping_, true)) return;
  for (;;) {
    std::vector<TaskPtr> started, late;
    TakeLocked(started, late);
    if (started.empty() && late.empty()) break;
    lock.unlock();
    // Not the file's fault: not counted as its failure.
    for (const TaskPtr& task : late) {
      ends_[static_cast<size_t>(End::kLater)]->Increment();
      task->batch->End(absl::UnavailableError("too many files at once"));
    }
    for (const TaskPtr& task : started) Ask(task, nullptr);
    lock.lock();
  }
  pumping_ = false;
}

void InboundMedia::Succeed(const TaskPtr& task, End end, BroughtFile brought) {
  ends_[static_cast<size_t>(end)]->Increment();
  {
    std::lock_guard lock(mutex_);
    memory_.Keep(task->key, brought);
  }
  task->batch->brought[task->index] = std::move(brought);
  Leave(task);
  task->batch->End(absl::OkStatus());
}

void InboundMedia::Fail(const TaskPtr& task) {
  bool given_up = false;
  {
    std::lock_guard lock(mutex_);
    // What our own end has cut short says nothing of the file.
    given_up = !stopped_ && memory_.Failed(task->key) > options_.attempts;
  }
  if (given_up) {
    Log(LogLevel::kWarning, "a message is kept without its file: the provider does not hand it out",
        {{"sim", FormatId("sim", task->file.sim->sim_id)}});
    return Succeed(task, End::kRefused, WithoutFile(common::MEDIA_PROBLEM_REFUSED));
  }
  ends_[static_cast<size_t>(End::kLater)]->Increment();
  Leave(task);
  task->batch->End(absl::UnavailableError("a file cannot be had for now"));
}

void InboundMedia::Leave(const TaskPtr& task) {
  {
    std::lock_guard lock(mutex_);
    --running_;
    const auto of_sim = running_of_.find(task->file.sim->sim_id);
    if (--of_sim->second == 0) running_of_.erase(of_sim);
  }
  Pump();
}

}  // namespace mo::sims

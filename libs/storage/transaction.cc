#include "libs/storage/transaction.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace mo::storage {
namespace {

constexpr char kSetAccount[] = "SELECT set_config('mo.account_id', $1, true)";

}  // namespace

absl::StatusOr<Result> Pending::Get() {
  if (!slot_->has_value()) transaction_->Flush();
  return *std::exchange(*slot_, std::nullopt);
}

std::shared_ptr<void>& Transaction::Attachment(const void* owner) {
  for (auto& [key, attachment] : attachments_) {
    if (key == owner) return attachment;
  }
  return attachments_.emplace_back(owner, nullptr).second;
}

void Transaction::Add(absl::string_view sql, Parameters parameters,
                      std::shared_ptr<Pending::Slot> slot) {
  if (!status_.ok()) {
    if (slot != nullptr) slot->emplace(status_);
    return;
  }
  if (waiting_.empty() && (!begun_ || kind_ == Kind::kSnippet)) AddPreamble();
  connection_.Queue(sql, std::move(parameters));
  waiting_.push_back(std::move(slot));
}

void Transaction::AddPreamble() {
  const auto add = [this](absl::string_view sql, Parameters parameters) {
    connection_.Queue(sql, std::move(parameters));
    waiting_.push_back(nullptr);
  };
  if (kind_ == Kind::kAtomic) add("BEGIN", Parameters());
  if (account_id_ != 0) add(kSetAccount, Parameters(absl::StrCat(account_id_)));
  if (connection_.TakeReplan(absl::Now())) add("DISCARD PLANS", Parameters());
}

void Transaction::Flush() {
  if (waiting_.empty()) return;
  std::vector<absl::StatusOr<Result>> results = connection_.Flush();
  for (size_t i = 0; i < results.size(); ++i) {
    if (status_.ok()) status_ = results[i].status();
    if (waiting_[i] != nullptr) waiting_[i]->emplace(std::move(results[i]));
  }
  waiting_.clear();
  never_began_ = !begun_ && connection_.broken();
  begun_ = true;
}

absl::Status Transaction::Finish(absl::Status work) {
  if (work.ok() && status_.ok()) {
    for (const auto& action : before_commit_) action();
    if (kind_ == Kind::kAtomic) {
      // Whether a COMMIT was lost cannot be known, so a connection that may be dead gets none.
      if (!begun_) Flush();
      if (begun_ && status_.ok()) Add("COMMIT", Parameters(), nullptr);
    }
    Flush();
  }
  if (work.ok() && status_.ok()) return absl::OkStatus();
  connection_.DropQueue();
  waiting_.clear();
  // A failed rollback leaves a broken connection, which is dropped.
  if (kind_ == Kind::kAtomic && begun_ && !connection_.broken()) {
    (void)connection_.Script("ROLLBACK");
  }
  return work.ok() ? status_ : work;
}

}  // namespace mo::storage

#include "libs/http/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <unordered_map>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/http/transfer.h"

namespace mo::http {

using internal::Transfer;

// The multi handle and all transfers belong to the thread; only the queue is shared.
class Client::Impl {
 public:
  explicit Impl(ClientOptions options) : options_(std::move(options)) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_ALL);
    static_cast<void>(global);
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_in_flight));
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() {
    Stop();
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }

  void Add(ClientRequest request, Callback done) {
    auto transfer =
        std::make_unique<Transfer>(std::move(request), std::move(done), options_.user_agent);
    {
      absl::MutexLock lock(&mutex_);
      if (!stopped_) queue_.push_back(std::move(transfer));
    }
    if (transfer != nullptr) return transfer->Finish(absl::CancelledError("HTTP client stopped"));
    curl_multi_wakeup(multi_);
  }

  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stopped_ = true;
    }
    curl_multi_wakeup(multi_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run();
  // Starts waiting requests while there is room. False when the client was stopped.
  bool StartQueued();
  void Begin(std::unique_ptr<Transfer> transfer);
  void Complete(CURL* easy, CURLcode code);
  void CancelAll();
  void Release(CURL* easy);

  const ClientOptions options_;
  absl::Mutex mutex_;
  std::deque<std::unique_ptr<Transfer>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  CURLM* multi_ = nullptr;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> running_;
  std::vector<CURL*> idle_;
  std::thread thread_;
};

void Client::Impl::Run() {
  while (StartQueued()) {
    int running = 0;
    curl_multi_perform(multi_, &running);
    int left = 0;
    bool completed = false;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Complete(message->easy_handle, message->data.result);
      completed = true;
    }
    // A completed transfer makes room for a waiting one.
    if (!completed) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
  CancelAll();
}

bool Client::Impl::StartQueued() {
  while (static_cast<int>(running_.size()) < std::max(1, options_.max_in_flight)) {
    std::unique_ptr<Transfer> next;
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_) return false;
      if (queue_.empty()) return true;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    Begin(std::move(next));
  }
  absl::MutexLock lock(&mutex_);
  return !stopped_;
}

void Client::Impl::Begin(std::unique_ptr<Transfer> transfer) {
  CURL* easy = idle_.empty() ? curl_easy_init() : idle_.back();
  if (!idle_.empty()) idle_.pop_back();
  absl::Status ready = transfer->Prepare(easy);
  if (ready.ok() && curl_multi_add_handle(multi_, easy) != CURLM_OK) {
    ready = absl::InternalError("curl refused the transfer");
  }
  if (!ready.ok()) {
    Release(easy);
    return transfer->Finish(std::move(ready));
  }
  running_.emplace(easy, std::move(transfer));
}

void Client::Impl::Complete(CURL* easy, CURLcode code) {
  auto node = running_.extract(easy);
  std::unique_ptr<Transfer> transfer = std::move(node.mapped());
  absl::StatusOr<Response> result = transfer->Result(easy, code);
  const absl::StatusOr<bool> redirected =
      result.ok() ? transfer->Redirect(easy, result->status) : absl::StatusOr<bool>(false);
  curl_multi_remove_handle(multi_, easy);
  Release(easy);
  if (!redirected.ok()) return transfer->Finish(redirected.status());
  if (*redirected) return Begin(std::move(transfer));
  transfer->Finish(std::move(result));
}

void Client::Impl::CancelAll() {
  for (auto& [easy, transfer] : running_) {
    curl_multi_remove_handle(multi_, easy);
    Release(easy);
    transfer->Finish(absl::CancelledError("HTTP client stopped"));
  }
  running_.clear();
  std::deque<std::unique_ptr<Transfer>> waiting;
  {
    absl::MutexLock lock(&mutex_);
    waiting.swap(queue_);
  }
  for (auto& transfer : waiting) transfer->Finish(absl::CancelledError("HTTP client stopped"));
}

void Client::Impl::Release(CURL* easy) {
  curl_easy_reset(easy);
  idle_.push_back(easy);
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Client::~Client() = default;

void Client::Fetch(ClientRequest request, Callback done) {
  impl_->Add(std::move(request), std::move(done));
}

absl::StatusOr<Response> Client::Fetch(ClientRequest request) {
  absl::Notification finished;
  absl::StatusOr<Response> result;
  impl_->Add(std::move(request), [&](absl::StatusOr<Response> response) {
    result = std::move(response);
    finished.Notify();
  });
  finished.WaitForNotification();
  return result;
}

absl::StatusOr<Response> Client::Get(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return Fetch(std::move(request));
}

void Client::Stop() { impl_->Stop(); }

}  // namespace mo::http

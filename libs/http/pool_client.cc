#include "libs/http/pool_client.h"

#include <utility>  // before Asio 1.74, which forgets it in C++20
// Asio and Beast after it.
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/http/origin_url.h"
#include "libs/http/ssrf.h"

namespace mo::http {
namespace internal {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using Tcp = net::ip::tcp;
using ErrorCode = boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kSweep(50);
constexpr size_t kMaxHead = 64 << 10;
constexpr size_t kReadSize = 16 << 10;

}  // namespace

// A request on its way.
struct Job {
  ClientRequest request;  // its body has moved into `bytes`
  std::string bytes;
  PoolClient::Callback done;
  SteadyTime deadline;
};

class Link;

// Where requests go, with the guard that they are under: what one must not reach is not reached
// over another's connection.
struct Origin {
  bool tls = false;
  std::string host;
  int port = 0;
  bool allow_private = false;
  std::deque<std::unique_ptr<Job>> waiting;
  std::vector<std::shared_ptr<Link>> idle;
  std::vector<std::shared_ptr<Link>> all;
};

// The connections and their thread, to which everything but Add and Stop belongs.
class Pool {
 public:
  using Callback = PoolClient::Callback;

  explicit Pool(PoolClientOptions options)
      : options_(std::move(options)),
        work_(net::make_work_guard(context_)),
        resolver_(context_),
        sweeper_(context_),
        tls_(net::ssl::context::tls_client) {
    tls_.set_default_verify_paths();
    tls_.set_verify_mode(net::ssl::verify_peer);
  }

  void Start() {
    Sweep();
    thread_ = std::thread([this] { context_.run(); });
  }
  void Add(ClientRequest request, Callback done);
  void Stop();

  const PoolClientOptions& options() const { return options_; }
  net::io_context& context() { return context_; }
  net::ssl::context& tls() { return tls_; }
  Tcp::resolver& resolver() { return resolver_; }

  // A link can take another request.
  void Free(Origin& origin, const std::shared_ptr<Link>& link);
  // A link is closed.
  void Gone(Origin& origin, const std::shared_ptr<Link>& link);

 private:
  void Refuse(absl::Status status, Callback done);
  void TakeQueued();
  void Dispatch(Origin& origin);
  void Sweep();
  void CancelAll();

  const PoolClientOptions options_;
  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> work_;
  Tcp::resolver resolver_;
  net::steady_timer sweeper_;
  net::ssl::context tls_;
  absl::flat_hash_map<std::string, std::unique_ptr<Origin>> origins_;
  bool ending_ = false;

  absl::Mutex mutex_;
  std::vector<std::pair<std::string, std::unique_ptr<Job>>> queue_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Origin> fresh_ ABSL_GUARDED_BY(mutex_);
  bool posted_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace internal
}  // namespace mo::http

// Link, which needs Pool.
#include "libs/http/pool_link.inc"

namespace mo::http {
namespace internal {

void Pool::Add(ClientRequest request, Callback done) {
  absl::StatusOr<OriginUrl> url = SplitUrl(request.url);
  if (!url.ok()) return Refuse(url.status(), std::move(done));
  if (!request.allow_private && !IsAllowedPort(url->port, request.allowed_ports))
    return Refuse(absl::PermissionDeniedError(absl::StrCat("port ", url->port, " is not allowed")),
                  std::move(done));
  absl::StatusOr<std::string> bytes = WriteRequest(request, *url, options_.user_agent);
  if (!bytes.ok()) return Refuse(bytes.status(), std::move(done));
  std::string key = absl::StrCat(url->tls, request.allow_private, url->port, " ", url->host);
  auto job = std::make_unique<Job>();
  job->bytes = *std::move(bytes);
  job->done = std::move(done);
  job->deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(request.timeout);
  const bool allow_private = request.allow_private;
  Origin origin;
  origin.tls = url->tls;
  origin.host = std::string(url->host);
  origin.port = url->port;
  origin.allow_private = allow_private;
  job->request = std::move(request);
  job->request.body.clear();
  bool post = false;
  {
    absl::MutexLock lock(&mutex_);
    if (!stopped_) {
      fresh_.try_emplace(key, std::move(origin));
      queue_.emplace_back(std::move(key), std::move(job));
      post = !std::exchange(posted_, true);
    }
  }
  if (job != nullptr) return job->done(absl::CancelledError("HTTP client stopped"));
  if (post) net::post(context_, [this] { TakeQueued(); });
}

// On the client's thread, too: whoever calls Fetch may hold what `done` needs.
void Pool::Refuse(absl::Status status, Callback done) {
  {
    absl::MutexLock lock(&mutex_);
    if (!stopped_) {
      return net::post(context_,
                       [status = std::move(status), done = std::move(done)] { done(status); });
    }
  }
  done(std::move(status));
}

void Pool::TakeQueued() {
  std::vector<std::pair<std::string, std::unique_ptr<Job>>> jobs;
  absl::flat_hash_map<std::string, Origin> fresh;
  {
    absl::MutexLock lock(&mutex_);
    jobs.swap(queue_);
    fresh.swap(fresh_);
    posted_ = false;
  }
  for (auto& [key, job] : jobs) {
    std::unique_ptr<Origin>& origin = origins_[key];
    if (origin == nullptr) origin = std::make_unique<Origin>(std::move(fresh[key]));
    origin->waiting.push_back(std::move(job));
    Dispatch(*origin);
  }
}

void Pool::Dispatch(Origin& origin) {
  while (!origin.waiting.empty() && !ending_) {
    if (!origin.idle.empty()) {
      const std::shared_ptr<Link> link = std::move(origin.idle.back());
      origin.idle.pop_back();
      std::unique_ptr<Job> job = std::move(origin.waiting.front());
      origin.waiting.pop_front();
      link->Send(std::move(job));
      continue;
    }
    if (static_cast<int>(origin.all.size()) >= std::max(1, options_.connections_per_origin)) return;
    const auto link = std::make_shared<Link>(*this, origin);
    origin.all.push_back(link);
    std::unique_ptr<Job> job = std::move(origin.waiting.front());
    origin.waiting.pop_front();
    link->Open(std::move(job));
  }
}

void Pool::Free(Origin& origin, const std::shared_ptr<Link>& link) {
  origin.idle.push_back(link);
  Dispatch(origin);
}

void Pool::Gone(Origin& origin, const std::shared_ptr<Link>& link) {
  std::erase(origin.idle, link);
  std::erase(origin.all, link);
  Dispatch(origin);
}

// One timer for all: cheaper than one each, set again with every request.
void Pool::Sweep() {
  sweeper_.expires_after(kSweep);
  sweeper_.async_wait([this](ErrorCode error) {
    if (error || ending_) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto& [key, origin] : origins_) {
      const std::vector<std::shared_ptr<Link>> links = origin->all;
      for (const auto& link : links) link->Check(now);
      // In the order of arrival, which is nearly that of their deadlines.
      while (!origin->waiting.empty() && origin->waiting.front()->deadline <= now) {
        const std::unique_ptr<Job> job = std::move(origin->waiting.front());
        origin->waiting.pop_front();
        job->done(absl::UnavailableError("no connection was free in time"));
      }
    }
    Sweep();
  });
}

void Pool::CancelAll() {
  TakeQueued();
  ending_ = true;
  for (auto& [key, origin] : origins_) {
    for (const auto& link : std::vector<std::shared_ptr<Link>>(origin->all)) link->Cancel();
    std::deque<std::unique_ptr<Job>> waiting = std::exchange(origin->waiting, {});
    for (const auto& job : waiting) job->done(absl::CancelledError("HTTP client stopped"));
  }
  sweeper_.cancel();
  resolver_.cancel();
  work_.reset();
}

void Pool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  if (!thread_.joinable()) return;
  net::post(context_, [this] { CancelAll(); });
  thread_.join();
}

}  // namespace internal

PoolClient::PoolClient(PoolClientOptions options)
    : pool_(std::make_unique<internal::Pool>(std::move(options))) {
  pool_->Start();
}

PoolClient::~PoolClient() { Stop(); }

void PoolClient::Fetch(ClientRequest request, Callback done) {
  pool_->Add(std::move(request), std::move(done));
}

void PoolClient::Stop() { pool_->Stop(); }

}  // namespace mo::http

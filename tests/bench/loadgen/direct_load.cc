#include "tests/bench/loadgen/direct_load.h"

#include <atomic>
#include <istream>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/loadgen/device_agent.h"

namespace mo::bench {
namespace {

namespace v1 = messageorganizer::sims::v1;

// How an answer begins; when it was due follows, in microseconds since 1970.
constexpr char kMark[] = "answer ";

// What was measured since the last line of JSON.
class Phase {
 public:
  void Got(const v1::SendBatch& batch, absl::Time now) {
    absl::string_view text = batch.content().text().body();
    int64_t due = 0;
    absl::MutexLock lock(&mutex_);
    if (absl::ConsumePrefix(&text, kMark) && absl::SimpleAtoi(text, &due)) {
      phone_.Add(now - absl::FromUnixMicros(due));
    } else {
      ++taken_;
    }
  }

  std::string Next(Latencies& post) {
    absl::MutexLock lock(&mutex_);
    const absl::Duration elapsed = absl::Now() - start_;
    std::string json = absl::StrFormat(R"({"phone":%s,"post":%s,"taken":%d})", phone_.Take(elapsed),
                                       post.Take(elapsed), taken_);
    taken_ = 0;
    start_ = absl::Now();
    return json;
  }

 private:
  absl::Mutex mutex_;
  Latencies phone_;
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time start_ ABSL_GUARDED_BY(mutex_) = absl::Now();
};

}  // namespace

absl::Status RunDirect(DirectOptions options, std::istream& lines, std::ostream& json) {
  Phase phase;
  DeviceAgent agent(options.target, options.agent_token, options.credit,
                    {v1::RECEIPT_STATE_SENT, v1::RECEIPT_STATE_DELIVERED, v1::RECEIPT_STATE_READ},
                    [&](const v1::SendBatch& batch, const v1::SendMessage&, absl::Time now) {
                      phase.Got(batch, now);
                    });
  options.rest.method = "POST";
  options.rest.path = "/v1/messages";
  options.rest.body =
      absl::StrCat(R"({"contact_id":"{value}","content":{"text":{"body":")", kMark, R"({due}"}}})");
  options.rest.values = options.contacts;
  options.rest.duration = absl::InfiniteDuration();
  std::atomic<bool> stop{false};
  options.rest.stop = &stop;
  Latencies post;
  absl::Status status;
  std::thread load([&] { status = RunRest(options.rest, post); });
  std::string line;
  while (std::getline(lines, line)) json << phase.Next(post) << std::endl;
  stop = true;
  load.join();
  json << phase.Next(post) << std::endl;
  return status.ok() ? agent.status() : status;
}

}  // namespace mo::bench

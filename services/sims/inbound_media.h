// Files that somebody has sent: from the provider to the media service, before the messages that
// carry them are committed, for a provider's links are good for minutes only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/client.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/runtime/executor.h"
#include "libs/storage/database.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/sims/drivers/driver.h"
#include "services/sims/inbound_memory.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

// A file that is still at the provider, and the message that it belongs to.
struct InboundFile {
  std::shared_ptr<const SimDriver> sim;
  std::string message_id;  // the provider's
  std::string filename;
  RemoteMedia remote;
};

// Brings files, asynchronously and few at once. What can never be had is an answer too: a message
// is not lost for its file. What cannot be had for now is UNAVAILABLE, so that the provider tells
// of the message again; but only a few times, so that one bad file does not hold up all the rest
// of a callback for ever. Thread-safe.
class InboundMedia {
 public:
  struct Options {
    int files = 16;                              // at once
    int files_per_sim = 6;                       // at once of one SIM
    size_t most_waiting = 10000;                 // files
    absl::Duration deadline = absl::Seconds(8);  // of everything that one call asks for
    int attempts = 3;           // that fail, of one message, before it goes without
    size_t remembered = 20000;  // messages
  };
  // In the order of the files. UNAVAILABLE: some cannot be had for now.
  using Done = std::function<void(absl::StatusOr<std::vector<BroughtFile>> brought)>;

  // `guard` sets the guard that a request to a provider is under.
  InboundMedia(App& app, storage::Database& database,
               std::function<void(http::ClientRequest& request)> guard, Options options);
  ~InboundMedia() { Stop(); }

  // Looks up which messages are known, then returns; `done` runs once, on a thread of its own or
  // inside this call, and must not block.
  void Bring(std::vector<InboundFile> files, Done done);
  // Nothing can be had any more. Idempotent.
  void Stop();

 private:
  struct Batch;
  struct Task;
  using TaskPtr = std::shared_ptr<Task>;
  // How a file ended, for the metric.
  enum class End { kStored, kTooLarge, kGone, kRefused, kLater };

  absl::StatusOr<std::vector<bool>> Known(const std::vector<InboundFile>& files);
  // Starts what may be started.
  void Pump();
  // Takes that out of what waits, and what has waited too long.
  void TakeLocked(std::vector<TaskPtr>& started, std::vector<TaskPtr>& late);
  // Asks the provider for the file, or for where it is; `previous`: its last answer.
  void Ask(const TaskPtr& task, const http::Response* previous);
  void Answered(const TaskPtr& task, bool is_file, const absl::StatusOr<http::Response>& response);
  void AnsweredFile(const TaskPtr& task, http::Response response);
  void Store(const TaskPtr& task, const std::string& data);
  // Ends a task; the next one takes its place.
  void Succeed(const TaskPtr& task, End end, BroughtFile brought);
  void Fail(const TaskPtr& task);
  void Leave(const TaskPtr& task);
  void Guard(const TaskPtr& task, bool is_file, http::ClientRequest& request) const;

  App& app_;
  storage::Database& database_;
  const std::function<void(http::ClientRequest& request)> guard_;
  const Options options_;
  std::vector<prometheus::Counter*> ends_;  // by End
  Client<messageorganizer::media::v1::MediaService> media_;
  std::mutex mutex_;
  bool stopped_ = false;
  bool pumping_ = false;  // somebody starts what may be started
  int running_ = 0;
  absl::flat_hash_map<int64_t, int> running_of_;  // by SIM
  std::deque<TaskPtr> waiting_;
  InboundMemory memory_;
  http::Client client_;
  Executor executor_;  // stores
};

}  // namespace mo::sims

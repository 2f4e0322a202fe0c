// Files of the media service on their way to a provider.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/sims/drivers/driver.h"

namespace mo::sims {

// Where files come from.
class MediaSource {
 public:
  explicit MediaSource(App& app) : media_(app) {}
  // Blocks.
  absl::StatusOr<MediaFile> Get(int64_t account_id, const std::string& media_id);

 private:
  Client<messageorganizer::media::v1::MediaService> media_;
};

// What the provider calls the files that it has from a SIM, and which messages wait for which file.
// No lock of its own.
class ProviderFiles {
 public:
  enum class State {
    kReady,    // the provider's id is known
    kWaiting,  // the message waits; somebody fetches the file already
    kFetch,    // the message waits; the caller has to fetch the file
    kCarry,    // the message brings the file along; others wait for what the provider calls it
  };
  State Ask(const std::string& media_id, int64_t key, bool carried, absl::Time now);
  const std::string& provider_id(const std::string& media_id) { return files_[media_id].id; }
  std::shared_ptr<const MediaFile> file(const std::string& media_id) {
    return files_[media_id].file;
  }
  // The file is here, to be carried along by messages.
  void Have(const std::string& media_id, std::shared_ptr<const MediaFile> file);
  // The provider has named it, for as long as that holds.
  void Named(const std::string& media_id, std::string id, absl::Time until);
  // It could not be brought; the next message begins anew.
  void Failed(const std::string& media_id);
  // The messages that wait, to be started again or settled.
  std::vector<int64_t> TakeWaiting(const std::string& media_id);

 private:
  struct Entry {
    std::string id;
    absl::Time until = absl::InfinitePast();
    std::shared_ptr<const MediaFile> file;
    bool busy = false;
    std::vector<int64_t> waiting;
  };
  std::map<std::string, Entry> files_;
};

}  // namespace mo::sims

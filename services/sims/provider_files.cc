#include "services/sims/provider_files.h"

#include <utility>

#include "libs/runtime/identity.h"
#include "libs/runtime/status.h"

namespace mo::sims {

namespace media = messageorganizer::media::v1;

absl::StatusOr<MediaFile> MediaSource::Get(int64_t account_id, const std::string& media_id) {
  const Caller caller = ServiceCaller("sims", account_id, "");
  media::GetMediaRequest about;
  about.set_id(media_id);
  MO_ASSIGN_OR_RETURN(const media::MediaFile known,
                      media_.Call(&media::MediaService::Stub::GetMedia, caller, about));
  media::DownloadMediaRequest download;
  download.set_id(media_id);
  MO_ASSIGN_OR_RETURN(auto content,
                      media_.Call(&media::MediaService::Stub::DownloadMedia, caller, download));
  return MediaFile{media_id, known.kind(), known.mime_type(), known.filename(),
                   std::move(*content.mutable_data())};
}

ProviderFiles::State ProviderFiles::Ask(const std::string& media_id, int64_t key, bool carried,
                                        absl::Time now) {
  Entry& entry = files_[media_id];
  if (!entry.id.empty() && now < entry.until) return State::kReady;
  entry.id.clear();
  if (carried && entry.file != nullptr && !entry.busy) {
    entry.busy = true;
    return State::kCarry;
  }
  entry.waiting.push_back(key);
  return std::exchange(entry.busy, true) ? State::kWaiting : State::kFetch;
}

void ProviderFiles::Have(const std::string& media_id, std::shared_ptr<const MediaFile> file) {
  files_[media_id].file = std::move(file);
  files_[media_id].busy = false;
}

void ProviderFiles::Named(const std::string& media_id, std::string id, absl::Time until) {
  Entry& entry = files_[media_id];
  entry.id = std::move(id);
  entry.until = until;
  entry.file = nullptr;
  entry.busy = false;
}

void ProviderFiles::Failed(const std::string& media_id) { files_[media_id].busy = false; }

std::vector<int64_t> ProviderFiles::TakeWaiting(const std::string& media_id) {
  return std::exchange(files_[media_id].waiting, {});
}

}  // namespace mo::sims

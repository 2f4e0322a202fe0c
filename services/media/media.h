// Files of an account.
#pragma once

#include "google/api/httpbody.pb.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/media/v1/media.pb.h"
#include "services/media/folder.h"
#include "services/media/recognize.h"

namespace mo::media {

namespace v1 = messageorganizer::media::v1;

// What the service does; service.cc only maps RPCs to it.
class Media {
 public:
  Media(App& app, storage::Database& database, const Folder& folder);

  absl::StatusOr<v1::MediaFile> Upload(const Caller& caller, const v1::UploadMediaRequest& request);
  absl::StatusOr<v1::MediaFile> StoreInbound(const Caller& caller,
                                             const v1::StoreInboundMediaRequest& request);
  absl::StatusOr<v1::MediaFile> Get(const Caller& caller, const v1::GetMediaRequest& request);
  absl::StatusOr<google::api::HttpBody> Download(const Caller& caller,
                                                 const v1::DownloadMediaRequest& request);

 private:
  // A new file with a number of its own.
  v1::MediaFile Describe(const Recognized& recognized, size_t bytes, std::string filename);

  App& app_;
  storage::Database& database_;
  const Folder& folder_;
  prometheus::Counter& stored_bytes_;
  prometheus::Counter& refused_;
};

}  // namespace mo::media

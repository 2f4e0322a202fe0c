// The media service's catalogue of errors. gRPC has no codes for them: edge answers 413, 415 and
// 422 by their reasons.
#pragma once

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"

namespace mo::media {

inline absl::Status MediaTooLarge(size_t limit) {
  return Error(absl::StatusCode::kFailedPrecondition, "MEDIA_TOO_LARGE",
               absl::StrCat("a file of this type has at most ", limit, " bytes"));
}

inline absl::Status MediaTypeUnknown() {
  return Error(absl::StatusCode::kFailedPrecondition, "MEDIA_TYPE_UNKNOWN",
               "the bytes are no complete jpg, png, aac, mp3, mp4 or pdf file");
}

inline absl::Status ImageTooLarge(int pixels) {
  return Error(absl::StatusCode::kFailedPrecondition, "IMAGE_TOO_LARGE",
               absl::StrCat("an image has at most ", pixels, " x ", pixels, " pixels"));
}

inline absl::Status MediaNotFound() {
  return Error(absl::StatusCode::kNotFound, "MEDIA_NOT_FOUND", "there is no such file");
}

// The row is there, its bytes are not, or are others: the disk has failed us.
inline absl::Status MediaLost() {
  return Error(absl::StatusCode::kDataLoss, "MEDIA_LOST", "the file's bytes cannot be read");
}

inline absl::Status StorageUnavailable() {
  return Error(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE",
               "the file cannot be stored at the moment, try again");
}

}  // namespace mo::media

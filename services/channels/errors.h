// The channels service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::channels {

inline absl::Status ChannelNotFound() {
  return Error(absl::StatusCode::kNotFound, "CHANNEL_NOT_FOUND", "there is no such channel");
}

inline absl::Status ChannelLimit() {
  return Error(absl::StatusCode::kFailedPrecondition, "CHANNEL_LIMIT",
               "the account has as many channels as it may have");
}

inline absl::Status KeywordTaken() {
  return Error(absl::StatusCode::kAlreadyExists, "KEYWORD_TAKEN",
               "another keyword of the account is the same, or may be typed the same");
}

inline absl::Status KeywordInvalid(absl::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEYWORD_INVALID", why);
}

inline absl::Status BroadcastNotFound() {
  return Error(absl::StatusCode::kNotFound, "BROADCAST_NOT_FOUND", "there is no such broadcast");
}

inline absl::Status BroadcastFinished() {
  return Error(absl::StatusCode::kFailedPrecondition, "BROADCAST_FINISHED",
               "the broadcast has ended already");
}

inline absl::Status BroadcastNotFinished() {
  return Error(absl::StatusCode::kFailedPrecondition, "BROADCAST_NOT_FINISHED",
               "the broadcast has not ended yet");
}

inline absl::Status BroadcastNotDraft() {
  return Error(absl::StatusCode::kFailedPrecondition, "BROADCAST_NOT_DRAFT",
               "the broadcast is no draft any more");
}

inline absl::Status BroadcastIsDraft() {
  return Error(absl::StatusCode::kFailedPrecondition, "BROADCAST_DRAFT",
               "the broadcast is a draft: there is nothing to stop");
}

inline absl::Status BroadcastBegun() {
  return Error(absl::StatusCode::kFailedPrecondition, "BROADCAST_BEGUN",
               "the broadcast has begun: it cannot be changed any more");
}

inline absl::Status NothingFailed() {
  return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_FAILED",
               "the broadcast has failed at nobody");
}

inline absl::Status SeriesNotFound() {
  return Error(absl::StatusCode::kNotFound, "SERIES_NOT_FOUND", "there is no such series");
}

inline absl::Status SeriesLimit() {
  return Error(absl::StatusCode::kFailedPrecondition, "SERIES_LIMIT",
               "the account has as many series as it may have");
}

inline absl::Status SeriesEnded() {
  return Error(absl::StatusCode::kFailedPrecondition, "SERIES_ENDED", "the series has ended");
}

// A zone that was known when the series was made: the machine's zone database has changed.
inline absl::Status NoTimeZone() {
  return Error(absl::StatusCode::kInternal, "NO_TIME_ZONE",
               "this machine does not know the time zone of the series");
}

// Ends the work of an expander whose broadcast another one has taken over.
inline absl::Status TurnLost() {
  return Error(absl::StatusCode::kAborted, "TURN_LOST", "another worker has the broadcast now");
}

}  // namespace mo::channels

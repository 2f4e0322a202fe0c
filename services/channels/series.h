// Series of an account: broadcasts that are sent again and again.
#pragma once

#include <google/protobuf/empty.pb.h>

#include <functional>
#include <set>
#include <string>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/series.pb.h"
#include "services/channels/occurrences.h"
#include "services/channels/series_check.h"
#include "services/channels/series_store.h"

namespace mo::channels {

// Makes, changes, stops and deletes series; the SeriesWorker lets them happen. An occurrence whose
// time has come, but that the worker has not begun when its series is paused, deleted or given
// other times, is CANCELED: it becomes a broadcast in that state.
class Series {
 public:
  Series(App& app, storage::Database& database, events::Outbox& outbox, SeriesCheck& check,
         Occurrences& occurrences)
      : app_(app), database_(database), outbox_(outbox), check_(check), occurrences_(occurrences) {}

  absl::StatusOr<v1::Series> Create(const Caller& caller, const v1::CreateSeriesRequest& request);
  absl::StatusOr<v1::Series> Get(const Caller& caller, const v1::GetSeriesRequest& request);
  absl::StatusOr<v1::ListSeriesResponse> List(const Caller& caller,
                                              const v1::ListSeriesRequest& request);
  // ETAG_MISMATCH.
  absl::StatusOr<v1::Series> Update(const Caller& caller, const v1::UpdateSeriesRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteSeriesRequest& request);
  // SERIES_ENDED; Resume too.
  absl::StatusOr<v1::Series> Pause(const Caller& caller, const v1::PauseSeriesRequest& request);
  absl::StatusOr<v1::Series> Resume(const Caller& caller, const v1::ResumeSeriesRequest& request);

 private:
  // Changes a locked series; whether it did.
  using Change = std::function<absl::StatusOr<bool>(storage::Transaction& tx, v1::Series& series)>;

  absl::StatusOr<v1::Series> Steer(const Caller& caller, const google::protobuf::Message& request,
                                   const std::string& id, const Change& change);
  absl::Status Save(storage::Transaction& tx, SeriesKey key, v1::Series& series);
  // The first occurrence to come, none of those that have been.
  absl::StatusOr<std::optional<absl::Time>> Upcoming(const v1::Series& series) const;
  // Starts a series, or lets it go on, with this occurrence; a paused one only if there is any. A
  // field is to blame when there is none.
  absl::Status Arm(v1::Series& series) const;

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  SeriesCheck& check_;
  Occurrences& occurrences_;
};

}  // namespace mo::channels

#include "services/channels/series.h"

#include <algorithm>
#include <limits>

#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/channels/errors.h"
#include "services/channels/recurrence.h"

namespace mo::channels {
namespace {

using Fields = std::set<std::string>;

// Whether a change of these fields changes when occurrences are.
bool ChangeTimes(const Fields& fields) {
  return fields.count("schedule") + fields.count("start_time") + fields.count("end_time") +
             fields.count("max_occurrences") >
         0;
}

}  // namespace

absl::StatusOr<v1::Series> Series::Create(const Caller& caller,
                                          const v1::CreateSeriesRequest& request) {
  const Fields fields(SeriesFields().begin(), SeriesFields().end());
  // Judged inside Once: what was accepted under an idempotency key stays so, whatever has gone
  // since.
  Problems problems;
  MO_RETURN_IF_ERROR(check_.Fields(caller, request.series(), fields, problems));
  check_.Times(request.series(), fields, problems);
  absl::Status valid = problems.ToStatus();
  const SeriesKey key{caller.account_id, app_.ids().Next()};
  v1::Series series;
  CopyFields(request.series(), fields, series);
  series.set_id(FormatId("ser", key.id));
  *series.mutable_create_time() = ToProto(app_.clock().Now());
  if (valid.ok()) {
    MO_RETURN_IF_ERROR(check_.SetTimeZone(caller, *series.mutable_schedule()));
    valid = Arm(series);
  }
  return database_.Once<v1::Series>(caller, request,
                                    [&](storage::Transaction& tx) -> absl::StatusOr<v1::Series> {
                                      MO_RETURN_IF_ERROR(valid);
                                      MO_RETURN_IF_ERROR(InsertSeries(tx, key, series));
                                      MO_RETURN_IF_ERROR(Publish(tx, outbox_, key, series));
                                      return series;
                                    });
}

absl::StatusOr<v1::Series> Series::Get(const Caller& caller, const v1::GetSeriesRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectSeries(tx, {caller.account_id, IdOf(request.id())});
  });
}

absl::StatusOr<v1::ListSeriesResponse> Series::List(const Caller& caller,
                                                    const v1::ListSeriesRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Series> page,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectSeriesPage(tx, before, size + 1);
                      }));
  v1::ListSeriesResponse response;
  if (page.size() > static_cast<size_t>(size)) {
    page.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(page.back().id())));
  }
  for (v1::Series& series : page) *response.add_series() = std::move(series);
  return response;
}

absl::StatusOr<v1::Series> Series::Update(const Caller& caller,
                                          const v1::UpdateSeriesRequest& request) {
  v1::Series wanted = request.series();
  const SeriesKey key{caller.account_id, IdOf(wanted.id())};
  if (key.id == 0) return InvalidField("series.id", "REQUIRED", "must not be empty");
  MO_ASSIGN_OR_RETURN(const Fields fields,
                      FieldsToUpdate(wanted, request.update_mask(), SeriesFields()));
  // What is right by itself is found before the transaction, for other services are asked; how the
  // times suit one another, inside.
  Problems problems;
  MO_RETURN_IF_ERROR(check_.Fields(caller, wanted, fields, problems));
  const absl::Status valid = problems.ToStatus();
  if (valid.ok() && fields.count("schedule") != 0) {
    MO_RETURN_IF_ERROR(check_.SetTimeZone(caller, *wanted.mutable_schedule()));
  }
  return database_.Once<v1::Series>(caller, request,
                                    [&](storage::Transaction& tx) -> absl::StatusOr<v1::Series> {
                                      MO_ASSIGN_OR_RETURN(v1::Series series, LockSeries(tx, key));
                                      MO_RETURN_IF_ERROR(CheckEtag(wanted.etag(), series.etag()));
                                      MO_RETURN_IF_ERROR(valid);
                                      const bool rearm = ChangeTimes(fields);
                                      if (rearm) {
                                        MO_RETURN_IF_ERROR(occurrences_.Withdraw(tx, key, series));
                                      }
                                      CopyFields(wanted, fields, series);
                                      Problems of_times;
                                      check_.Times(series, fields, of_times);
                                      MO_RETURN_IF_ERROR(of_times.ToStatus());
                                      if (rearm) MO_RETURN_IF_ERROR(Arm(series));
                                      MO_RETURN_IF_ERROR(Save(tx, key, series));
                                      return series;
                                    });
}

absl::StatusOr<google::protobuf::Empty> Series::Delete(const Caller& caller,
                                                       const v1::DeleteSeriesRequest& request) {
  const SeriesKey key{caller.account_id, IdOf(request.id())};
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_ASSIGN_OR_RETURN(v1::Series series, LockSeries(tx, key));
        MO_RETURN_IF_ERROR(occurrences_.Withdraw(tx, key, series));
        DeleteSeries(tx, key);
        MO_RETURN_IF_ERROR(Publish(tx, outbox_, key, series, /*deleted=*/true));
        return google::protobuf::Empty();
      });
}

absl::StatusOr<v1::Series> Series::Steer(const Caller& caller,
                                         const google::protobuf::Message& request,
                                         const std::string& id, const Change& change) {
  const SeriesKey key{caller.account_id, IdOf(id)};
  return database_.Once<v1::Series>(caller, request,
                                    [&](storage::Transaction& tx) -> absl::StatusOr<v1::Series> {
                                      MO_ASSIGN_OR_RETURN(v1::Series series, LockSeries(tx, key));
                                      if (series.state() == v1::SERIES_STATE_ENDED)
                                        return SeriesEnded();
                                      MO_ASSIGN_OR_RETURN(const bool changed, change(tx, series));
                                      if (changed) MO_RETURN_IF_ERROR(Save(tx, key, series));
                                      return series;
                                    });
}

absl::StatusOr<v1::Series> Series::Pause(const Caller& caller,
                                         const v1::PauseSeriesRequest& request) {
  const SeriesKey key{caller.account_id, IdOf(request.id())};
  return Steer(caller, request, request.id(),
               [&](storage::Transaction& tx, v1::Series& series) -> absl::StatusOr<bool> {
                 if (series.state() == v1::SERIES_STATE_PAUSED) return false;
                 MO_RETURN_IF_ERROR(occurrences_.Withdraw(tx, key, series));
                 // That may have been the last one.
                 if (series.state() == v1::SERIES_STATE_ENDED) return true;
                 series.set_state(v1::SERIES_STATE_PAUSED);
                 series.clear_next_time();
                 return true;
               });
}

absl::StatusOr<v1::Series> Series::Resume(const Caller& caller,
                                          const v1::ResumeSeriesRequest& request) {
  return Steer(caller, request, request.id(),
               [&](storage::Transaction&, v1::Series& series) -> absl::StatusOr<bool> {
                 if (series.state() != v1::SERIES_STATE_PAUSED) return false;
                 MO_ASSIGN_OR_RETURN(const std::optional<absl::Time> next, Upcoming(series));
                 series.set_state(next ? v1::SERIES_STATE_ACTIVE : v1::SERIES_STATE_ENDED);
                 if (next) *series.mutable_next_time() = ToProto(*next);
                 return true;
               });
}

absl::Status Series::Save(storage::Transaction& tx, SeriesKey key, v1::Series& series) {
  MO_RETURN_IF_ERROR(UpdateSeries(tx, key, series));
  return Publish(tx, outbox_, key, series);
}

// Another process' clock may be ahead of this one.
absl::StatusOr<std::optional<absl::Time>> Series::Upcoming(const v1::Series& series) const {
  return NextOccurrence(series, std::max(app_.clock().Now(), FromProto(series.last_time())));
}

absl::Status Series::Arm(v1::Series& series) const {
  MO_ASSIGN_OR_RETURN(const std::optional<absl::Time> next, Upcoming(series));
  if (!next) {
    const bool used_up =
        series.max_occurrences() > 0 && series.occurrences() >= series.max_occurrences();
    return InvalidField(used_up ? "series.max_occurrences" : "series.end_time", "NO_OCCURRENCE",
                        used_up ? "the series has had as many occurrences"
                                : "the schedule has no occurrence up to then");
  }
  if (series.state() == v1::SERIES_STATE_PAUSED) return absl::OkStatus();
  series.set_state(v1::SERIES_STATE_ACTIVE);
  *series.mutable_next_time() = ToProto(*next);
  return absl::OkStatus();
}

}  // namespace mo::channels

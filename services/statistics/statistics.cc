#include "services/statistics/statistics.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "services/statistics/store.h"

namespace mo::statistics {
namespace {

constexpr int64_t kHour = 3600;  // seconds
constexpr int64_t kMaxIntervals = 1000;
constexpr absl::Duration kDefaultLength = absl::Hours(24 * 30);
// The years 1 to 9999, as in google.protobuf.Timestamp.
constexpr int64_t kFirstSecond = -62135596800;
constexpr int64_t kLastSecond = 253402300799;

// Unlike mo::FromProto it takes 1970-01-01 as a time.
absl::Time TimeOf(const google::protobuf::Timestamp& time, const char* field, Problems& problems) {
  if (time.seconds() < kFirstSecond || time.seconds() > kLastSecond || time.nanos() < 0 ||
      time.nanos() > 999999999) {
    problems.Add(field, "OUT_OF_RANGE", "must be a time of the years 1 to 9999");
    return absl::UnixEpoch();
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// The latest beginning of an interval that is not after the time.
absl::Time Floor(absl::Time time, int64_t step) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return absl::FromUnixSeconds(seconds - ((seconds % step) + step) % step);
}

// The period that a request asks for, or what is wrong with it.
template <class Request>
absl::StatusOr<Period> PeriodOf(const Request& request, absl::Time now) {
  Problems problems;
  Period period;
  period.hours = request.step() == v1::STEP_HOUR ? 1 : 24;
  period.to = request.has_to() ? TimeOf(request.to(), "to", problems) : now;
  period.from =
      request.has_from() ? TimeOf(request.from(), "from", problems) : period.to - kDefaultLength;
  MO_RETURN_IF_ERROR(problems.ToStatus());
  if (period.from >= period.to) return InvalidField("from", "OUT_OF_RANGE", "must be before to");
  period.from = Floor(period.from, kHour * period.hours);
  if (period.to - period.from > kMaxIntervals * absl::Hours(period.hours)) {
    return InvalidField("from", "TOO_MANY_INTERVALS",
                        absl::StrCat("at most ", kMaxIntervals, " intervals up to to"));
  }
  return period;
}

// The interval of a count: the last one, or a new one behind it, as counts come in their order.
template <class Interval>
Interval& IntervalAt(google::protobuf::RepeatedPtrField<Interval>& intervals, absl::Time start) {
  const auto time = ToProto(start);
  if (intervals.empty() || intervals.rbegin()->start_time().seconds() != time.seconds()) {
    *intervals.Add()->mutable_start_time() = time;
  }
  return *intervals.rbegin();
}

void Set(v1::SubscriberInterval& interval, const Count& count) {
  switch (count.metric) {
    case Metric::kRegistered:
      return interval.set_registered(count.value);
    case Metric::kActivated:
      return interval.set_activated(count.value);
    case Metric::kStopped:
      return interval.set_stopped(count.value);
    case Metric::kSubscribed:
      return interval.set_subscribed(count.value);
    case Metric::kUnsubscribed:
      return interval.set_unsubscribed(count.value);
    default:
      return;
  }
}

void Set(v1::TrafficInterval& interval, const Count& count) {
  if (count.metric == Metric::kReceived) interval.set_received(count.value);
  if (count.metric == Metric::kCreated) interval.set_created(count.value);
}

template <class Response, class Request>
absl::StatusOr<Response> Answer(storage::Database& database, const Caller& caller,
                                const Request& request, absl::Time now,
                                const std::vector<Metric>& metrics) {
  MO_ASSIGN_OR_RETURN(const Period period, PeriodOf(request, now));
  MO_ASSIGN_OR_RETURN(const std::vector<Count> counts,
                      database.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectCounts(tx, period, metrics);
                      }));
  Response response;
  for (const Count& count : counts)
    Set(IntervalAt(*response.mutable_intervals(), count.start), count);
  return response;
}

}  // namespace

absl::StatusOr<v1::GetSubscribersResponse> Statistics::GetSubscribers(
    const Caller& caller, const v1::GetSubscribersRequest& request) {
  return Answer<v1::GetSubscribersResponse>(
      database_, caller, request, app_.clock().Now(),
      {Metric::kRegistered, Metric::kActivated, Metric::kStopped, Metric::kSubscribed,
       Metric::kUnsubscribed});
}

absl::StatusOr<v1::GetTrafficResponse> Statistics::GetTraffic(
    const Caller& caller, const v1::GetTrafficRequest& request) {
  return Answer<v1::GetTrafficResponse>(database_, caller, request, app_.clock().Now(),
                                        {Metric::kReceived, Metric::kCreated});
}

}  // namespace mo::statistics

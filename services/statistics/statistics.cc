#include "services/statistics/statistics.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "services/statistics/table.h"
#include "services/statistics/usage.h"

namespace mo::statistics {
namespace {

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

template <class Request>
absl::StatusOr<Asked> AskedTime(const Request& request) {
  Problems problems;
  Asked asked;
  if (request.has_from()) asked.from = TimeOf(request.from(), "from", problems);
  if (request.has_to()) asked.to = TimeOf(request.to(), "to", problems);
  MO_RETURN_IF_ERROR(problems.ToStatus());
  return asked;
}

absl::TimeZone ZoneOf(const v1::DownloadStatisticsRequest& request) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!request.time_zone().empty()) absl::LoadTimeZone(request.time_zone(), &zone);
  return zone;
}

int64_t NumberOf(const std::string& id) { return id.empty() ? 0 : IdOf(id); }

absl::StatusOr<Query> QueryOf(const Report& report, const v1::DownloadStatisticsRequest& request) {
  Problems problems;
  auto check = [&](bool asked, v1::GroupBy part, const char* field) {
    if (asked && !report.Has(part)) {
      problems.Add(field, "NOT_AVAILABLE",
                   absl::StrCat("the statistic \"", report.name, "\" is not kept apart by it"));
    }
  };
  check(request.group_by() != v1::GROUP_BY_UNSPECIFIED, request.group_by(), "group_by");
  check(!request.sim_id().empty(), v1::GROUP_BY_SIM, "sim_id");
  check(!request.channel_id().empty(), v1::GROUP_BY_CHANNEL, "channel_id");
  check(!request.broadcast_id().empty(), v1::GROUP_BY_BROADCAST, "broadcast_id");
  check(!request.link_id().empty(), v1::GROUP_BY_LINK, "link_id");
  check(request.network() != 0, v1::GROUP_BY_NETWORK, "network");
  MO_RETURN_IF_ERROR(problems.ToStatus());
  Query query;
  query.group_by = request.group_by();
  query.filter = {NumberOf(request.sim_id()), NumberOf(request.channel_id()),
                  NumberOf(request.broadcast_id()), NumberOf(request.link_id()), request.network()};
  query.metrics = report.Metrics(/*levels=*/false, query.group_by);
  const std::vector<Metric> levels = report.Metrics(/*levels=*/true, query.group_by);
  query.metrics.insert(query.metrics.end(), levels.begin(), levels.end());
  // Deliveries have no link.
  const bool by_broadcast =
      query.group_by == v1::GROUP_BY_BROADCAST || query.filter.broadcast_id != 0;
  query.of_broadcasts = report.Has(v1::GROUP_BY_LINK) && query.group_by == v1::GROUP_BY_BROADCAST;
  if (report.Has(v1::GROUP_BY_LINK) && (!by_broadcast || query.filter.link_id != 0)) {
    query.metrics.erase(std::remove(query.metrics.begin(), query.metrics.end(), Metric::kDelivered),
                        query.metrics.end());
  }
  return query;
}

absl::StatusOr<Table> Read(storage::Transaction& tx, const Report& report, const Query& query,
                           const Period& period) {
  MO_ASSIGN_OR_RETURN(const std::vector<Sum> sums, SelectSums(tx, query, period));
  Query levels = query;
  levels.metrics = report.Metrics(/*levels=*/true, query.group_by);
  std::vector<Sum> before;
  if (!levels.metrics.empty()) {
    MO_ASSIGN_OR_RETURN(before, SelectSumsBefore(tx, levels, period.from()));
  }
  Table table(report, query.group_by, period);
  table.Add(sums, before);
  return table;
}

google::protobuf::Message& Part(google::protobuf::Message& response, const char* field) {
  return *response.GetReflection()->MutableMessage(
      &response, response.GetDescriptor()->FindFieldByName(field));
}

// Fills an answer's lines and their total.
absl::Status Answered(storage::Transaction& tx, const Report& report, const Query& query,
                      const Period& period, const char* lines, const char* total,
                      google::protobuf::Message& response) {
  MO_ASSIGN_OR_RETURN(const Table table, Read(tx, report, query, period));
  MO_RETURN_IF_ERROR(table.Fill(response, lines));
  if (query.group_by != v1::GROUP_BY_CHANNEL) {
    table.FillTotal(Part(response, total));
    return absl::OkStatus();
  }
  // A broadcast to two channels is in two lines, but was sent once.
  Query whole = query;
  whole.group_by = v1::GROUP_BY_UNSPECIFIED;
  MO_ASSIGN_OR_RETURN(const Table once, Read(tx, report, whole, period));
  once.FillTotal(Part(response, total));
  return absl::OkStatus();
}

// The response of a statistic, by its name.
std::unique_ptr<google::protobuf::Message> ResponseOf(absl::string_view report) {
  std::unique_ptr<google::protobuf::Message> response;
  if (report == "subscribers") response = std::make_unique<v1::GetSubscribersResponse>();
  if (report == "traffic") response = std::make_unique<v1::GetTrafficResponse>();
  if (report == "signups") response = std::make_unique<v1::GetSignupsResponse>();
  if (report == "deliveries") response = std::make_unique<v1::GetDeliveriesResponse>();
  if (report == "occupancy") response = std::make_unique<v1::GetOccupancyResponse>();
  if (report == "channels") response = std::make_unique<v1::GetChannelNumbersResponse>();
  if (report == "clicks") response = std::make_unique<v1::GetClicksResponse>();
  if (report == "answers") response = std::make_unique<v1::GetAnswersResponse>();
  return response;
}

}  // namespace

absl::Status Statistics::Answer(const Report& report, const Caller& caller,
                                const v1::DownloadStatisticsRequest& request,
                                google::protobuf::Message& response) {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(Asked asked, AskedTime(request));
  asked.step = request.step();
  asked.zone = ZoneOf(request);
  MO_ASSIGN_OR_RETURN(const Query query, QueryOf(report, request));
  MO_ASSIGN_OR_RETURN(const Period period, PeriodOf(asked, now));
  if (!Keeps(CubeOf(query), period.resolution)) {
    return InvalidField("step", "NOT_AVAILABLE",
                        "minutes are not kept apart by SIM and network: ask for hours");
  }
  Period before;
  if (request.compare()) {
    MO_ASSIGN_OR_RETURN(before, PeriodBefore(period, asked, now));
  }
  return database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
    MO_RETURN_IF_ERROR(Answered(tx, report, query, period, "intervals", "total", response));
    if (!request.compare()) return absl::OkStatus();
    return Answered(tx, report, query, before, "previous_intervals", "previous_total", response);
  });
}

absl::StatusOr<v1::GetUsageResponse> Statistics::GetUsage(const Caller& caller,
                                                          const v1::GetUsageRequest& request) {
  MO_ASSIGN_OR_RETURN(Asked asked, AskedTime(request));
  MO_ASSIGN_OR_RETURN(const Period months, MonthsOf(asked, app_.clock().Now()));
  return database_.As(caller.account_id,
                      [&](storage::Transaction& tx) { return SelectUsage(tx, months); });
}

absl::StatusOr<google::api::HttpBody> Statistics::Download(
    const Caller& caller, const v1::DownloadStatisticsRequest& request) {
  google::api::HttpBody file;
  file.set_content_type("text/csv; charset=utf-8");
  if (request.report() == "usage") {
    v1::GetUsageRequest usage;
    if (request.has_from()) *usage.mutable_from() = request.from();
    if (request.has_to()) *usage.mutable_to() = request.to();
    MO_ASSIGN_OR_RETURN(const v1::GetUsageResponse response, GetUsage(caller, usage));
    file.set_data(UsageCsv(response));
    return file;
  }
  const std::unique_ptr<google::protobuf::Message> response = ResponseOf(request.report());
  if (response == nullptr) return InvalidField("report", "UNKNOWN_VALUE", "is no statistic");
  MO_RETURN_IF_ERROR(Answer(*FindReport(request.report()), caller, request, *response));
  file.set_data(CsvOf(*response, ZoneOf(request)));
  return file;
}

}  // namespace mo::statistics

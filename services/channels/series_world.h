// What the tests of series share.
#pragma once

#include <string>
#include <vector>

#include "libs/testing/clock.h"
#include "messageorganizer/channels/v1/series.grpc.pb.h"
#include "services/channels/broadcast_world.h"
#include "services/channels/series_worker.h"

namespace mo::channels {

// Outlives what runs by its clock, which begins on Thursday, 2026-01-15 at 12:00 UTC.
struct SeriesClock {
  testing::FakeClock clock;
};

// A stepwise world with a clock that stands, and series.
struct SeriesWorld : SeriesClock, BroadcastWorld {
  using Stub = v1::SeriesService::Stub;

  SeriesWorld() : BroadcastWorld(/*stepwise=*/true, &clock), client(env.app()) {}

  static absl::Time At(const std::string& text) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) throw std::runtime_error(error);
    return time;
  }
  static std::string Text(const google::protobuf::Timestamp& time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromProto(time), absl::UTCTimeZone());
  }

  // Every day at 18:00 UTC to one contact.
  v1::Series Daily() {
    if (contact.empty()) contact = Contacts(1)[0];
    v1::Series series;
    series.set_display_name("Evening news");
    series.mutable_content()->mutable_text()->set_body("Good evening");
    series.mutable_audience()->add_contacts(contact);
    for (int day = v1::WEEKDAY_MONDAY; day <= v1::WEEKDAY_SUNDAY; ++day) {
      series.mutable_schedule()->add_weekdays(static_cast<v1::Weekday>(day));
    }
    series.mutable_schedule()->set_time_of_day("18:00");
    series.mutable_schedule()->set_time_zone("UTC");
    return series;
  }
  absl::StatusOr<v1::Series> TryCreate(const v1::Series& series) {
    v1::CreateSeriesRequest request;
    *request.mutable_series() = series;
    return client.Call(&Stub::CreateSeries, caller(), request);
  }
  v1::Series CreateSeries(const v1::Series& series) { return Must(TryCreate(series)); }
  v1::Series GetSeries(const std::string& id) {
    v1::GetSeriesRequest request;
    request.set_id(id);
    return Must(client.Call(&Stub::GetSeries, caller(), request));
  }
  absl::StatusOr<v1::Series> Update(const v1::Series& series,
                                    const std::vector<std::string>& mask = {}) {
    v1::UpdateSeriesRequest request;
    *request.mutable_series() = series;
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    return client.Call(&Stub::UpdateSeries, caller(), request);
  }
  absl::StatusOr<v1::Series> PauseSeries(const std::string& id) {
    v1::PauseSeriesRequest request;
    request.set_id(id);
    return client.Call(&Stub::PauseSeries, caller(), request);
  }
  absl::StatusOr<v1::Series> ResumeSeries(const std::string& id) {
    v1::ResumeSeriesRequest request;
    request.set_id(id);
    return client.Call(&Stub::ResumeSeries, caller(), request);
  }
  absl::Status DeleteSeries(const std::string& id) {
    v1::DeleteSeriesRequest request;
    request.set_id(id);
    return client.Call(&Stub::DeleteSeries, caller(), request).status();
  }
  // Lets what is due happen, up to the broadcasts' beginning.
  void Settle() {
    for (;;) {
      auto more = workers().series.RunOnce();
      if (!more.ok()) throw std::runtime_error(std::string(more.status().message()));
      if (!*more) break;
    }
    Expand();
  }
  // A series' broadcasts, oldest first.
  std::vector<v1::Broadcast> BroadcastsOf(const std::string& id) {
    v1::ListBroadcastsRequest request;
    request.set_series_id(id);
    request.set_page_size(1000);
    const auto listed =
        Must(broadcasts.Call(&v1::BroadcastService::Stub::ListBroadcasts, caller(), request));
    return {listed.broadcasts().rbegin(), listed.broadcasts().rend()};
  }
  // Their times and states, e.g. "2026-01-15T18:00:00Z MISSED".
  std::vector<std::string> TimesOf(const std::string& id) {
    std::vector<std::string> times;
    for (const v1::Broadcast& broadcast : BroadcastsOf(id)) {
      times.push_back(absl::StrCat(
          Text(broadcast.send_time()), " ",
          v1::BroadcastState_Name(broadcast.state()).substr(strlen("BROADCAST_STATE_"))));
    }
    return times;
  }
  template <class T>
  static T Must(absl::StatusOr<T> result) {
    if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
    return *std::move(result);
  }

  Client<v1::SeriesService> client;
  std::string contact;
};

}  // namespace mo::channels

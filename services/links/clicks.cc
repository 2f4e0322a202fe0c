#include "services/links/clicks.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/links/click_store.h"
#include "services/links/errors.h"
#include "services/links/store.h"

namespace mo::links {
namespace {

constexpr absl::Duration kDefaultSpan = absl::Hours(30 * 24);
constexpr int64_t kMaxIntervals = 1000;

// The asked time; whole hours, which is what is kept.
struct Span {
  absl::Time from, to;
  std::string unit;
};

absl::StatusOr<Span> SpanOf(const v1::GetLinkStatisticsRequest& request, absl::Time now) {
  Span span;
  span.to = request.has_to() ? FromProto(request.to()) : now;
  span.from = request.has_from() ? FromProto(request.from()) : span.to - kDefaultSpan;
  const bool hours = request.step() == v1::CLICK_STEP_HOUR;
  span.unit = hours ? "hour" : "day";
  if (span.from >= span.to) return InvalidField("to", "BEFORE_FROM", "must be after from");
  const absl::Duration step = hours ? absl::Hours(1) : absl::Hours(24);
  if ((span.to - span.from) / step > kMaxIntervals)
    return InvalidField("step", "TOO_MANY", absl::StrCat("at most ", kMaxIntervals, " intervals"));
  span.from = absl::FromUnixSeconds(absl::ToUnixSeconds(span.from) / 3600 * 3600);
  return span;
}

}  // namespace

absl::StatusOr<v1::LinkStatistics> Clicks::Statistics(const Caller& caller,
                                                      const v1::GetLinkStatisticsRequest& request) {
  MO_ASSIGN_OR_RETURN(const Span span, SpanOf(request, app_.clock().Now()));
  const int64_t id = IdOf(request.id());
  return database_.As(caller.account_id,
                      [&](storage::Transaction& tx) -> absl::StatusOr<v1::LinkStatistics> {
                        MO_RETURN_IF_ERROR(SelectLink(tx, id).status());
                        v1::LinkStatistics statistics;
                        MO_ASSIGN_OR_RETURN(*statistics.mutable_total(), SelectTotal(tx, id));
                        MO_ASSIGN_OR_RETURN(std::vector<v1::ClickInterval> intervals,
                                            SelectIntervals(tx, id, span.from, span.to, span.unit));
                        for (v1::ClickInterval& interval : intervals)
                          *statistics.add_intervals() = std::move(interval);
                        return statistics;
                      });
}

absl::StatusOr<v1::ListClicksResponse> Clicks::List(const Caller& caller,
                                                    const v1::ListClicksRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  const int64_t id = IdOf(request.id());
  return database_.As(
      caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<v1::ListClicksResponse> {
        MO_RETURN_IF_ERROR(SelectLink(tx, id).status());
        MO_ASSIGN_OR_RETURN(auto clicks, SelectClicks(tx, ClicksOf::kLink, id, before, size + 1));
        v1::ListClicksResponse response;
        if (clicks.size() > static_cast<size_t>(size)) {
          clicks.pop_back();
          response.set_next_page_token(storage::PageToken(clicks.back().first));
        }
        for (auto& [key, click] : clicks)
          *response.add_clicks() = std::move(*click.mutable_click());
        return response;
      });
}

absl::StatusOr<v1::ListContactClicksResponse> Clicks::ListOfContact(
    const Caller& caller, const v1::ListContactClicksRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(auto clicks, database_.ReadAs(caller.account_id, [&](auto& tx) {
    return SelectClicks(tx, ClicksOf::kContact,
                        request.contact_id().empty() ? 0 : IdOf(request.contact_id()), before,
                        size + 1);
  }));
  v1::ListContactClicksResponse response;
  if (clicks.size() > static_cast<size_t>(size)) {
    clicks.pop_back();
    response.set_next_page_token(storage::PageToken(clicks.back().first));
  }
  for (auto& [key, click] : clicks) *response.add_clicks() = std::move(click);
  return response;
}

}  // namespace mo::links

#include "services/statistics/metric.h"

namespace mo::statistics {

const char* NameOf(Metric metric) {
  switch (metric) {
    case Metric::kRegistered:
      return "registered";
    case Metric::kActivated:
      return "activated";
    case Metric::kStopped:
      return "stopped";
    case Metric::kSubscribed:
      return "subscribed";
    case Metric::kUnsubscribed:
      return "unsubscribed";
    case Metric::kReceived:
      return "received";
    case Metric::kCreated:
      return "created";
    case Metric::kActive:
      return "active";
    case Metric::kNewInMonth:
      return "new_in_month";
    case Metric::kSubmitted:
      return "submitted";
    case Metric::kSent:
      return "sent";
    case Metric::kDelivered:
      return "delivered";
    case Metric::kRead:
      return "read";
    case Metric::kFailed:
      return "failed";
    case Metric::kSkipped:
      return "skipped";
    case Metric::kUncertain:
      return "uncertain";
    case Metric::kDeliveredSeconds:
      return "delivered_seconds";
    case Metric::kDeliveredAges:
      return "delivered_ages";
    case Metric::kReadSeconds:
      return "read_seconds";
    case Metric::kReadAges:
      return "read_ages";
    case Metric::kAnswered:
      return "answered";
    case Metric::kAnsweredSeconds:
      return "answered_seconds";
    case Metric::kAnsweredAges:
      return "answered_ages";
    case Metric::kOccupancy:
      return "occupancy";
    case Metric::kCapacity:
      return "capacity";
    case Metric::kClicks:
      return "clicks";
    case Metric::kBotClicks:
      return "bot_clicks";
    case Metric::kUniqueClicks:
      return "unique_clicks";
  }
  return "unknown";
}

}  // namespace mo::statistics

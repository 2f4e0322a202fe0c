#include "services/inbox/timeline.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"

namespace mo::inbox {
namespace {

v1::Message ToMessage(const messageorganizer::sims::v1::Delivery& delivery) {
  v1::Message message;
  message.set_id(delivery.id());
  message.set_contact_id(delivery.contact_id());
  message.set_sim_id(delivery.sim_id());
  message.set_direction(v1::DIRECTION_OUTBOUND);
  *message.mutable_content() = delivery.content();
  message.set_state(delivery.state());
  message.set_reason(delivery.reason());
  *message.mutable_create_time() = delivery.create_time();
  message.set_origin(v1::ORIGIN_BROADCAST);
  message.set_broadcast_id(delivery.group());
  return message;
}

// "<µs> <id>\n<done>\n<ledger's token>\n<delivery>"; µs is "-" before the first own message.
std::string TokenOf(const TimelinePosition& position) {
  const std::string own = position.own.time == absl::InfiniteFuture()
                              ? "-"
                              : absl::StrCat(absl::ToUnixMicros(position.own.time));
  return storage::PageToken(
      absl::StrCat(own, " ", position.own.id, "\n", position.broadcasts.done ? "1" : "0", "\n",
                   position.broadcasts.page_token, "\n", position.broadcasts.last_delivery));
}

}  // namespace

absl::StatusOr<TimelinePosition> TimelinePositionOf(const std::string& token) {
  TimelinePosition position;
  if (token.empty()) return position;
  MO_ASSIGN_OR_RETURN(const std::string key, storage::PageKey(token));
  const std::vector<std::string> lines = absl::StrSplit(key, '\n');
  const std::vector<std::string> own = absl::StrSplit(lines[0], ' ');
  int64_t micros = 0;
  if (lines.size() != 4 || own.size() != 2 || !absl::SimpleAtoi(own[1], &position.own.id) ||
      (own[0] != "-" && !absl::SimpleAtoi(own[0], &micros))) {
    return InvalidField("page_token", "BAD_FORMAT", "must be the next_page_token of a former list");
  }
  if (own[0] != "-") position.own.time = absl::FromUnixMicros(micros);
  position.broadcasts = {lines[2], lines[3], lines[1] == "1"};
  return position;
}

v1::ListTimelineResponse MergeTimeline(const std::vector<v1::Message>& own,
                                       const std::vector<PlacedDelivery>& broadcasts,
                                       TimelinePosition position, int32_t size) {
  v1::ListTimelineResponse response;
  size_t messages = 0;
  size_t deliveries = 0;
  while (response.messages_size() < size) {
    const bool have_own = messages < own.size();
    const bool have_broadcast = deliveries < broadcasts.size();
    if (!have_own && !have_broadcast) break;
    if (have_own &&
        (!have_broadcast ||
         TimeOf(own[messages]) >= FromProto(broadcasts[deliveries].delivery.create_time()))) {
      const v1::Message& message = own[messages++];
      position.own = {TimeOf(message), IdOf(message.id())};
      *response.add_messages() = message;
    } else {
      const PlacedDelivery& placed = broadcasts[deliveries++];
      position.broadcasts = placed.after;
      *response.add_messages() = ToMessage(placed.delivery);
    }
  }
  const bool broadcasts_left = deliveries < broadcasts.size();
  // Spares the next call the question where the answer is known.
  position.broadcasts.done = !broadcasts_left;
  if (messages < own.size() || broadcasts_left) response.set_next_page_token(TokenOf(position));
  return response;
}

}  // namespace mo::inbox

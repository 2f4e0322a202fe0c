// What a broadcast must be, beyond the limits in its proto.
#pragma once

#include <set>
#include <string>

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "libs/storage/database.h"
#include "libs/tracking/tracker.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"

namespace mo::channels {

namespace common = messageorganizer::common::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;
namespace v1 = messageorganizer::channels::v1;

// Checks what clients ask for. Fields are named from `path` on: "" or "broadcast.".
class BroadcastCheck {
 public:
  BroadcastCheck(App& app, storage::Database& database)
      : app_(app), database_(database), contacts_(app), media_(app), tracker_(app) {}

  // All of a broadcast's request: content, audience, and times. INVALID_ARGUMENT with all problems.
  template <class Request>
  absl::Status All(const Caller& caller, const Request& request) {
    Problems problems;
    MO_RETURN_IF_ERROR(Content(caller, request.content(), "", problems));
    Times(WantedOf(request), "", problems);
    QuietHours(WantedOf(request), "", problems);
    MO_RETURN_IF_ERROR(Tracking(caller, WantedOf(request), "", problems));
    MO_RETURN_IF_ERROR(Audience(caller, request.audience(), "", problems));
    return problems.ToStatus();
  }
  // The fields that a broadcast's request has, as a broadcast.
  template <class Request>
  static v1::Broadcast WantedOf(const Request& request) {
    v1::Broadcast wanted;
    *wanted.mutable_content() = request.content();
    *wanted.mutable_audience() = request.audience();
    if (request.has_send_time()) *wanted.mutable_send_time() = request.send_time();
    if (request.has_expire_time()) *wanted.mutable_expire_time() = request.expire_time();
    if (request.has_quiet_hours()) *wanted.mutable_quiet_hours() = request.quiet_hours();
    wanted.set_ignore_quiet_hours(request.ignore_quiet_hours());
    if constexpr (requires { request.track_links(); })
      wanted.set_track_links(request.track_links());
    if constexpr (requires { request.link_utm(); })
      if (request.has_link_utm()) *wanted.mutable_link_utm() = request.link_utm();
    return wanted;
  }

  // Content: kind, placeholders, and whether its file is the account's.
  absl::Status Content(const Caller& caller, const common::Content& content,
                       const std::string& path, Problems& problems);
  // Whether the channels and contacts are the account's.
  absl::Status Audience(const Caller& caller, const v1::Audience& audience, const std::string& path,
                        Problems& problems);
  // Adds NOT_FOUND for each contact ("con_…") of a list that the account does not have.
  absl::Status Contacts(const Caller& caller,
                        const google::protobuf::RepeatedPtrField<std::string>& contacts,
                        absl::string_view field, Problems& problems);
  // send_time in the next year, expire_time after it.
  void Times(const v1::Broadcast& broadcast, const std::string& path, Problems& problems) const;
  // Its own quiet hours, unless it ignores them.
  static void QuietHours(const v1::Broadcast& broadcast, const std::string& path,
                         Problems& problems);
  // Whether its links can be tracked, if they are to be (Tracker::Check).
  absl::Status Tracking(const Caller& caller, const v1::Broadcast& broadcast,
                        const std::string& path, Problems& problems);
  // When a broadcast with this send_time starts: then, or now.
  static absl::Time StartOf(const v1::Broadcast& broadcast, absl::Time now);

 private:
  App& app_;
  storage::Database& database_;
  Client<contacts_v1::ContactService> contacts_;
  Client<messageorganizer::media::v1::MediaService> media_;
  tracking::Tracker tracker_;
};

}  // namespace mo::channels

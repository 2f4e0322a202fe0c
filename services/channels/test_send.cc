#include "services/channels/test_send.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/channels/audience.h"
#include "services/channels/personal.h"
#include "services/channels/resolve.h"

namespace mo::channels {
namespace {

// What a broadcast to this contact alone would send to whom.
Page PageOf(const std::string& test, const common::Content& content, int64_t contact_id,
            const contacts_v1::ResolveContactsResponse& known) {
  v1::Broadcast broadcast;
  broadcast.set_id(test);
  Candidates candidates;
  candidates.ids = {contact_id};
  return MakePage(broadcast, Personal(content), Expansion(), candidates, known);
}

v1::TestDelivery Judge(const common::Content& content, int64_t contact_id,
                       const contacts_v1::ResolveContactsResponse& known) {
  const Page page = PageOf("", content, contact_id, known);
  v1::TestDelivery delivery;
  delivery.set_contact_id(FormatId("con", contact_id));
  delivery.set_state(page.after.stored ? common::DELIVERY_STATE_QUEUED
                                       : common::DELIVERY_STATE_SKIPPED);
  if (!page.after.stored) {
    delivery.set_reason(static_cast<common::DeliveryReason>(page.skipped_reasons.front()));
  }
  return delivery;
}

}  // namespace

absl::Status TestSend::Check(const Caller& caller, const v1::TestBroadcastRequest& request) {
  Problems problems;
  MO_RETURN_IF_ERROR(check_.Content(caller, request.content(), "", problems));
  MO_RETURN_IF_ERROR(check_.Contacts(caller, request.contacts(), "contacts", problems));
  return problems.ToStatus();
}

absl::StatusOr<v1::TestBroadcastResponse> TestSend::Send(const Caller& caller,
                                                         const v1::TestBroadcastRequest& request) {
  const absl::Status valid = Check(caller, request);
  std::set<int64_t> ids;
  for (const std::string& contact : request.contacts()) ids.insert(IdOf(contact));
  contacts_v1::ResolveContactsResponse known;
  if (valid.ok()) {
    MO_ASSIGN_OR_RETURN(known,
                        Resolve(contacts_, caller, std::vector<int64_t>(ids.begin(), ids.end()),
                                Personal(request.content()).parameters()));
  }
  MO_ASSIGN_OR_RETURN(
      v1::TestBroadcastResponse test,
      database_.Once<v1::TestBroadcastResponse>(
          caller, request, [&](storage::Transaction&) -> absl::StatusOr<v1::TestBroadcastResponse> {
            MO_RETURN_IF_ERROR(valid);
            v1::TestBroadcastResponse decided;
            decided.set_id(FormatId("tst", app_.ids().Next()));
            for (int64_t id : ids) *decided.add_deliveries() = Judge(request.content(), id, known);
            return decided;
          }));
  // A repeat whose request is not valid any more (a file is gone) has nothing to send it with.
  if (!valid.ok()) return test;
  for (v1::TestDelivery& delivery : *test.mutable_deliveries()) {
    if (delivery.state() != common::DELIVERY_STATE_QUEUED) continue;
    MO_RETURN_IF_ERROR(Submit(caller, test.id(), request.content(), known, delivery));
  }
  return test;
}

absl::Status TestSend::Submit(const Caller& caller, const std::string& test,
                              const common::Content& content,
                              const contacts_v1::ResolveContactsResponse& known,
                              v1::TestDelivery& delivery) {
  const Page page = PageOf(test, content, IdOf(delivery.contact_id()), known);
  // In a repeat: it has become unreachable since.
  if (!page.after.stored) return absl::OkStatus();
  v1::Broadcast broadcast;
  broadcast.set_id(test);
  *broadcast.mutable_content() = content;
  for (sims_v1::SubmitRequest& submit : RequestsOf(broadcast, *page.after.stored)) {
    for (sims_v1::Dispatch& dispatch : *submit.mutable_dispatches()) {
      dispatch.set_lane(sims_v1::LANE_INTERACTIVE);
      dispatch.set_key(absl::StrCat(test, "/", delivery.contact_id()));
    }
    const absl::Status sent =
        dispatches_.Call(&sims_v1::DispatchService::Stub::Submit, caller.WithKey(""), submit)
            .status();
    if (ReasonOf(sent) != "SIM_NOT_FOUND") {
      MO_RETURN_IF_ERROR(sent);
      continue;
    }
    delivery.set_state(common::DELIVERY_STATE_SKIPPED);
    delivery.set_reason(common::DELIVERY_REASON_NO_SIM);
  }
  return absl::OkStatus();
}

}  // namespace mo::channels

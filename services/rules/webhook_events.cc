#include "services/rules/webhook_events.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/transcode/registry.h"

namespace mo::rules {

using transcode::Registry;

namespace {

bool Fits(const std::string& filter, absl::string_view name) {
  if (filter == "*") return true;
  if (absl::EndsWith(filter, ".*"))
    return absl::StartsWith(name, absl::string_view(filter).substr(0, filter.size() - 1));
  return filter == name;
}

// An event as what is sent of it; to be numbered.
absl::StatusOr<Forward> DeliveryOf(const events::Event& event, const transcode::Event& known) {
  const auto& envelope = event.envelope;
  Forward delivery;
  delivery.account_id = envelope.account_id();
  delivery.kind = v1::FORWARD_KIND_WEBHOOK;
  delivery.request.set_type(known.name);
  *delivery.request.mutable_event_time() = envelope.time();
  MO_RETURN_IF_ERROR(Registry::Embedded().types().ToJson(known.message, envelope.payload(),
                                                         delivery.request.mutable_data()));
  return delivery;
}

}  // namespace

std::string DestinationOf(int64_t account_id, const v1::Webhook& webhook) {
  return absl::StrCat(account_id, "/", webhook.id());
}

bool IsWanted(const v1::Webhook& webhook, const std::string& event_name) {
  return std::any_of(webhook.event_types().begin(), webhook.event_types().end(),
                     [&](const std::string& filter) { return Fits(filter, event_name); });
}

bool IsEventFilter(const std::string& filter) {
  const auto& known = Registry::Embedded().events();
  return std::any_of(known.begin(), known.end(),
                     [&](const transcode::Event& event) { return Fits(filter, event.name); });
}

bool WebhookEvents::Wants(const events::Event& event) {
  if (Registry::Embedded().FindEvent(event.envelope.type()) == nullptr) return false;
  absl::MutexLock lock(&mutex_);
  return accounts_.contains(event.envelope.account_id());
}

void WebhookEvents::Watch(int64_t account_id) {
  absl::MutexLock lock(&mutex_);
  accounts_.insert(account_id);
}

absl::StatusOr<bool> WebhookEvents::Refresh() {
  MO_ASSIGN_OR_RETURN(const std::vector<int64_t> accounts,
                      database_.ReadAsSystem(SelectWebhookAccounts));
  absl::MutexLock lock(&mutex_);
  accounts_ = {accounts.begin(), accounts.end()};
  return false;
}

absl::Status WebhookEvents::Handle(storage::Transaction& tx,
                                   const std::vector<events::Event>& batch) {
  std::set<int64_t> accounts;
  for (const events::Event& event : batch) {
    if (Wants(event)) accounts.insert(event.envelope.account_id());
  }
  if (accounts.empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(std::vector<OwnedWebhook> webhooks,
                      LockWebhooks(tx, {accounts.begin(), accounts.end()}));
  const absl::Time now = app_.clock().Now();
  std::vector<Forward> deliveries;
  for (const events::Event& event : batch) {
    const transcode::Event* known = Registry::Embedded().FindEvent(event.envelope.type());
    if (known == nullptr) continue;
    std::optional<Forward> told;
    for (auto& [account_id, webhook] : webhooks) {
      if (account_id != event.envelope.account_id() || !IsWanted(webhook, known->name) ||
          FromProto(event.envelope.time()) < FromProto(webhook.create_time())) {
        continue;
      }
      if (!told) {
        MO_ASSIGN_OR_RETURN(told, DeliveryOf(event, *known));
      }
      Forward& delivery = deliveries.emplace_back(*told);
      delivery.id = app_.ids().Next();
      delivery.webhook_id = IdOf(webhook.id());
      delivery.sequence = webhook.last_sequence() + 1;
      delivery.destination = DestinationOf(account_id, webhook);
      delivery.target = webhook.url();
      delivery.next_attempt_time = delivery.create_time = now;
      delivery.expire_time = now + kKeepDeliveries;
      webhook.set_last_sequence(delivery.sequence);
    }
  }
  if (deliveries.empty()) return absl::OkStatus();
  std::set<int64_t> numbered;
  for (const Forward& delivery : deliveries) numbered.insert(delivery.webhook_id);
  for (const auto& [account_id, webhook] : webhooks) {
    if (numbered.contains(IdOf(webhook.id())))
      RaiseSequence(tx, account_id, IdOf(webhook.id()), webhook.last_sequence());
  }
  InsertForwards(tx, deliveries);
  tx.AfterCommit([this] { queue_.Kick(); });
  return absl::OkStatus();
}

}  // namespace mo::rules

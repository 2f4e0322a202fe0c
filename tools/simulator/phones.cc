#include "tools/simulator/phones.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/phone_details.h"

namespace mo::simulator {

namespace {

constexpr uint8_t kSent = 1, kDelivered = 2, kRead = 4;
constexpr uint64_t kStageSalt = 0x100;
constexpr size_t kMostUnread = 10000;

PhoneDetails& Details(Phone& phone) {
  if (!phone.details) phone.details = std::make_unique<PhoneDetails>();
  return *phone.details;
}

KeptMessage Keep(const Arriving& arriving) {
  const common::Content& content = *arriving.content;
  static const auto& none = *new google::protobuf::RepeatedPtrField<std::string>();
  const auto& parameters = arriving.parameters == nullptr ? none : *arriving.parameters;
  KeptMessage kept;
  kept.key = arriving.once;
  kept.from = std::string(arriving.sim);
  kept.at_ms = NowMs();
  if (content.has_text()) {
    kept.kind = "text";
    kept.text = RenderTemplate(content.text().body(), parameters);
  } else if (content.has_media()) {
    kept.kind = "media";
    kept.text = RenderTemplate(content.media().caption(), parameters);
    kept.url = content.media().url().empty() ? content.media().media_id() : content.media().url();
  } else if (content.has_location()) {
    kept.kind = "location";
    kept.text = content.location().name();
    kept.latitude = content.location().latitude();
    kept.longitude = content.location().longitude();
  }
  return kept;
}

void Store(PhoneDetails& details, KeptMessage message, size_t most) {
  if (most == 0) return;
  if (details.inbox.size() >= most) {
    details.inbox.erase(details.inbox.begin(), details.inbox.end() - (most - 1));
  }
  details.inbox.push_back(std::move(message));
}

// Only phones that somebody looks at remember what is unread: loads of millions must not fill the
// memory.
void StoreUnread(PhoneDetails& details, uint32_t agent, int64_t key, size_t keep_messages) {
  if (keep_messages > 0 && details.unread.size() < kMostUnread) {
    details.unread.emplace_back(agent, key);
  }
}

// The number a WhatsApp or SMS sender shows.
std::string ShownNumber(const Phone& phone) {
  const bool numbered =
      phone.network == common::NETWORK_WHATSAPP || phone.network == common::NETWORK_SMS;
  const absl::string_view address = phone.address;
  const absl::string_view digits = address.substr(absl::StartsWith(address, "+") ? 1 : 0);
  if (!numbered || digits.empty() || !absl::c_all_of(digits, absl::ascii_isdigit)) return "";
  return absl::StrCat("+", digits);
}

}  // namespace

Phone::Phone() = default;
Phone::~Phone() = default;

std::string RenderTemplate(absl::string_view text,
                           const google::protobuf::RepeatedPtrField<std::string>& parameters) {
  std::string out;
  while (true) {
    const size_t open = text.find("{{");
    const size_t close = open == text.npos ? text.npos : text.find("}}", open);
    if (close == text.npos) break;
    int index = -1;
    const absl::string_view inner = text.substr(open + 2, close - open - 2);
    if (absl::SimpleAtoi(inner, &index) && index >= 0 && index < parameters.size()) {
      absl::StrAppend(&out, text.substr(0, open), parameters[index]);
    } else {
      absl::StrAppend(&out, text.substr(0, close + 2));
    }
    text.remove_prefix(close + 2);
  }
  absl::StrAppend(&out, text);
  return out;
}

Phone* PhoneBook::AddLocked(common::Network network, const std::string& address) {
  Phone& phone = phones_.emplace_back();
  phone.address = address;
  phone.network = network;
  phone.id = static_cast<uint32_t>(phones_.size());
  index_[network][phone.address] = &phone;
  return &phone;
}

size_t PhoneBook::Create(const std::vector<PhoneSpec>& specs, bool group) {
  std::lock_guard lock(mutex_);
  size_t created = 0;
  for (const PhoneSpec& spec : specs) {
    auto it = index_[spec.network].find(spec.address);
    Phone* phone = it == index_[spec.network].end() ? nullptr : it->second;
    if (phone == nullptr) {
      phone = AddLocked(spec.network, spec.address);
      if (group) phone->flags.fetch_or(Phone::kGroup);
      ++created;
    }
    if (spec.name.empty() && spec.phone.empty()) continue;
    std::lock_guard stripe(Stripe(*phone));
    if (!spec.name.empty()) Details(*phone).name = spec.name;
    if (!spec.phone.empty()) Details(*phone).phone = spec.phone;
  }
  return created;
}

absl::StatusOr<Phone*> PhoneBook::Find(common::Network network, absl::string_view address) const {
  std::shared_lock lock(mutex_);
  auto it = index_[network].find(address);
  if (it == index_[network].end()) {
    return absl::NotFoundError(
        absl::StrCat("no phone ", address, " in ", common::Network_Name(network)));
  }
  return it->second;
}

void PhoneBook::FindAll(common::Network network, const sims::SendBatch& batch,
                        std::vector<Phone*>* phones) const {
  phones->clear();
  std::shared_lock lock(mutex_);
  const auto& index = index_[network];
  for (const sims::SendMessage& message : batch.messages()) {
    auto it = index.find(message.address());
    phones->push_back(it == index.end() ? nullptr : it->second);
  }
}

void PhoneBook::Count(Phone& phone, int64_t key) {
  phone.received.fetch_add(1);  // first: distinct never exceeds it
  if (arrived_.Insert(key, phone.id)) phone.distinct.fetch_add(1);
}

uint8_t PhoneBook::DrawStages(const ReceiptPolicy& policy, int64_t key) const {
  uint8_t stages = 0;
  for (int i = 0; i < ReceiptPolicy::kStages; ++i) {
    if (Draw(policy.probability[i], seed_, key, kStageSalt + i)) stages |= uint8_t(1 << i);
  }
  return stages;
}

Arrival PhoneBook::Arrive(Phone& phone, const Arriving& arriving, const Settings& settings) {
  Arrival arrival;
  if (settings.keep_messages == 0 && (phone.flags.load() & ~Phone::kGroup) == 0) {
    Count(phone, arriving.once);
    arrival.stages = DrawStages(settings.receipts, arriving.key);
    arrival.delay_ms = settings.receipts.delay_ms;
    return arrival;
  }
  std::lock_guard lock(Stripe(phone));
  PhoneDetails& details = Details(phone);
  if (absl::c_linear_search(details.blocked, arriving.sim)) {
    arrival.outcome = sims::SEND_OUTCOME_BLOCKED;
    return arrival;
  }
  const ReceiptPolicy& policy = details.policy ? *details.policy : settings.receipts;
  arrival.delay_ms = policy.delay_ms;
  arrival.stages = DrawStages(policy, arriving.key);
  KeptMessage kept = settings.keep_messages > 0 ? Keep(arriving) : KeptMessage();
  if (phone.flags.load() & Phone::kOffline) {
    details.waiting.push_back(
        {arriving.agent, arriving.key, arriving.once, false, arrival.stages, std::move(kept)});
    arrival.stages &= kSent;
    return arrival;
  }
  Count(phone, arriving.once);
  Store(details, std::move(kept), settings.keep_messages);
  if (!(arrival.stages & kRead)) {
    StoreUnread(details, arriving.agent, arriving.key, settings.keep_messages);
  }
  return arrival;
}

bool PhoneBook::MayRead(Phone& phone, uint32_t agent, int64_t key) {
  if (!(phone.flags.load() & Phone::kOffline)) return true;
  std::lock_guard lock(Stripe(phone));
  if (!(phone.flags.load() & Phone::kOffline)) return true;
  Details(phone).waiting.push_back({agent, key, key, true, kRead, {}});
  return false;
}

std::vector<PhoneReceipt> PhoneBook::SetOnline(Phone& phone, bool online,
                                               const Settings& settings) {
  std::vector<PhoneReceipt> receipts;
  std::lock_guard lock(Stripe(phone));
  if (!online) {
    phone.flags.fetch_or(Phone::kOffline);
    return receipts;
  }
  phone.flags.fetch_and(static_cast<uint8_t>(~Phone::kOffline));
  PhoneDetails& details = Details(phone);
  for (PhoneDetails::Waiting& waiting : std::exchange(details.waiting, {})) {
    if (!waiting.arrived) {
      Count(phone, waiting.once);
      waiting.message.at_ms = NowMs();
      Store(details, std::move(waiting.message), settings.keep_messages);
    }
    if (waiting.stages & kDelivered && !waiting.arrived) {
      receipts.push_back({waiting.agent, waiting.key, sims::RECEIPT_STATE_DELIVERED});
    }
    if (waiting.stages & kRead) {
      receipts.push_back({waiting.agent, waiting.key, sims::RECEIPT_STATE_READ});
    } else {
      StoreUnread(details, waiting.agent, waiting.key, settings.keep_messages);
    }
  }
  return receipts;
}

std::vector<PhoneReceipt> PhoneBook::MarkRead(Phone& phone) {
  std::vector<PhoneReceipt> receipts;
  std::lock_guard lock(Stripe(phone));
  if (!phone.details) return receipts;
  for (const auto& [agent, key] : std::exchange(phone.details->unread, {})) {
    receipts.push_back({agent, key, sims::RECEIPT_STATE_READ});
  }
  return receipts;
}

void PhoneBook::SetBlocked(Phone& phone, absl::string_view sim, bool blocked) {
  std::lock_guard lock(Stripe(phone));
  std::vector<std::string>& list = Details(phone).blocked;
  list.erase(std::remove(list.begin(), list.end(), sim), list.end());
  if (blocked) list.push_back(std::string(sim));
  if (list.empty()) {
    phone.flags.fetch_and(static_cast<uint8_t>(~Phone::kBlocks));
  } else {
    phone.flags.fetch_or(Phone::kBlocks);
  }
}

bool PhoneBook::Blocks(Phone& phone, absl::string_view sim) {
  std::lock_guard lock(Stripe(phone));
  return phone.details && absl::c_linear_search(phone.details->blocked, sim);
}

void PhoneBook::SetPolicy(Phone& phone, const ReceiptPolicy& policy) {
  std::lock_guard lock(Stripe(phone));
  Details(phone).policy = std::make_unique<ReceiptPolicy>(policy);
  phone.flags.fetch_or(Phone::kOwnPolicy);
}

ReceiptPolicy PhoneBook::Policy(Phone& phone, const Settings& settings) {
  std::lock_guard lock(Stripe(phone));
  return phone.details && phone.details->policy ? *phone.details->policy : settings.receipts;
}

PhoneView PhoneBook::View(Phone& phone) {
  std::lock_guard lock(Stripe(phone));
  PhoneView view;
  view.distinct = phone.distinct.load();
  view.received = phone.received.load();
  view.online = !(phone.flags.load() & Phone::kOffline);
  view.phone = ShownNumber(phone);
  if (const PhoneDetails* details = phone.details.get()) {
    view.name = details->name;
    if (!details->phone.empty()) view.phone = details->phone;
    view.blocked = details->blocked;
    view.messages = details->inbox;
    view.unread = details->unread.size();
    view.waiting = static_cast<size_t>(
        absl::c_count_if(details->waiting, [](const auto& w) { return !w.arrived; }));
  }
  return view;
}

}  // namespace mo::simulator

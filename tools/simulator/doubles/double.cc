#include "tools/simulator/doubles/double.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::simulator {

namespace {

constexpr uint64_t kThrottleSalt = 0x10, kErrorSalt = 0x20, kPlainSalt = 0x30, kResetSalt = 0x40;
constexpr size_t kCallbacksAtOnce = 32;

bool IsMeta(const DoubleSpec& spec) {
  return spec.driver == "whatsapp_cloud" || spec.driver == "messenger";
}

}  // namespace

Double::Double(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
               http::Client& client, std::string origin)
    : id_(id),
      network_(spec.network),
      address_(spec.address),
      world_(world),
      client_(client),
      origin_(std::move(origin)),
      spec_(std::move(spec)),
      settings_(settings),
      // Telegram's numbers are all that names its messages: another run must not repeat them.
      next_id_(network_ == common::NETWORK_TELEGRAM
                   ? static_cast<int64_t>(Mix(world.seed ^ id) % 900000000)
                   : 0),
      callbacks_(client, kCallbacksAtOnce, IsMeta(spec_)) {}

http::Response Double::Json(int status, std::string body) const {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json; charset=UTF-8");
  response.body = std::move(body);
  return response;
}

Phone* Double::FindPhone(absl::string_view address) const {
  const auto phone = world_.phones.Find(spec_.network, address);
  return phone.ok() ? *phone : nullptr;
}

int64_t HashText(absl::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<int64_t>(Mix(hash) >> 1);
}

int64_t KeyOfTag(absl::string_view tag) {
  int64_t key = 0;
  absl::string_view number = tag;
  if (absl::ConsumePrefix(&number, "mo:") && absl::SimpleAtoi(number, &key)) return key;
  return tag.empty() ? 0 : HashText(tag);
}

http::Response PlainAnswer(int status, absl::string_view content_type, absl::string_view body) {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", std::string(content_type));
  response.body = std::string(body);
  return response;
}

std::string ProviderCall::Query(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

void Double::Serve(ProviderCall call) {
  // Parsing is most of the work, and needs no lock.
  if (absl::StartsWithIgnoreCase(call.request.headers.Get("content-type"), "application/json")) {
    call.body = json::parse(call.request.body, nullptr, false);
  }
  http::Responder responder = call.responder;
  std::optional<http::Response> response;
  {
    std::lock_guard lock(mutex_);
    bool reset = false;
    response = Answer(call, &reset);
    if (settings_.faults.latency_ms > 0 && (response || reset)) {
      if (reset) response.reset();
      delayed_.push_back({NowMs() + settings_.faults.latency_ms, responder, std::move(response)});
      return;
    }
    if (reset) return responder.Drop();
  }
  if (response) responder.Send(*std::move(response));
}

std::optional<http::Response> Double::Answer(ProviderCall& call, bool* reset) {
  ++counts_.calls;
  if (!IsSend(call)) return Handle(call);
  if (!forced_.empty()) {
    const ForcedError error = forced_.front();
    if (--forced_.front().count <= 0) forced_.pop_front();
    ++counts_.refused;
    return Forced(error);
  }
  const ProviderFaults& faults = settings_.faults;
  const int64_t draw = static_cast<int64_t>(++draws_);
  if (Draw(faults.throttle_rate, world_.seed, draw, kThrottleSalt)) {
    ++counts_.throttled;
    return Throttled(faults.throttle_hint ? faults.throttle_retry_ms : 0);
  }
  if (Draw(faults.error_rate, world_.seed, draw, kErrorSalt)) {
    ++counts_.errors;
    return Broken(Draw(0.5, world_.seed, draw, kPlainSalt));
  }
  std::optional<http::Response> response = Handle(call);
  const bool taken = response && response->status / 100 == 2;
  if (!taken) ++counts_.refused;
  *reset = taken && Draw(faults.reset_rate, world_.seed, draw, kResetSalt);
  counts_.resets += *reset;
  return response;
}

// Where the network takes no key along, a message is known by what it says, or not at all.
int64_t Double::CountKey(const common::Content& content, int64_t id) const {
  if (settings_.count_by_content) return HashText(content.SerializeAsString());
  return static_cast<int64_t>(Mix((uint64_t{id_} << 40) ^ static_cast<uint64_t>(id)) >> 1);
}

Double::Acceptance Double::Accept(Submission submission) {
  const auto settings = world_.settings.Get();
  Phone& phone = *submission.phone;
  Acceptance acceptance;
  acceptance.id = NextId();
  const int64_t once =
      submission.once != 0 ? submission.once : CountKey(submission.content, acceptance.id);
  const Arrival arrival = world_.phones.Arrive(
      phone, {id_, spec_.address, acceptance.id, once, &submission.content, nullptr}, *settings);
  acceptance.outcome = arrival.outcome;
  ++world_.counters.messages;
  if (arrival.outcome != sims::SEND_OUTCOME_ACCEPTED) {
    ++world_.counters.refused;
    return acceptance;
  }
  ++world_.counters.accepted;
  ++counts_.accepted;
  const bool offline = phone.flags.load() & Phone::kOffline;
  const bool read = arrival.stages & (1 << (sims::RECEIPT_STATE_READ - 1));
  Open open{std::move(submission.tag), &phone, 0, 0,
            offline || (settings->keep_messages > 0 && !read)};
  if (arrival.stages == 0 && !open.kept) return acceptance;
  open_.emplace(acceptance.id, std::move(open));
  const Faults& faults = settings->faults;
  const int64_t now_ms = NowMs();
  for (int i = 0; i < ReceiptPolicy::kStages; ++i) {
    const int stage = faults.reorder_receipts ? ReceiptPolicy::kStages - 1 - i : i;
    if (!(arrival.stages & (1 << stage))) continue;
    int64_t delay = arrival.delay_ms[i];
    if (faults.late_receipts_ms > 0) {
      delay += static_cast<int64_t>(Chance(world_.seed, once, 0x300 + stage) *
                                    static_cast<double>(faults.late_receipts_ms));
    }
    const bool twice = Draw(faults.duplicate_receipt_rate, world_.seed, once, 0x200 + stage);
    Plan(acceptance.id, static_cast<sims::ReceiptState>(stage + 1), now_ms + delay, twice ? 2 : 1);
  }
  return acceptance;
}

Double::Acceptance Double::AcceptToFail(Submission submission, int code) {
  Acceptance acceptance;
  acceptance.id = NextId();
  ++counts_.refused;
  open_.emplace(acceptance.id, Open{std::move(submission.tag), submission.phone, 0, code, false});
  Plan(acceptance.id, sims::RECEIPT_STATE_FAILED, NowMs(), 1);
  return acceptance;
}

void Double::Plan(int64_t id, sims::ReceiptState state, int64_t due_ms, int copies) {
  const auto open = open_.find(id);
  if (open == open_.end()) return;
  open->second.pending += copies;
  for (int copy = 0; copy < copies; ++copy) later_.push({due_ms, ++order_, id, state});
}

void Double::Settle(int64_t now_ms) {
  if (later_.empty() || later_.top().due_ms > now_ms) return;
  const bool keeps = world_.settings.Get()->keep_messages > 0;
  std::vector<Status> due;
  std::vector<int64_t> over;
  while (!later_.empty() && later_.top().due_ms <= now_ms) {
    const Later later = later_.top();
    later_.pop();
    Open& open = open_.find(later.id)->second;
    --open.pending;
    if (later.state == sims::RECEIPT_STATE_READ &&
        !world_.phones.MayRead(*open.phone, id_, later.id)) {
      open.kept = true;  // read when the phone is back
      continue;
    }
    due.push_back({later.id, &open.tag, open.phone, later.state, open.code, later.due_ms});
    if (later.state == sims::RECEIPT_STATE_READ ||
        (later.state == sims::RECEIPT_STATE_DELIVERED && !keeps)) {
      open.kept = false;
    }
    if (open.pending == 0 && !open.kept) over.push_back(later.id);
  }
  counts_.receipts += static_cast<int64_t>(due.size());
  world_.counters.receipts_sent += static_cast<int64_t>(due.size());
  if (!due.empty()) OnStatuses(due);
  for (const int64_t id : over) open_.erase(id);
}

void Double::GiveReceipts(const std::vector<PhoneReceipt>& receipts) {
  std::lock_guard lock(mutex_);
  for (const PhoneReceipt& receipt : receipts) {
    if (receipt.agent == id_) Plan(receipt.key, receipt.state, NowMs(), 1);
  }
}

void Double::NoteBlocked(Phone& phone, bool blocked) {
  std::lock_guard lock(mutex_);
  OnBlocked(phone, blocked);
}

void Double::GiveMembership(const sims::GroupMembership& membership) {
  std::lock_guard lock(mutex_);
  OnMembership(membership);
}

absl::Status Double::Receive(Phone& phone, DoubleInbound& inbound) {
  std::lock_guard lock(mutex_);
  if (banned_) return absl::FailedPreconditionError("the SIM is banned");
  if (inbound.message.group_id().empty()) contacts_[phone.id].written_ms = NowMs();
  ++counts_.inbound;
  ++world_.counters.inbound;
  return OnReceive(phone, inbound);
}

void Double::Tick(int64_t now_ms) {
  std::vector<Delayed> answers;
  int64_t retry_ms = 0;
  {
    std::lock_guard lock(mutex_);
    Settle(now_ms);
    OnTick(now_ms);
    retry_ms = settings_.callback_retry_ms;
    while (!delayed_.empty() && delayed_.front().due_ms <= now_ms) {
      answers.push_back(std::move(delayed_.front()));
      delayed_.pop_front();
    }
  }
  callbacks_.Tick(now_ms, retry_ms);
  for (Delayed& answer : answers) {
    if (answer.response) {
      answer.responder.Send(*std::move(answer.response));
    } else {
      answer.responder.Drop();
    }
  }
}

}  // namespace mo::simulator

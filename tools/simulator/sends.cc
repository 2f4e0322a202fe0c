#include "tools/simulator/sends.h"

#include "google/protobuf/util/time_util.h"

namespace mo::simulator {

namespace {

constexpr uint64_t kThrottleSalt = 1u << 20;
constexpr uint64_t kDropSalt = 1, kDuplicateSalt = 0x200, kLateSalt = 0x300;

constexpr sims::ReceiptState kStates[] = {sims::RECEIPT_STATE_SENT, sims::RECEIPT_STATE_DELIVERED,
                                          sims::RECEIPT_STATE_READ};

Arrival Refusal(sims::SendOutcome outcome) {
  Arrival arrival;
  arrival.outcome = outcome;
  return arrival;
}

// Outcomes that say "not sent, may be sent again" are no answer to remember.
bool IsFinal(sims::SendOutcome outcome) {
  return outcome != sims::SEND_OUTCOME_THROTTLED && outcome != sims::SEND_OUTCOME_FAILED &&
         outcome != sims::SEND_OUTCOME_EXPIRED;
}

}  // namespace

Sends::Sends(uint32_t agent, const AgentSpec& spec, World& world)
    : agent_(agent), spec_(spec), world_(world) {}

void Sends::Process(const sims::SendBatch& batch, bool banned, std::vector<OutItem>* now,
                    std::vector<LaterReceipt>* later) {
  const std::shared_ptr<const Settings> settings = world_.settings.Get();
  now_ms_ = NowMs();
  sims::SendOutcome forced = sims::SEND_OUTCOME_UNSPECIFIED;
  if (banned) forced = sims::SEND_OUTCOME_FAILED;
  if (batch.has_expire_time() &&
      google::protobuf::util::TimeUtil::TimestampToMilliseconds(batch.expire_time()) <= now_ms_) {
    forced = sims::SEND_OUTCOME_EXPIRED;
  }
  world_.phones.FindAll(spec_.network, batch, &phones_);
  now->reserve(now->size() + phones_.size() * (1 + ReceiptPolicy::kStages));
  Tally tally;
  for (int i = 0; i < batch.messages_size(); ++i) {
    ProcessOne(batch, batch.messages(i), phones_[i], *settings, forced, &tally, now, later);
  }
  Counters& counters = world_.counters;
  counters.messages += batch.messages_size();
  counters.accepted += tally.accepted;
  counters.refused += tally.refused;
  counters.repeated += tally.repeated;
  counters.results_dropped += tally.dropped;
  counters.receipts_sent += tally.receipts;
}

void Sends::ProcessOne(const sims::SendBatch& batch, const sims::SendMessage& message, Phone* phone,
                       const Settings& settings, sims::SendOutcome forced, Tally* tally,
                       std::vector<OutItem>* now, std::vector<LaterReceipt>* later) {
  const int64_t key = message.client_message_id();
  if (spec_.idempotent) {
    if (const auto outcome = answered_.Find(key)) {
      ++tally->repeated;
      now->push_back(OutItem::Result(key, *outcome));
      return;
    }
  }
  const Arrival arrival = Decide(batch, message, phone, settings, forced);
  if (spec_.idempotent && IsFinal(arrival.outcome)) answered_.Remember(key, arrival.outcome);
  ++(arrival.outcome == sims::SEND_OUTCOME_ACCEPTED ? tally->accepted : tally->refused);
  const Faults& faults = settings.faults;
  if (Draw(faults.drop_result_rate, world_.seed, key, kDropSalt)) {
    ++tally->dropped;
  } else {
    const bool throttled = arrival.outcome == sims::SEND_OUTCOME_THROTTLED;
    now->push_back(
        OutItem::Result(key, arrival.outcome, throttled ? faults.throttle_retry_ms : 0));
  }
  if (arrival.stages != 0) GiveReceipts(arrival, key, phone, faults, tally, now, later);
}

Arrival Sends::Decide(const sims::SendBatch& batch, const sims::SendMessage& message, Phone* phone,
                      const Settings& settings, sims::SendOutcome forced) {
  if (forced != sims::SEND_OUTCOME_UNSPECIFIED) return Refusal(forced);
  if (batch.content().kind_case() == common::Content::KIND_NOT_SET ||
      batch.content().has_unsupported()) {
    return Refusal(sims::SEND_OUTCOME_MESSAGE_REFUSED);
  }
  if (phone == nullptr) return Refusal(sims::SEND_OUTCOME_ADDRESS_INVALID);
  const int64_t key = message.client_message_id();
  if (settings.faults.throttle_rate > 0 &&
      Draw(settings.faults.throttle_rate, world_.seed, key, kThrottleSalt + ++draws_)) {
    return Refusal(sims::SEND_OUTCOME_THROTTLED);
  }
  if (phone->flags.load(std::memory_order_relaxed) & Phone::kGroup &&
      !world_.groups.IsMember(spec_.network, phone->address, spec_.address)) {
    return Refusal(sims::SEND_OUTCOME_ADDRESS_INVALID);
  }
  return world_.phones.Arrive(*phone, {agent_, spec_.address, key, &batch, &message}, settings);
}

void Sends::GiveReceipts(const Arrival& arrival, int64_t key, Phone* phone, const Faults& faults,
                         Tally* tally, std::vector<OutItem>* now,
                         std::vector<LaterReceipt>* later) {
  for (int i = 0; i < ReceiptPolicy::kStages; ++i) {
    const int stage = faults.reorder_receipts ? ReceiptPolicy::kStages - 1 - i : i;
    if (!(arrival.stages & (1 << stage))) continue;
    int64_t delay = arrival.delay_ms[i];
    if (faults.late_receipts_ms > 0) {
      delay += static_cast<int64_t>(Chance(world_.seed, key, kLateSalt + stage) *
                                    static_cast<double>(faults.late_receipts_ms));
    }
    const int copies =
        Draw(faults.duplicate_receipt_rate, world_.seed, key, kDuplicateSalt + stage) ? 2 : 1;
    tally->receipts += copies;
    for (int copy = 0; copy < copies; ++copy) {
      if (delay <= 0) {
        now->push_back(OutItem::Receipt(key, kStates[stage], now_ms_));
      } else {
        later->push_back({now_ms_ + delay, ++order_, key, phone, kStates[stage]});
      }
    }
  }
}

}  // namespace mo::simulator

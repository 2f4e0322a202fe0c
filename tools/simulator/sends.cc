#include "tools/simulator/sends.h"

#include "google/protobuf/util/time_util.h"

namespace mo::simulator {

namespace {

using google::protobuf::util::TimeUtil;

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

void Sends::Process(const sims::SendBatch& batch, bool banned, Outbox* now, LaterReceipts* later) {
  const std::shared_ptr<const Settings> settings = world_.settings.Get();
  Run run{batch, *settings, sims::SEND_OUTCOME_UNSPECIFIED, NowMs(), now, later};
  if (banned) run.forced = sims::SEND_OUTCOME_FAILED;
  if (batch.has_expire_time() &&
      TimeUtil::TimestampToMilliseconds(batch.expire_time()) <= run.now_ms) {
    run.forced = sims::SEND_OUTCOME_EXPIRED;
  }
  world_.phones.FindAll(spec_.network, batch, &phones_);
  for (int i = 0; i < batch.messages_size(); ++i) ProcessOne(batch.messages(i), phones_[i], &run);
  Counters& counters = world_.counters;
  counters.messages += batch.messages_size();
  counters.accepted += run.accepted;
  counters.refused += run.refused;
  counters.repeated += run.repeated;
  counters.results_dropped += run.dropped;
  counters.receipts_sent += run.receipts;
}

void Sends::ProcessOne(const sims::SendMessage& message, Phone* phone, Run* run) {
  const int64_t key = message.client_message_id();
  if (spec_.idempotent) {
    if (const auto outcome = answered_.Find(key)) {
      ++run->repeated;
      run->now->Add(OutItem::Result(key, *outcome));
      return;
    }
  }
  const Arrival arrival = Decide(message, phone, *run);
  if (spec_.idempotent && IsFinal(arrival.outcome)) answered_.Remember(key, arrival.outcome);
  ++(arrival.outcome == sims::SEND_OUTCOME_ACCEPTED ? run->accepted : run->refused);
  const Faults& faults = run->settings.faults;
  if (Draw(faults.drop_result_rate, world_.seed, key, kDropSalt)) {
    ++run->dropped;
  } else {
    const bool throttled = arrival.outcome == sims::SEND_OUTCOME_THROTTLED;
    run->now->Add(OutItem::Result(key, arrival.outcome, throttled ? faults.throttle_retry_ms : 0));
  }
  if (arrival.stages != 0) GiveReceipts(arrival, key, phone, run);
}

Arrival Sends::Decide(const sims::SendMessage& message, Phone* phone, const Run& run) {
  if (run.forced != sims::SEND_OUTCOME_UNSPECIFIED) return Refusal(run.forced);
  const common::Content& content = run.batch.content();
  if (content.kind_case() == common::Content::KIND_NOT_SET || content.has_unsupported()) {
    return Refusal(sims::SEND_OUTCOME_MESSAGE_REFUSED);
  }
  if (phone == nullptr) return Refusal(sims::SEND_OUTCOME_ADDRESS_INVALID);
  const int64_t key = message.client_message_id();
  const double throttle = run.settings.faults.throttle_rate;
  if (throttle > 0 && Draw(throttle, world_.seed, key, kThrottleSalt + ++draws_)) {
    return Refusal(sims::SEND_OUTCOME_THROTTLED);
  }
  if (phone->flags.load(std::memory_order_relaxed) & Phone::kGroup &&
      !world_.groups.IsMember(spec_.network, phone->address, spec_.address)) {
    return Refusal(sims::SEND_OUTCOME_ADDRESS_INVALID);
  }
  return world_.phones.Arrive(
      *phone, {agent_, spec_.address, key, key, &content, &message.parameters()}, run.settings);
}

void Sends::GiveReceipts(const Arrival& arrival, int64_t key, Phone* phone, Run* run) {
  const Faults& faults = run->settings.faults;
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
    if (delay <= 0) run->receipts += copies;
    for (int copy = 0; copy < copies; ++copy) {
      if (delay <= 0) {
        run->now->Add(OutItem::Receipt(key, kStates[stage], run->now_ms));
      } else {
        run->later->push({run->now_ms + delay, ++order_, key, phone, kStates[stage]});
      }
    }
  }
}

}  // namespace mo::simulator

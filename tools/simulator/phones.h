// The end customers' phones: what they got, what they think of a SIM, and which receipts their
// network gives.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/simulator/keys.h"
#include "tools/simulator/settings.h"

namespace mo::simulator {

// A text a phone keeps.
struct KeptMessage {
  int64_t key = 0;
  std::string from;  // the SIM's address
  std::string kind;  // text, media, location
  std::string text;  // body, caption or place's name, with the parameters put in
  std::string url;   // of media: URL or media id
  double latitude = 0;
  double longitude = 0;
  int64_t at_ms = 0;
};

// A receipt that an agent has to give because of something a phone did.
struct PhoneReceipt {
  uint32_t agent = 0;
  int64_t key = 0;
  sims::ReceiptState state = {};
};

struct PhoneDetails;

// One phone. 100,000 of them and their index entries take some 12 MB; details exist only for phones
// that differ from the ordinary or keep messages.
struct Phone {
  enum Flag : uint8_t { kOffline = 1, kBlocks = 2, kOwnPolicy = 4, kGroup = 8 };

  Phone();
  ~Phone();

  std::string address;
  std::unique_ptr<PhoneDetails> details;  // guarded by the book's stripe of this phone
  std::atomic<uint32_t> received{0};
  std::atomic<uint32_t> distinct{0};
  uint32_t id = 0;
  common::Network network = {};
  std::atomic<uint8_t> flags{0};
};
static_assert(sizeof(Phone) <= 64);

// What POST /phones describes.
struct PhoneSpec {
  common::Network network = {};
  std::string address;
  std::string name;
  std::string phone;
};

// A message that reaches a phone. The texts are looked at only if the phone keeps messages.
struct Arriving {
  uint32_t agent = 0;
  absl::string_view sim;
  int64_t key = 0;   // how receipts name it
  int64_t once = 0;  // what it is counted by: a second one with the same is a duplicate
  const common::Content* content = nullptr;
  const google::protobuf::RepeatedPtrField<std::string>* parameters = nullptr;  // null: none
};

// What the phone's network makes of it: an outcome, and if accepted the receipts to give (bit i:
// stage i) and when.
struct Arrival {
  sims::SendOutcome outcome = sims::SEND_OUTCOME_ACCEPTED;
  uint8_t stages = 0;
  std::array<int32_t, ReceiptPolicy::kStages> delay_ms{};
};

// A phone as GET /phones/{network}/{address} shows it.
struct PhoneView {
  std::string name, phone;
  int64_t received = 0, distinct = 0;
  size_t waiting = 0;  // accepted while it is offline
  size_t unread = 0;
  bool online = true;
  std::vector<std::string> blocked;
  std::vector<KeptMessage> messages;
};

// Sums over phones; groups are left out.
struct PhoneTotals {
  int64_t phones = 0, received = 0, distinct = 0;
};

// One page of GET /report and the histogram of all phones that match.
struct PhoneReport {
  struct Row {
    const Phone* phone;
    uint32_t distinct;
    uint32_t duplicates;
  };
  std::vector<Row> rows;
  uint32_t next = 0;  // where the next page starts; 0: none
  std::map<uint32_t, int64_t> histogram;
  int64_t duplicates = 0;
};

// The text of a batch for one recipient: {{0}}, {{1}}, … replaced; one without a parameter stays as
// it is.
std::string RenderTemplate(absl::string_view text,
                           const google::protobuf::RepeatedPtrField<std::string>& parameters);

// All phones. Thread-safe; a Phone* stays valid as long as the book.
class PhoneBook {
 public:
  explicit PhoneBook(uint64_t seed) : seed_(seed) {}

  // Adds the phones that do not exist yet and returns how many those are; names are set in any
  // case.
  size_t Create(const std::vector<PhoneSpec>& specs, bool group = false);
  // NotFound if there is no such phone.
  absl::StatusOr<Phone*> Find(common::Network network, absl::string_view address) const;
  // The phone of each message of the batch, null for addresses that do not exist.
  void FindAll(common::Network network, const sims::SendBatch& batch,
               std::vector<Phone*>* phones) const;

  // A message comes from a SIM. It counts now, or when the phone is online again.
  Arrival Arrive(Phone& phone, const Arriving& arriving, const Settings& settings);
  // A READ is due: false if the phone is offline and gives it later.
  bool MayRead(Phone& phone, uint32_t agent, int64_t key);

  // Switches the phone; the result are the receipts of what waited for it, in order.
  std::vector<PhoneReceipt> SetOnline(Phone& phone, bool online, const Settings& settings);
  // Everything unread becomes read (kept only while phones keep messages).
  std::vector<PhoneReceipt> MarkRead(Phone& phone);
  void SetBlocked(Phone& phone, absl::string_view sim, bool blocked);
  bool Blocks(Phone& phone, absl::string_view sim);
  void SetPolicy(Phone& phone, const ReceiptPolicy& policy);
  // The policy that holds for the phone.
  ReceiptPolicy Policy(Phone& phone, const Settings& settings);

  PhoneView View(Phone& phone);
  PhoneTotals Totals() const;
  // Phones of a network (0: all) whose address starts with `prefix`, from index `from` on, at most
  // `most`.
  PhoneReport Report(int network, absl::string_view prefix, uint32_t from, size_t most) const;
  // Forgets counts, keys and kept texts; phones, what waits and what is blocked stay.
  void ResetCounts();

 private:
  static constexpr int kStripes = 256;

  std::mutex& Stripe(const Phone& phone) const { return stripes_[phone.id % kStripes]; }
  void Count(Phone& phone, int64_t key);
  uint8_t DrawStages(const ReceiptPolicy& policy, int64_t key) const;
  Phone* AddLocked(common::Network network, const std::string& address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t seed_;
  ArrivedKeys arrived_;
  mutable std::array<std::mutex, kStripes> stripes_;
  mutable std::shared_mutex mutex_;
  std::deque<Phone> phones_ ABSL_GUARDED_BY(mutex_);
  std::array<absl::flat_hash_map<absl::string_view, Phone*>, common::Network_ARRAYSIZE> index_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::simulator

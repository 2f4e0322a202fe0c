// The parts of the phone book that look at all phones.
#include "absl/strings/match.h"
#include "tools/simulator/phone_details.h"
#include "tools/simulator/phones.h"

namespace mo::simulator {

PhoneTotals PhoneBook::Totals() const {
  std::shared_lock lock(mutex_);
  PhoneTotals totals;
  for (const Phone& phone : phones_) {
    if (phone.flags.load(std::memory_order_relaxed) & Phone::kGroup) continue;
    ++totals.phones;
    totals.distinct += phone.distinct.load();
    totals.received += phone.received.load();
  }
  return totals;
}

PhoneReport PhoneBook::Report(int network, absl::string_view prefix, uint32_t from,
                              size_t most) const {
  std::shared_lock lock(mutex_);
  PhoneReport report;
  for (const Phone& phone : phones_) {
    if (network != 0 && phone.network != network) continue;
    if (phone.flags.load(std::memory_order_relaxed) & Phone::kGroup) continue;
    if (!absl::StartsWith(phone.address, prefix)) continue;
    const uint32_t distinct = phone.distinct.load();
    const uint32_t duplicates = phone.received.load() - distinct;
    ++report.histogram[distinct];
    report.duplicates += duplicates;
    if (phone.id < from) continue;
    if (report.rows.size() < most) {
      report.rows.push_back({&phone, distinct, duplicates});
    } else if (report.next == 0 && most > 0) {
      report.next = phone.id;
    }
  }
  return report;
}

void PhoneBook::ResetCounts() {
  std::lock_guard lock(mutex_);
  arrived_.Clear();
  for (Phone& phone : phones_) {
    std::lock_guard stripe(Stripe(phone));
    phone.received.store(0);
    phone.distinct.store(0);
    if (!phone.details) continue;
    phone.details->inbox.clear();
    phone.details->unread.clear();
  }
}

}  // namespace mo::simulator

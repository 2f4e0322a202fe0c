#include "services/sims/inbound_memory.h"

#include <utility>

namespace mo::sims {

std::optional<BroughtFile> InboundMemory::Find(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? std::nullopt : found->second.brought;
}

void InboundMemory::Keep(const std::string& key, BroughtFile brought) {
  At(key).brought = std::move(brought);
}

int InboundMemory::Failed(const std::string& key) { return ++At(key).failures; }

InboundMemory::Entry& InboundMemory::At(const std::string& key) {
  if (!entries_.contains(key)) {
    if (order_.size() >= most_) {
      entries_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(key);
  }
  return entries_[key];
}

}  // namespace mo::sims

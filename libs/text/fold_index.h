// A hash map from folded texts.
#pragma once

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/text/normalize.h"

namespace mo::text {

// Finds values by Same() in constant time. Where several keys are the same as what is asked for,
// one with the same diacritics comes first ("müll" and "mull" may both be keys), then the one added
// first.
template <typename Value>
class FoldIndex {
 public:
  // Adds a key; an empty one, or one already there, is ignored.
  void Add(const Folded& key, const Value& value) {
    if (key.plain.empty()) return;
    exact_.try_emplace(key.plain, value);
    for (const std::string* form : {&key.plain, &key.bare, &key.expanded}) {
      if (!form->empty()) loose_.try_emplace(*form, value);
    }
  }

  // The value of the key that is Same as this one, or nullptr. Valid until the next Add.
  const Value* Find(const Folded& key) const {
    if (const auto it = exact_.find(key.plain); it != exact_.end()) return &it->second;
    for (const std::string* form : {&key.plain, &key.expanded, &key.bare}) {
      if (const auto it = loose_.find(*form); it != loose_.end()) return &it->second;
    }
    return nullptr;
  }

 private:
  absl::flat_hash_map<std::string, Value> exact_;
  absl::flat_hash_map<std::string, Value> loose_;
};

}  // namespace mo::text

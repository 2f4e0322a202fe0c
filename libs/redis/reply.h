// What Redis answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mo::redis {

// A reply that owns its data.
struct Reply {
  enum class Type { kNil, kInteger, kString, kArray, kError };
  Type type = Type::kNil;
  int64_t integer = 0;
  std::string string;  // of strings, states and errors
  std::vector<Reply> elements;

  bool nil() const { return type == Type::kNil; }
  bool error() const { return type == Type::kError; }
  size_t size() const { return elements.size(); }
  const Reply& operator[](size_t index) const { return elements[index]; }
};

// A command and its arguments; what they view must live until the call returns.
using Arguments = std::vector<absl::string_view>;

}  // namespace mo::redis

// Parameters and results in PostgreSQL's binary format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mo::storage {

// Marks bytes (bytea), to tell them from text.
struct Bytes {
  absl::string_view data;
};

// One statement's parameters: type oid and binary value each. Absent values are NULL.
class Parameters {
 public:
  template <class... Values>
  explicit Parameters(const Values&... values) {
    (Add(values), ...);
  }

  void Add(bool value);
  void Add(int16_t value);
  void Add(int32_t value);
  void Add(int64_t value);
  void Add(uint64_t value) { Add(static_cast<int64_t>(value)); }
  void Add(double value);
  void Add(absl::string_view value);
  void Add(const std::string& value) { Add(absl::string_view(value)); }
  void Add(const char* value) { Add(absl::string_view(value)); }
  void Add(Bytes value);
  void Add(absl::Time value);  // InfinitePast is NULL
  void Add(const std::vector<int16_t>& values);
  void Add(const std::vector<int32_t>& values);
  void Add(const std::vector<int64_t>& values);
  void Add(const std::vector<std::string>& values);
  void Add(const std::vector<Bytes>& values);
  void Add(const std::vector<absl::Time>& values);
  template <class T>
  void Add(const std::optional<T>& value) {
    if (value) return Add(*value);
    Add(T{});
    is_null_.back() = true;
  }

  // As PQexecPrepared wants them.
  std::vector<const char*> pointers() const;
  const std::vector<int>& lengths() const { return lengths_; }
  const std::vector<int>& formats() const { return formats_; }
  const std::vector<unsigned>& types() const { return types_; }
  size_t size() const { return types_.size(); }

 private:
  void Push(unsigned type, size_t start);

  std::string buffer_;
  std::vector<size_t> offsets_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<unsigned> types_;
  std::vector<bool> is_null_;
};

// Decoders of binary results; `type` is the column's oid. Die on a type they do not know: a
// programming error.
template <class T>
T Decode(unsigned type, absl::string_view data);

template <>
bool Decode(unsigned type, absl::string_view data);
template <>
int64_t Decode(unsigned type, absl::string_view data);
template <>
int32_t Decode(unsigned type, absl::string_view data);
template <>
double Decode(unsigned type, absl::string_view data);
template <>
std::string Decode(unsigned type, absl::string_view data);
template <>
absl::string_view Decode(unsigned type, absl::string_view data);
template <>
absl::Time Decode(unsigned type, absl::string_view data);
template <>
std::vector<int64_t> Decode(unsigned type, absl::string_view data);
template <>
std::vector<std::string> Decode(unsigned type, absl::string_view data);

}  // namespace mo::storage

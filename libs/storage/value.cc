#include "libs/storage/value.h"

#include <cstring>

#include "libs/runtime/log.h"

namespace mo::storage {
namespace {

// Type oids of pg_type; fixed since PostgreSQL 7.
enum Oid : unsigned {
  kBool = 16,
  kBytea = 17,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kJson = 114,
  kFloat8 = 701,
  kVarchar = 1043,
  kTimestamptz = 1184,
  kJsonb = 3802,
  kXid8 = 5069,
  kByteaArray = 1001,
  kInt2Array = 1005,
  kInt4Array = 1007,
  kTextArray = 1009,
  kInt8Array = 1016,
  kTimestamptzArray = 1185,
};

// timestamptz: microseconds since 2000-01-01 UTC.
const absl::Time kEpoch = absl::FromUnixSeconds(946684800);

template <class T>
void Put(std::string& out, T value) {
  using U = std::make_unsigned_t<T>;
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(static_cast<U>(value) >> (8 * (sizeof(T) - 1 - i)));
  }
  out.append(bytes, sizeof(T));
}

template <class T>
T Take(const char* data) {
  using U = std::make_unsigned_t<T>;
  U value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<U>(static_cast<U>(value << 7 << 1) | static_cast<unsigned char>(data[i]));
  }
  return static_cast<T>(value);
}

int64_t Micros(absl::Time time) { return absl::ToInt64Microseconds(time - kEpoch); }

// An array of one dimension: header, then length and bytes of each element (PostgreSQL's
// array_send).
template <class T, class Write>
void PutArray(std::string& out, unsigned element, const std::vector<T>& values, Write write) {
  Put<int32_t>(out, values.empty() ? 0 : 1);
  Put<int32_t>(out, 0);
  Put<int32_t>(out, static_cast<int32_t>(element));
  if (values.empty()) return;
  Put<int32_t>(out, static_cast<int32_t>(values.size()));
  Put<int32_t>(out, 1);
  for (const T& value : values) write(value);
}

[[noreturn]] void Mismatch(unsigned type, const char* wanted) {
  Log(LogLevel::kError, "column has another type than the code reads",
      {{"oid", type}, {"wanted", wanted}});
  std::abort();
}

template <class T, class Read>
std::vector<T> TakeArray(absl::string_view data, Read read) {
  std::vector<T> values;
  if (data.size() < 20 || Take<int32_t>(data.data()) == 0) return values;
  const int32_t size = Take<int32_t>(data.data() + 12);
  values.reserve(static_cast<size_t>(size));
  const char* at = data.data() + 20;
  for (int32_t i = 0; i < size; ++i) {
    const int32_t length = Take<int32_t>(at);
    at += 4;
    if (length < 0) {
      values.push_back(T{});
      continue;
    }
    values.push_back(read(absl::string_view(at, static_cast<size_t>(length))));
    at += length;
  }
  return values;
}

}  // namespace

void Parameters::Push(unsigned type, size_t start) {
  offsets_.push_back(start);
  lengths_.push_back(static_cast<int>(buffer_.size() - start));
  formats_.push_back(1);
  types_.push_back(type);
  is_null_.push_back(false);
}

void Parameters::Add(bool value) {
  const size_t start = buffer_.size();
  buffer_.push_back(value ? 1 : 0);
  Push(kBool, start);
}

void Parameters::Add(int16_t value) {
  const size_t start = buffer_.size();
  Put(buffer_, value);
  Push(kInt2, start);
}

void Parameters::Add(int32_t value) {
  const size_t start = buffer_.size();
  Put(buffer_, value);
  Push(kInt4, start);
}

void Parameters::Add(int64_t value) {
  const size_t start = buffer_.size();
  Put(buffer_, value);
  Push(kInt8, start);
}

void Parameters::Add(double value) {
  const size_t start = buffer_.size();
  int64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  Put(buffer_, bits);
  Push(kFloat8, start);
}

void Parameters::Add(absl::string_view value) {
  const size_t start = buffer_.size();
  buffer_.append(value.data(), value.size());
  Push(kText, start);
}

void Parameters::Add(Bytes value) {
  const size_t start = buffer_.size();
  buffer_.append(value.data.data(), value.data.size());
  Push(kBytea, start);
}

void Parameters::Add(absl::Time value) {
  const size_t start = buffer_.size();
  Put(buffer_, value == absl::InfinitePast() ? int64_t{0} : Micros(value));
  Push(kTimestamptz, start);
  is_null_.back() = value == absl::InfinitePast();
}

void Parameters::Add(const std::vector<int16_t>& values) {
  const size_t start = buffer_.size();
  PutArray(buffer_, kInt2, values,
           [this](int16_t v) { Put<int32_t>(buffer_, 2), Put(buffer_, v); });
  Push(kInt2Array, start);
}

void Parameters::Add(const std::vector<int32_t>& values) {
  const size_t start = buffer_.size();
  PutArray(buffer_, kInt4, values,
           [this](int32_t v) { Put<int32_t>(buffer_, 4), Put(buffer_, v); });
  Push(kInt4Array, start);
}

void Parameters::Add(const std::vector<int64_t>& values) {
  const size_t start = buffer_.size();
  buffer_.reserve(start + 20 + values.size() * 12);
  PutArray(buffer_, kInt8, values,
           [this](int64_t v) { Put<int32_t>(buffer_, 8), Put(buffer_, v); });
  Push(kInt8Array, start);
}

void Parameters::Add(const std::vector<std::string>& values) {
  const size_t start = buffer_.size();
  PutArray(buffer_, kText, values, [this](const std::string& v) {
    Put<int32_t>(buffer_, static_cast<int32_t>(v.size()));
    buffer_.append(v);
  });
  Push(kTextArray, start);
}

void Parameters::Add(const std::vector<Bytes>& values) {
  const size_t start = buffer_.size();
  PutArray(buffer_, kBytea, values, [this](Bytes v) {
    Put<int32_t>(buffer_, static_cast<int32_t>(v.data.size()));
    buffer_.append(v.data.data(), v.data.size());
  });
  Push(kByteaArray, start);
}

void Parameters::Add(const std::vector<absl::Time>& values) {
  const size_t start = buffer_.size();
  PutArray(buffer_, kTimestamptz, values, [this](absl::Time v) {
    if (v == absl::InfinitePast()) {
      Put<int32_t>(buffer_, -1);
    } else {
      Put<int32_t>(buffer_, 8), Put(buffer_, Micros(v));
    }
  });
  // The header's has-null flag is only a hint to PostgreSQL: array_recv counts for itself.
  Push(kTimestamptzArray, start);
}

std::vector<const char*> Parameters::pointers() const {
  std::vector<const char*> pointers(offsets_.size());
  for (size_t i = 0; i < offsets_.size(); ++i)
    pointers[i] = is_null_[i] ? nullptr : buffer_.data() + offsets_[i];
  return pointers;
}

template <>
bool Decode(unsigned type, absl::string_view data) {
  if (type != kBool) Mismatch(type, "bool");
  return data[0] != 0;
}

template <>
int64_t Decode(unsigned type, absl::string_view data) {
  switch (type) {
    case kInt8:
    case kXid8:
      return Take<int64_t>(data.data());
    case kInt4:
      return Take<int32_t>(data.data());
    case kInt2:
      return Take<int16_t>(data.data());
    default:
      Mismatch(type, "integer");
  }
}

template <>
int32_t Decode(unsigned type, absl::string_view data) {
  return static_cast<int32_t>(Decode<int64_t>(type, data));
}

template <>
double Decode(unsigned type, absl::string_view data) {
  if (type != kFloat8) Mismatch(type, "double");
  const int64_t bits = Take<int64_t>(data.data());
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <>
absl::string_view Decode(unsigned type, absl::string_view data) {
  switch (type) {
    case kText:
    case kVarchar:
    case kName:
    case kBytea:
    case kJson:
      return data;
    case kJsonb:
      return data.substr(1);  // a version byte leads
    default:
      Mismatch(type, "text or bytes");
  }
}

template <>
std::string Decode(unsigned type, absl::string_view data) {
  return std::string(Decode<absl::string_view>(type, data));
}

template <>
absl::Time Decode(unsigned type, absl::string_view data) {
  if (type != kTimestamptz) Mismatch(type, "timestamptz");
  return kEpoch + absl::Microseconds(Take<int64_t>(data.data()));
}

template <>
std::vector<int64_t> Decode(unsigned type, absl::string_view data) {
  if (type != kInt8Array) Mismatch(type, "bigint[]");
  return TakeArray<int64_t>(data, [](absl::string_view v) { return Take<int64_t>(v.data()); });
}

template <>
std::vector<std::string> Decode(unsigned type, absl::string_view data) {
  if (type != kTextArray && type != kByteaArray) Mismatch(type, "text[]");
  return TakeArray<std::string>(data, [](absl::string_view v) { return std::string(v); });
}

}  // namespace mo::storage

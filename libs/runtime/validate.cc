#include "libs/runtime/validate.h"

#include <google/protobuf/descriptor.h>
#include <re2/re2.h>

#include <memory>
#include <mutex>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/time_zone.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using messageorganizer::common::v1::FieldRule;

constexpr uint32_t kDefaultMaxLength = 1000;
constexpr int kDefaultMaxItems = 1000;

// Patterns are compiled once per process; there are as many as the protos name.
const re2::RE2& Compiled(const std::string& pattern) {
  static std::mutex mutex;
  static auto& cache = *new absl::flat_hash_map<std::string, std::unique_ptr<re2::RE2>>();
  std::lock_guard lock(mutex);
  auto& entry = cache[pattern];
  if (!entry) entry = std::make_unique<re2::RE2>(pattern, re2::RE2::Quiet);
  return *entry;
}

class Walk {
 public:
  explicit Walk(Problems& problems) : problems_(problems) {}

  void Check(const Message& message, const std::string& prefix) {
    const auto* type = message.GetDescriptor();
    const Reflection* reflection = message.GetReflection();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      const FieldRule& rule = field->options().GetExtension(messageorganizer::common::v1::rule);
      if (rule.output_only()) continue;
      const std::string path = absl::StrCat(prefix, field->name());
      if (field->is_map()) {
        CheckMap(message, *field, rule, path);
      } else if (field->is_repeated()) {
        CheckRepeated(message, *field, rule, path);
      } else {
        CheckSingle(message, *reflection, *field, rule, path);
      }
    }
  }

 private:
  void CheckRepeated(const Message& message, const FieldDescriptor& field, const FieldRule& rule,
                     const std::string& path) {
    const Reflection* reflection = message.GetReflection();
    const int size = reflection->FieldSize(message, &field);
    if (!CheckCount(size, rule, path)) return;
    for (int i = 0; i < size; ++i) {
      const std::string item = absl::StrCat(path, "[", i, "]");
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Check(reflection->GetRepeatedMessage(message, &field, i), item + ".");
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        const std::string& text = reflection->GetRepeatedString(message, &field, i);
        if (text.empty() && rule.required()) problems_.Add(item, "REQUIRED", "must not be empty");
        CheckString(text, field, rule, item);
      }
    }
  }

  void CheckMap(const Message& message, const FieldDescriptor& field, const FieldRule& rule,
                const std::string& path) {
    const Reflection* reflection = message.GetReflection();
    const int size = reflection->FieldSize(message, &field);
    if (!CheckCount(size, rule, path)) return;
    static const re2::RE2& key_pattern = Compiled("[a-z0-9_]{1,64}");
    for (int i = 0; i < size; ++i) {
      const Message& entry = reflection->GetRepeatedMessage(message, &field, i);
      const auto* type = entry.GetDescriptor();
      const std::string key = entry.GetReflection()->GetString(entry, type->field(0));
      const std::string item = absl::StrCat(path, "[", key.substr(0, 64), "]");
      if (!re2::RE2::FullMatch(key, key_pattern)) {
        problems_.Add(item, "BAD_FORMAT", "a key is 1 to 64 of a-z, 0-9 and _");
      }
      if (type->field(1)->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        CheckString(entry.GetReflection()->GetString(entry, type->field(1)), *type->field(1), rule,
                    item);
      }
    }
  }

  bool CheckCount(int size, const FieldRule& rule, const std::string& path) {
    const int limit = rule.max_items() != 0 ? static_cast<int>(rule.max_items()) : kDefaultMaxItems;
    if (rule.required() && size == 0) problems_.Add(path, "REQUIRED", "at least one is needed");
    if (size <= limit) return true;
    problems_.Add(path, "TOO_MANY", absl::StrCat("at most ", limit, " items"));
    return false;
  }

  void CheckSingle(const Message& message, const Reflection& reflection,
                   const FieldDescriptor& field, const FieldRule& rule, const std::string& path) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (reflection.HasField(message, &field)) {
          Check(reflection.GetMessage(message, &field), path + ".");
        } else if (rule.required()) {
          problems_.Add(path, "REQUIRED", "must be set");
        }
        return;
      case FieldDescriptor::CPPTYPE_STRING: {
        if (field.containing_oneof() != nullptr && !reflection.HasField(message, &field)) return;
        const std::string text = reflection.GetString(message, &field);
        if (text.empty() && rule.required()) problems_.Add(path, "REQUIRED", "must not be empty");
        CheckString(text, field, rule, path);
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int number = reflection.GetEnumValue(message, &field);
        if (number == 0 && rule.required()) {
          problems_.Add(path, "REQUIRED", "must be set");
        } else if (field.enum_type()->FindValueByNumber(number) == nullptr) {
          problems_.Add(path, "UNKNOWN_VALUE", "is not one of the values");
        }
        return;
      }
      case FieldDescriptor::CPPTYPE_INT32:
        CheckNumber(reflection.GetInt32(message, &field), rule, path);
        return;
      case FieldDescriptor::CPPTYPE_INT64:
        CheckNumber(reflection.GetInt64(message, &field), rule, path);
        return;
      default:
        return;
    }
  }

  void CheckNumber(int64_t number, const FieldRule& rule, const std::string& path) {
    if (number == 0 && rule.required()) {
      problems_.Add(path, "REQUIRED", "must be set");
    } else if ((rule.min() != 0 || rule.max() != 0) &&
               (number < rule.min() || number > rule.max())) {
      problems_.Add(path, "OUT_OF_RANGE", absl::StrCat("must be ", rule.min(), " to ", rule.max()));
    }
  }

  void CheckString(const std::string& text, const FieldDescriptor& field, const FieldRule& rule,
                   const std::string& path) {
    const uint32_t limit = rule.max_length() != 0 ? rule.max_length() : kDefaultMaxLength;
    if (text.size() > limit) {
      problems_.Add(path, "TOO_LONG", absl::StrCat("at most ", limit, " bytes"));
      return;
    }
    if (text.empty() || field.type() == FieldDescriptor::TYPE_BYTES) return;
    if (text.find('\0') != std::string::npos) {
      problems_.Add(path, "BAD_FORMAT", "must not contain NUL");
      return;
    }
    if (!rule.id().empty() && !ParseId(rule.id(), text)) {
      problems_.Add(path, "BAD_ID", absl::StrCat("must be an id like ", FormatId(rule.id(), 1)));
    }
    if (!rule.pattern().empty() && !re2::RE2::FullMatch(text, Compiled(rule.pattern()))) {
      problems_.Add(path, "BAD_FORMAT", absl::StrCat("must match ", rule.pattern()));
    }
    if (rule.phone() && !re2::RE2::FullMatch(text, Compiled("\\+[1-9][0-9]{6,14}"))) {
      problems_.Add(path, "BAD_FORMAT", "must be a phone number in E.164 form, e.g. +436641234567");
    }
    if (rule.url() &&
        !re2::RE2::FullMatch(text, Compiled("https?://[^\\s/@]+(/\\S*|\\?\\S*|#\\S*)?"))) {
      problems_.Add(path, "BAD_FORMAT", "must be an http or https URL without credentials");
    }
    if (rule.language() &&
        !re2::RE2::FullMatch(text, Compiled("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"))) {
      problems_.Add(path, "BAD_FORMAT", "must be a language tag, e.g. de or de-AT");
    }
    if (rule.time_zone() && !IsTimeZone(text)) {
      problems_.Add(path, "UNKNOWN_TIME_ZONE",
                    "must be the name of an IANA time zone, e.g. Europe/Vienna");
    }
  }

  Problems& problems_;
};

}  // namespace

absl::Status Validate(const Message& request) {
  Problems problems;
  Walk(problems).Check(request, "");
  return problems.ToStatus();
}

}  // namespace mo

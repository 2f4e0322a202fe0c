#include "libs/transcode/json_check.h"

#include <bitset>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/transcode/json_value.h"

namespace mo::transcode {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::json;

constexpr size_t kMaxProblems = 100;

// Follows the parser through the document, knowing at each point which field's value comes next.
class Checker : public nlohmann::json_sax<Json> {
 public:
  Checker(const Descriptor* type, Problems* problems) : type_(type), problems_(problems) {}

  bool null() override { return Take({Value::kNull}); }
  bool boolean(bool) override { return Take({Value::kBool}); }
  bool number_integer(number_integer_t value) override {
    return Take({Value::kInteger, value < 0, static_cast<uint64_t>(value)});
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Take({Value::kInteger, false, value});
  }
  bool number_float(number_float_t value, const string_t&) override {
    // 1e3 and 1.0 are whole numbers too.
    if (value == std::floor(value) && std::abs(value) < 9e15) {
      return Take({Value::kInteger, value < 0, static_cast<uint64_t>(static_cast<int64_t>(value))});
    }
    return Take({Value::kFraction});
  }
  bool string(string_t& value) override { return Take({Value::kString, false, 0, &value}); }
  bool binary(binary_t&) override { return false; }  // never in JSON text

  bool start_object(size_t) override;
  bool start_array(size_t) override;
  bool key(string_t& name) override;
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    problems_->Add("", "MALFORMED_JSON", absl::StrCat("not valid JSON at byte ", position));
    return false;
  }

 private:
  // What surrounds the next value: a message, a map, a list, or something reported already.
  struct Frame {
    enum Kind { kMessage, kMap, kList, kIgnored } kind;
    const Descriptor* message = nullptr;  // of kMessage
    const FieldDescriptor* field =
        nullptr;                   // kMap, kList: the field itself; kMessage: the current one
    size_t index = 0;              // kList: the current item
    std::string key = {};          // kMap, kMessage: the current one
    std::bitset<128> fields = {};  // kMessage: given already
    std::bitset<32> oneofs = {};   // kMessage: given already
  };
  // What the next value has to be. No field: the message that the whole document is.
  struct Slot {
    const FieldDescriptor* field = nullptr;
    bool list = false;
    bool map = false;
    bool nullable = false;
  };

  Slot Next() const {
    if (stack_.empty()) return {};
    const Frame& top = stack_.back();
    switch (top.kind) {
      case Frame::kList:
        return {top.field};
      case Frame::kMap:
        return {top.field->message_type()->map_value()};
      default:
        return {top.field, top.field->is_repeated() && !top.field->is_map(), top.field->is_map(),
                true};
    }
  }
  // Whether the next value belongs to something that has been reported.
  bool Ignoring() const {
    if (stack_.empty()) return false;
    return stack_.back().kind == Frame::kIgnored ||
           (stack_.back().kind == Frame::kMessage && stack_.back().field == nullptr);
  }

  bool Take(const Value& value);
  bool Leave() {
    stack_.pop_back();
    return Taken(true);
  }
  bool Taken(bool go_on) {
    if (!stack_.empty() && stack_.back().kind == Frame::kList) ++stack_.back().index;
    return go_on;
  }
  bool Enter(Frame frame) {
    if (stack_.size() >= kMaxJsonDepth) {
      Add("TOO_DEEP", absl::StrCat("at most ", kMaxJsonDepth, " levels"));
      return false;
    }
    stack_.push_back(std::move(frame));
    return true;
  }
  bool Add(absl::string_view reason, absl::string_view detail) {
    problems_->Add(Path(), reason, detail);
    return problems_->list().size() < kMaxProblems;
  }
  std::string Path() const;

  const Descriptor* type_;
  Problems* problems_;
  std::vector<Frame> stack_;
};

std::string Checker::Path() const {
  std::string path;
  for (const Frame& frame : stack_) {
    if (frame.kind == Frame::kMessage && !frame.key.empty()) {
      absl::StrAppend(&path, path.empty() ? "" : ".", frame.key);
    } else if (frame.kind == Frame::kMap) {
      absl::StrAppend(&path, "[", frame.key, "]");
    } else if (frame.kind == Frame::kList) {
      absl::StrAppend(&path, "[", frame.index, "]");
    }
  }
  return path;
}

bool Checker::Take(const Value& value) {
  if (Ignoring()) return Taken(true);
  const Slot slot = Next();
  Finding finding;
  if (value.kind == Value::kNull) {
    if (!slot.nullable) finding = {"WRONG_TYPE", "must not be null"};
  } else if (slot.list) {
    finding = {"WRONG_TYPE", "must be a list"};
  } else if (slot.map || slot.field == nullptr) {
    finding = {"WRONG_TYPE", "must be an object"};
  } else {
    finding = CheckValue(*slot.field, value);
  }
  return Taken(finding.reason.empty() || Add(finding.reason, finding.detail));
}

bool Checker::start_object(size_t) {
  if (Ignoring()) return Enter({Frame::kIgnored});
  const Slot slot = Next();
  if (slot.field == nullptr) return Enter({Frame::kMessage, type_});
  if (slot.map) return Enter({Frame::kMap, nullptr, slot.field});
  if (!slot.list && slot.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
      !IsPlainValue(slot.field->message_type())) {
    return Enter({Frame::kMessage, slot.field->message_type()});
  }
  return Add("WRONG_TYPE", slot.list ? "must be a list" : Expected(*slot.field)) &&
         Enter({Frame::kIgnored});
}

bool Checker::start_array(size_t) {
  if (Ignoring()) return Enter({Frame::kIgnored});
  const Slot slot = Next();
  if (slot.list) return Enter({Frame::kList, nullptr, slot.field});
  return Add("WRONG_TYPE",
             slot.field == nullptr || slot.map ? "must be an object" : Expected(*slot.field)) &&
         Enter({Frame::kIgnored});
}

bool Checker::key(string_t& name) {
  Frame& top = stack_.back();
  if (top.kind == Frame::kIgnored) return true;
  top.key = name.substr(0, 64);
  if (name.find('\0') != std::string::npos) {
    top.field = top.kind == Frame::kMap ? top.field : nullptr;
    return Add("BAD_FORMAT", "must not contain NUL");
  }
  if (top.kind == Frame::kMap) return true;
  top.field = top.message->FindFieldByName(name);
  if (top.field == nullptr) top.field = top.message->FindFieldByCamelcaseName(name);
  if (top.field == nullptr) return Add("UNKNOWN_FIELD", "there is no such field");
  const size_t index = static_cast<size_t>(top.field->index());
  const auto* oneof = top.field->real_containing_oneof();
  const bool twice =
      top.fields[index] || (oneof != nullptr && top.oneofs[static_cast<size_t>(oneof->index())]);
  top.fields.set(index);
  if (oneof != nullptr) top.oneofs.set(static_cast<size_t>(oneof->index()));
  if (!twice) return true;
  top.field = nullptr;
  return Add("DUPLICATE", oneof != nullptr ? absl::StrCat("only one value of \"", oneof->name(),
                                                          "\" may be given")
                                           : "given twice");
}

}  // namespace

bool CheckJson(absl::string_view json, const Descriptor* type, Problems* problems) {
  const size_t before = problems->list().size();
  // The parser would take a NUL for the end of the text.
  if (json.find('\0') != absl::string_view::npos) {
    problems->Add("", "MALFORMED_JSON", "not valid JSON: contains a NUL byte");
    return false;
  }
  Checker checker(type, problems);
  const bool parsed = Json::sax_parse(json.begin(), json.end(), &checker);
  return parsed && problems->list().size() == before;
}

}  // namespace mo::transcode

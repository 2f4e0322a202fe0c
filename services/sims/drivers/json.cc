#include "services/sims/drivers/json.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mo::sims {

void AppendJson(absl::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  size_t plain = 0;  // where what needs no escape begins
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.data() + plain, i - plain);
    plain = i + 1;
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(text[i]);
    } else if (c == '\n') {
      out.append("\\n");
    } else {
      out.append("\\u00");
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    }
  }
  out.append(text.data() + plain, text.size() - plain);
  out.push_back('"');
}

void AppendMember(absl::string_view name, absl::string_view text, std::string& out) {
  if (!out.empty() && out.back() != '{') out.push_back(',');
  absl::StrAppend(&out, "\"", name, "\":");
  AppendJson(text, out);
}

Json ParseJson(absl::string_view body) {
  return Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
}

namespace {

const Json& Null() {
  static const Json null;
  return null;
}

}  // namespace

const Json& At(const Json& object, const char* name) {
  if (!object.is_object()) return Null();
  const auto found = object.find(name);
  return found == object.end() ? Null() : *found;
}

const Json& At(const Json& array, size_t index) {
  return array.is_array() && index < array.size() ? array[index] : Null();
}

std::string TextAt(const Json& object, const char* name) {
  const Json& value = At(object, name);
  if (value.is_number_unsigned()) return absl::StrCat(value.get<uint64_t>());
  if (value.is_number_integer()) return absl::StrCat(value.get<int64_t>());
  if (!value.is_string()) return "";
  std::string text = value.get_ref<const std::string&>();
  std::erase(text, '\0');
  return text;
}

int64_t IntAt(const Json& object, const char* name) {
  const Json& value = At(object, name);
  if (value.is_number_integer()) return value.get<int64_t>();
  int64_t number = 0;
  return value.is_string() && absl::SimpleAtoi(value.get_ref<const std::string&>(), &number)
             ? number
             : 0;
}

double NumberAt(const Json& object, const char* name) {
  const Json& value = At(object, name);
  if (value.is_number()) return value.get<double>();
  double number = 0;
  return value.is_string() && absl::SimpleAtod(value.get_ref<const std::string&>(), &number)
             ? number
             : 0;
}

bool BoolAt(const Json& object, const char* name) {
  const Json& value = At(object, name);
  return value.is_boolean() && value.get<bool>();
}

const Json::array_t& ListAt(const Json& object, const char* name) {
  static const Json::array_t none;
  const Json& value = At(object, name);
  return value.is_array() ? value.get_ref<const Json::array_t&>() : none;
}

}  // namespace mo::sims

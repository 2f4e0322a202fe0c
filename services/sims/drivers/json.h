// JSON as drivers need it: written fast, read from strangers without a throw.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"

namespace mo::sims {

using Json = nlohmann::json;

// Appends `text` (UTF-8) as a JSON string with its quotes.
void AppendJson(absl::string_view text, std::string& out);

// Appends `"name":"text"`, after a comma unless it is the first member.
void AppendMember(absl::string_view name, absl::string_view text, std::string& out);

// What a body says; discarded (is_discarded()) when it is no JSON.
Json ParseJson(absl::string_view body);

// The member of an object; null when there is none, or no object.
const Json& At(const Json& object, const char* name);
// The element of an array; null when there is none, or no array.
const Json& At(const Json& array, size_t index);
// A string member, or a whole number as text; else "". Without NULs, which PostgreSQL refuses.
std::string TextAt(const Json& object, const char* name);
// A whole number, also one in a string; else 0.
int64_t IntAt(const Json& object, const char* name);
// A number, also one in a string; else 0.
double NumberAt(const Json& object, const char* name);
// True only for `true`.
bool BoolAt(const Json& object, const char* name);
// The elements of an array member; none when it is not one.
const Json::array_t& ListAt(const Json& object, const char* name);

}  // namespace mo::sims

// Checks of a JSON body as the Graph API makes them.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/graph.h"

namespace mo::simulator {

// Looks at one object's members; the first thing that is wrong is kept.
class GraphMembers {
 public:
  GraphMembers(const json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) Fail(100, absl::StrCat("Param ", path_, " must be a JSON object."));
  }

  // Nothing but these.
  GraphMembers& Only(std::initializer_list<const char*> names) {
    if (error_) return *this;
    for (const auto& item : object_.items()) {
      if (std::find(names.begin(), names.end(), item.key()) != names.end()) continue;
      Fail(100, absl::StrCat("Unexpected key \"", item.key(), "\" on param \"", path_, "\"."));
    }
    return *this;
  }
  // A string of at most so many characters.
  std::string Text(const char* name, size_t most, bool required = true) {
    if (error_) return "";
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) {
      if (required) Fail(131008, absl::StrCat("Required parameter is missing: ", Path(name)));
      return "";
    }
    if (!found->is_string()) {
      Fail(100, absl::StrCat("Param ", Path(name), " must be a string."));
      return "";
    }
    std::string text = found->get<std::string>();
    if (required && text.empty()) {
      Fail(131008, absl::StrCat("Required parameter is missing: ", Path(name)));
    }
    if (Characters(text) > most) {
      Fail(100, absl::StrCat("Param ", Path(name), " must be at most ", most, " characters long."));
    }
    return text;
  }
  void OneOf(const char* name, std::initializer_list<const char*> values) {
    const std::string text = Text(name, 100);
    if (error_ || std::find(values.begin(), values.end(), text) != values.end()) return;
    Fail(100, absl::StrCat("Param ", Path(name), " is not one of those that are possible."));
  }
  void Bool(const char* name) {
    if (error_ || !object_.contains(name) || object_[name].is_boolean()) return;
    Fail(100, absl::StrCat("Param ", Path(name), " must be a boolean."));
  }
  const json& Object(const char* name) {
    static const json& none = *new json(json::object());
    if (error_) return none;
    const auto found = object_.find(name);
    if (found == object_.end()) {
      Fail(131008, absl::StrCat("Required parameter is missing: ", Path(name)));
      return none;
    }
    if (!found->is_object() && !found->is_array()) {
      Fail(100, absl::StrCat("Param ", Path(name), " must be a JSON object."));
      return none;
    }
    return *found;
  }
  // As many elements as that.
  const json& Array(const char* name, size_t least, size_t most) {
    const json& array = Object(name);
    if (!error_ && (!array.is_array() || array.size() < least || array.size() > most)) {
      Fail(100,
           absl::StrCat("Param ", Path(name), " must have ", least, " to ", most, " elements."));
    }
    return array;
  }

  bool Has(const char* name) const { return object_.is_object() && object_.contains(name); }
  void Fail(int code, std::string details) {
    if (!error_) error_ = GraphError{code, std::move(details)};
  }
  void Take(const std::optional<GraphError>& error) {
    if (!error_ && error) error_ = error;
  }
  const std::optional<GraphError>& error() const { return error_; }

 private:
  std::string Path(const char* name) const {
    return path_.empty() ? name : absl::StrCat(path_, "['", name, "']");
  }

  const json& object_;
  const std::string path_;
  std::optional<GraphError> error_;
};

}  // namespace mo::simulator

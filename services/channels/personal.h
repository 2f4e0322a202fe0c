// A content's placeholders, as dispatches carry them.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::channels {

namespace common = messageorganizer::common::v1;

// Sims replaces "{{0}}", "{{1}}", … by a recipient's values and knows no fallbacks; so each
// placeholder with another name or fallback becomes one of these, and its value is looked up, or
// replaced by the fallback, before it leaves.
class Personal {
 public:
  // Of a content that was checked (CheckOutbound, CheckPersonal). track_links: its URLs are
  // different for each recipient too.
  explicit Personal(const common::Content& content, bool track_links = false);

  // The content with numbered placeholders; no longer than the original.
  const common::Content& content() const { return content_; }
  // Their names: "0", "1", …
  std::vector<std::string> names() const;
  // What to ask contacts for, each once: "name", or an attribute's name.
  const std::vector<std::string>& parameters() const { return parameters_; }
  // The URLs to be tracked, each once.
  const std::vector<std::string>& urls() const { return urls_; }
  // A recipient's value of each placeholder, of its values of parameters() and its links of urls().
  template <class Values>
  std::vector<std::string> ValuesOf(const Values& parameters,
                                    const std::vector<std::string>& links = {}) const {
    std::vector<std::string> values;
    for (const Slot& slot : slots_) {
      if (slot.parameter < 0) {
        values.push_back(links[static_cast<size_t>(-1 - slot.parameter)]);
        continue;
      }
      const std::string& value = parameters[slot.parameter];
      values.push_back(value.empty() ? slot.fallback : value);
    }
    return values;
  }

 private:
  struct Slot {
    int parameter;  // index in parameters_; below 0: -1 less the index in urls_
    std::string fallback;
    bool operator==(const Slot&) const = default;
  };
  std::string Number(absl::string_view text);
  size_t SlotOf(absl::string_view placeholder);
  Slot Read(absl::string_view placeholder);

  common::Content content_;
  std::vector<std::string> parameters_;
  std::vector<std::string> urls_;
  std::vector<Slot> slots_;
};

// Adds what a dispatch could not carry: more than 50 placeholders, names or fallbacks that are too
// long.
void CheckPersonal(const common::Content& content, absl::string_view path, Problems& problems);
// The same for its URLs, which are placeholders when they are tracked.
void CheckTracked(const common::Content& content, absl::string_view field, Problems& problems);

}  // namespace mo::channels

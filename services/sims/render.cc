#include "services/sims/render.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/text/content.h"

namespace mo::sims {

void ReplaceTexts(const std::vector<std::pair<std::string, std::string>>& replacements,
                  common::Content& content) {
  text::VisitTexts(content, [&](const text::PersonalText& text) {
    absl::StrReplaceAll(replacements, text.text);
  });
}

void NumberPlaceholders(const std::vector<std::string>& names, common::Content& content) {
  std::vector<std::pair<std::string, std::string>> replacements;
  for (size_t i = 0; i < names.size(); ++i) {
    replacements.emplace_back(absl::StrCat("{{", names[i], "}}"), absl::StrCat("{{", i, "}}"));
  }
  ReplaceTexts(replacements, content);
}

void RenderFor(const std::vector<std::string>& names, const std::vector<std::string>& values,
               size_t recipient, common::Content& content) {
  std::vector<std::pair<std::string, std::string>> replacements;
  for (size_t i = 0; i < names.size(); ++i) {
    replacements.emplace_back(absl::StrCat("{{", names[i], "}}"),
                              values[recipient * names.size() + i]);
  }
  ReplaceTexts(replacements, content);
}

void RenderNumbered(size_t count, const std::vector<std::string>& values, size_t recipient,
                    common::Content& content) {
  if (count == 0) return;
  std::vector<std::pair<std::string, std::string>> replacements;
  for (size_t i = 0; i < count; ++i)
    replacements.emplace_back(absl::StrCat("{{", i, "}}"), values[recipient * count + i]);
  ReplaceTexts(replacements, content);
}

}  // namespace mo::sims

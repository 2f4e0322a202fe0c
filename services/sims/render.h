// Placeholders of dispatches.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "messageorganizer/common/v1/content.pb.h"

namespace mo::sims {

namespace common = messageorganizer::common::v1;

// Replaces texts wherever content shows text; what was put in is not looked at again.
void ReplaceTexts(const std::vector<std::pair<std::string, std::string>>& replacements,
                  common::Content& content);

// "{{name}}" → "{{0}}", "{{1}}" …: how devices want them.
void NumberPlaceholders(const std::vector<std::string>& names, common::Content& content);

// "{{name}}" → a recipient's value; `values` holds those of all recipients, one after the other.
void RenderFor(const std::vector<std::string>& names, const std::vector<std::string>& values,
               size_t recipient, common::Content& content);

// The same of numbered placeholders, of which each recipient has `count` values.
void RenderNumbered(size_t count, const std::vector<std::string>& values, size_t recipient,
                    common::Content& content);

}  // namespace mo::sims

#include "services/rules/stop_words.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/text/normalize.h"

namespace mo::rules {

namespace accounts_v1 = messageorganizer::accounts::v1;
namespace channels_v1 = messageorganizer::channels::v1;

namespace {

// ISO 639 for what is no language: it has no words.
constexpr char kNoLanguage[] = "zxx";

using ByLanguage = std::map<std::string, v1::LanguageStopWords>;

ByLanguage ByLanguageOf(const v1::StopWords& own) {
  ByLanguage languages;
  for (const v1::LanguageStopWords& one : own.languages()) languages[one.language()] = one;
  return languages;
}

// The languages in use, or none for all: "de-AT" is "de".
class InUse {
 public:
  explicit InUse(const accounts_v1::Settings& settings) {
    for (const std::string& tag : settings.stop_languages()) {
      codes_.insert(absl::AsciiStrToLower(std::string(tag, 0, tag.find_first_of("-_"))));
    }
  }
  bool Has(absl::string_view language) const {
    return codes_.empty() || codes_.contains(std::string(language));
  }

 private:
  std::set<std::string> codes_;
};

bool IsRemoved(const ByLanguage& own, absl::string_view language, const text::Folded& word) {
  const auto found = own.find(std::string(language));
  if (found == own.end()) return false;
  return std::any_of(
      found->second.removed().begin(), found->second.removed().end(),
      [&](const std::string& removed) { return text::Same(text::Fold(removed), word); });
}

class WordCheck {
 public:
  WordCheck(const channels_v1::ListKeywordsResponse& keywords, Problems& problems)
      : problems_(problems) {
    for (const channels_v1::Channel& channel : keywords.channels())
      keywords_.push_back(text::Fold(channel.keyword()));
  }
  void Check(const google::protobuf::RepeatedPtrField<std::string>& words,
             const std::string& path) {
    for (int i = 0; i < words.size(); ++i) {
      const std::string field = absl::StrCat(path, "[", i, "]");
      const text::Folded word = text::Fold(words[i]);
      if (word.plain.empty()) {
        problems_.Add(field, "BAD_FORMAT", "has no letter or digit");
      } else if (std::any_of(keywords_.begin(), keywords_.end(), [&](const text::Folded& keyword) {
                   return text::Same(word, keyword);
                 })) {
        problems_.Add(field, "IS_KEYWORD", "is a channel's keyword");
      }
    }
  }

 private:
  Problems& problems_;
  std::vector<text::Folded> keywords_;
};

}  // namespace

text::StopWords StopWordsOf(const accounts_v1::Settings& settings, const v1::StopWords& own) {
  const InUse in_use(settings);
  const ByLanguage languages = ByLanguageOf(own);
  std::vector<std::string> words(own.added().begin(), own.added().end());
  for (const auto& [language, one] : languages) {
    if (in_use.Has(language)) words.insert(words.end(), one.added().begin(), one.added().end());
  }
  for (const text::StopWordList& list : text::DefaultStopWords()) {
    for (const absl::string_view word : list.words) {
      const text::Folded folded = text::Fold(word);
      const bool counts = std::any_of(
          list.languages.begin(), list.languages.end(), [&](absl::string_view language) {
            return in_use.Has(language) && !IsRemoved(languages, language, folded);
          });
      if (counts) words.emplace_back(word);
    }
  }
  return text::StopWords({kNoLanguage}, words, {own.removed().begin(), own.removed().end()});
}

v1::StopWords WithStandard(const accounts_v1::Settings& settings, v1::StopWords own) {
  const InUse in_use(settings);
  ByLanguage languages = ByLanguageOf(own);
  for (const text::StopWordList& list : text::DefaultStopWords()) {
    for (const absl::string_view language : list.languages) {
      v1::LanguageStopWords& one = languages[std::string(language)];
      one.clear_standard();
      for (const absl::string_view word : list.words) one.add_standard(std::string(word));
    }
  }
  own.clear_languages();
  for (auto& [language, one] : languages) {
    one.set_language(language);
    one.set_in_use(in_use.Has(language));
    *own.add_languages() = std::move(one);
  }
  own.clear_standard();
  const text::StopWords standard = StopWordsOf(settings, v1::StopWords());
  for (const text::Folded& word : standard.words()) own.add_standard(word.plain);
  return own;
}

v1::StopWords Changed(v1::StopWords own, const v1::StopWords& request) {
  ByLanguage languages = ByLanguageOf(own);
  for (const v1::LanguageStopWords& one : request.languages()) {
    v1::LanguageStopWords& kept = languages[one.language()];
    kept = one;
    kept.clear_standard();
    kept.clear_in_use();
  }
  *own.mutable_added() = request.added();
  *own.mutable_removed() = request.removed();
  own.clear_languages();
  for (auto& [language, one] : languages) *own.add_languages() = std::move(one);
  return own;
}

absl::Status CheckStopWords(const v1::StopWords& request, const v1::StopWords& changed,
                            const accounts_v1::Settings& settings,
                            const channels_v1::ListKeywordsResponse& keywords) {
  Problems problems;
  WordCheck check(keywords, problems);
  check.Check(request.added(), "stop_words.added");
  std::set<std::string> seen;
  for (int i = 0; i < request.languages_size(); ++i) {
    const std::string field = absl::StrCat("stop_words.languages[", i, "]");
    check.Check(request.languages(i).added(), absl::StrCat(field, ".added"));
    if (!seen.insert(request.languages(i).language()).second)
      problems.Add(absl::StrCat(field, ".language"), "DUPLICATE", "comes twice");
  }
  // Whoever has opted in must be able to opt out.
  if (StopWordsOf(settings, changed).words().empty()) {
    problems.Add("stop_words.removed", "NONE_LEFT", "at least one stop word must be left");
  }
  return problems.ToStatus();
}

}  // namespace mo::rules

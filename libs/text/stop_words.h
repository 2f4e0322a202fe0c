// The words with which a contact opts out: the i18nStop list.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/text/normalize.h"

namespace mo::text {

// The default stop words of some languages that share them.
struct StopWordList {
  // ISO 639-1 codes.
  std::vector<absl::string_view> languages;
  std::vector<absl::string_view> words;
};

// All stop words that are on by default. Ambiguous ones ("aus", "raus", "nein", "no") are not among
// them: a tenant adds them where they are wanted.
const std::vector<StopWordList>& DefaultStopWords();

// An account's stop words. Cheap to copy; immutable.
class StopWords {
 public:
  // The default words of all languages.
  StopWords() : StopWords(std::vector<std::string>{}) {}

  // The default words of the languages (ISO 639-1, a region like in "de-AT" is ignored; none given:
  // all; unknown ones add nothing), plus extra words, minus removed ones. "stop" belongs to every
  // language. Words that normalise to nothing are ignored.
  explicit StopWords(const std::vector<std::string>& languages,
                     const std::vector<std::string>& extra = {},
                     const std::vector<std::string>& removed = {});

  // Whether the text as a whole is a stop word.
  bool Contains(const Folded& text) const;

  // The words, each once.
  const std::vector<Folded>& words() const;

  // The most words one of them consists of ("keine nachrichten mehr": 3).
  int longest_in_words() const;

  // The size of the longest, in bytes of its longest folding.
  size_t longest_in_bytes() const;

 private:
  struct Index;
  std::shared_ptr<const Index> index_;
};

}  // namespace mo::text

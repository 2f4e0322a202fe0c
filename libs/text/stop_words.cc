#include "libs/text/stop_words.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "libs/text/fold_index.h"

namespace mo::text {
namespace {

struct Row {
  absl::string_view languages;
  absl::string_view words;
};

constexpr Row kDefaults[] = {
    {"de",
     "stop,stopp,stoppen,stop alle,stopp alles,alles "
     "stoppen,abmelden,abmeldung,abbestellen,austragen,kündigen,beenden,"
     "ende,keine nachrichten mehr,nicht mehr schreiben"},
    {"en",
     "stop,stopall,stop all,unsubscribe,cancel,end,quit,revoke,optout,opt-out,opt "
     "out,remove,remove me"},
    {"fr", "arrêt,arrêter,stop,désabonner,désinscrire"},
    {"it", "stop,basta,annulla,cancellami,disiscrivi"},
    {"es", "baja,alto,parar,cancelar,stop"},
    {"pt", "parar,sair,cancelar"},
    {"nl", "stop,stoppen,afmelden,uitschrijven"},
    {"pl", "stop,wypisz,rezygnuję"},
    {"cs,sk", "stop,odhlásit,odhlásiť"},
    {"hu", "stop,leállít,leiratkozás"},
    {"hr,sr,bs,sl", "stop,odjava"},
    {"ro", "stop,dezabonare"},
    {"tr", "dur,iptal,stop"},
    {"sv", "stopp,avsluta"},
    {"da,no,nb,nn", "stop,stopp,afmeld,avmeld"},
    {"ru,uk", "стоп,отписаться,відписатися"},
    {"el", "στοπ,διακοπή"},
    {"ar", "توقف,إلغاء"},
};

int CountWords(absl::string_view text) {
  return 1 + static_cast<int>(std::count(text.begin(), text.end(), ' '));
}

}  // namespace

struct StopWords::Index {
  FoldIndex<bool> by_text;
  std::vector<Folded> words;
  int longest_in_words = 1;
  size_t longest_in_bytes = 0;

  void Add(const Folded& word) {
    if (word.plain.empty() || by_text.Find(word) != nullptr) return;
    by_text.Add(word, true);
    words.push_back(word);
    longest_in_words = std::max(longest_in_words, CountWords(word.plain));
    longest_in_bytes =
        std::max({longest_in_bytes, word.plain.size(), word.bare.size(), word.expanded.size()});
  }
};

const std::vector<StopWordList>& DefaultStopWords() {
  static const auto* const kLists = [] {
    auto* lists = new std::vector<StopWordList>;
    for (const Row& row : kDefaults) {
      lists->push_back({absl::StrSplit(row.languages, ','), absl::StrSplit(row.words, ',')});
    }
    return lists;
  }();
  return *kLists;
}

StopWords::StopWords(const std::vector<std::string>& languages,
                     const std::vector<std::string>& extra,
                     const std::vector<std::string>& removed) {
  std::vector<std::string> wanted;
  for (const std::string& language : languages) {
    wanted.push_back(absl::AsciiStrToLower(std::string(language, 0, language.find_first_of("-_"))));
  }
  FoldIndex<bool> without;
  for (const std::string& word : removed) without.Add(Fold(word), true);

  auto index = std::make_shared<Index>();
  const auto add = [&](absl::string_view text) {
    const Folded word = Fold(text);
    if (without.Find(word) == nullptr) index->Add(word);
  };
  add("stop");
  for (const StopWordList& list : DefaultStopWords()) {
    const bool on = wanted.empty() ||
                    std::any_of(wanted.begin(), wanted.end(), [&](const std::string& language) {
                      return std::count(list.languages.begin(), list.languages.end(), language) > 0;
                    });
    if (!on) continue;
    for (absl::string_view word : list.words) add(word);
  }
  for (const std::string& word : extra) add(word);
  index_ = std::move(index);
}

bool StopWords::Contains(const Folded& text) const { return index_->by_text.Find(text) != nullptr; }

const std::vector<Folded>& StopWords::words() const { return index_->words; }

int StopWords::longest_in_words() const { return index_->longest_in_words; }

size_t StopWords::longest_in_bytes() const { return index_->longest_in_bytes; }

}  // namespace mo::text

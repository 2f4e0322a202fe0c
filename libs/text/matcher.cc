#include "libs/text/matcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace mo::text {
namespace {

using Kind = Decision::Kind;

// Room for what stands between a stop word and a keyword: "Stop --- Sport".
constexpr size_t kSlackBytes = 64;

constexpr absl::string_view kStartWords[] = {"start", "anmelden"};

// Ordinary words that are one typo away from "stop".
constexpr absl::string_view kNotATypo[] = {"top", "shop", "step"};

size_t LongestForm(const Folded& text) {
  return std::max({text.plain.size(), text.bare.size(), text.expanded.size()});
}

// Whether one letter more, less, different or one swapped pair makes b of a.
bool IsOneTypo(absl::string_view a, absl::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  size_t i = 0;
  while (i < a.size() && a[i] == b[i]) ++i;
  if (a.size() < b.size()) return a.substr(i) == b.substr(i + 1);
  if (i == a.size()) return false;
  if (a.substr(i + 1) == b.substr(i + 1)) return true;
  return i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] &&
         a.substr(i + 2) == b.substr(i + 2);
}

bool LooksLikeStop(const Folded& text) {
  return IsOneTypo(text.bare, "stop") &&
         std::find(std::begin(kNotATypo), std::end(kNotATypo), text.bare) == std::end(kNotATypo);
}

}  // namespace

Matcher::Matcher(StopWords stop_words, const std::vector<Channel>& channels, MatchOptions options)
    : stop_words_(std::move(stop_words)), options_(options) {
  size_t longest_keyword = 0;
  const auto add = [&](FoldIndex<int64_t>& index, absl::string_view keyword, int64_t id) {
    const Folded folded = Fold(keyword);
    longest_keyword = std::max(longest_keyword, LongestForm(folded));
    index.Add(folded, id);
  };
  for (const Channel& channel : channels) {
    add(keywords_, channel.keyword, channel.id);
    add(leave_keywords_, channel.leave_keyword, channel.id);
  }
  for (absl::string_view word : kStartWords) start_words_.Add(Fold(word), true);
  longest_in_bytes_ = stop_words_.longest_in_bytes() + longest_keyword + kSlackBytes;
  stop_is_stop_ = stop_words_.Contains(Fold("stop"));
}

Decision Matcher::Match(absl::string_view text) const {
  const Folded whole = Fold(text);
  if (whole.plain.empty()) {
    return {options_.stop_signs && IsStopSign(text) ? Kind::kStopAll : Kind::kNone};
  }
  if (whole.bare.size() > longest_in_bytes_) return {};
  if (stop_words_.Contains(whole)) return {Kind::kStopAll};
  if (const int64_t* id = leave_keywords_.Find(whole)) return {Kind::kStopChannel, *id};
  if (const Decision stop = MatchStopAndRest(whole); stop.kind != Kind::kNone) return stop;

  const bool stop_sign = ContainsStopSign(text);
  if (const int64_t* id = keywords_.Find(whole)) {
    // "🛑 Sport" must never subscribe, whatever the option says.
    if (!stop_sign) return {Kind::kSubscribe, *id};
    return options_.stop_signs ? Decision{Kind::kStopChannel, *id} : Decision{};
  }
  if (start_words_.Find(whole) != nullptr) return {stop_sign ? Kind::kNone : Kind::kStart};
  if (stop_is_stop_ && LooksLikeStop(whole)) return {Kind::kDidYouMeanStop};
  return {};
}

// "<stop> <keyword>" and "<keyword> <stop>"; both may consist of several words.
Decision Matcher::MatchStopAndRest(const Folded& whole) const {
  const std::vector<absl::string_view> words = absl::StrSplit(whole.plain, ' ');
  const size_t most =
      std::min<size_t>(static_cast<size_t>(stop_words_.longest_in_words()), words.size() - 1);
  const absl::string_view text = whole.plain;
  bool unknown = false;
  size_t head = 0;
  size_t tail = text.size();
  for (size_t n = 1; n <= most; ++n) {
    head += words[n - 1].size() + (n > 1 ? 1 : 0);
    tail -= words[words.size() - n].size() + (n > 1 ? 1 : 0);
    // Folded again: "stop, sport" has punctuation at the ends of its parts.
    if (stop_words_.Contains(Fold(text.substr(0, head)))) {
      const Folded rest = Fold(text.substr(head));
      if (const int64_t* id = keywords_.Find(rest)) return {Kind::kStopChannel, *id};
      unknown = unknown || (!rest.plain.empty() && !absl::StrContains(rest.plain, ' '));
    }
    if (stop_words_.Contains(Fold(text.substr(tail)))) {
      if (const int64_t* id = keywords_.Find(Fold(text.substr(0, tail))))
        return {Kind::kStopChannel, *id};
    }
  }
  return {unknown && options_.prompt_unknown_channel ? Kind::kStopUnknownChannel : Kind::kNone};
}

absl::Status CheckKeyword(absl::string_view keyword, const StopWords& stop_words) {
  const Folded folded = Fold(keyword);
  if (folded.plain.empty()) {
    return absl::InvalidArgumentError("the keyword has no letter or digit");
  }
  if (stop_words.Contains(folded)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the keyword \"", folded.plain, "\" is a stop word"));
  }
  for (const Folded& stop : stop_words.words()) {
    for (const std::string& joined : {absl::StrCat(stop.plain, " ", folded.plain),
                                      absl::StrCat(folded.plain, " ", stop.plain)}) {
      if (!stop_words.Contains(Fold(joined))) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "the keyword \"", folded.plain, "\" cannot be left: \"", joined, "\" is a stop word"));
    }
  }
  return absl::OkStatus();
}

}  // namespace mo::text

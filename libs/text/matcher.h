// What an inbound text asks for: to stop, to join or leave a channel, to start again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/text/fold_index.h"
#include "libs/text/stop_words.h"

namespace mo::text {

// A channel as far as commands are concerned.
struct Channel {
  int64_t id = 0;
  // Subscribes when it is the whole message; may be empty.
  std::string keyword;
  // Leaves the channel when it is the whole message, besides "<stop> <keyword>" and "<keyword>
  // <stop>"; may be empty.
  std::string leave_keyword;
};

// What a text asks for.
struct Decision {
  enum class Kind {
    kNone,
    // Opt out of everything.
    kStopAll,
    // Leave channel_id.
    kStopChannel,
    // Join channel_id.
    kSubscribe,
    // Opt in again.
    kStart,
    // "Stop <unknown word>", with MatchOptions.prompt_unknown_channel only: not a stop; ask which
    // channel is meant.
    kStopUnknownChannel,
    // One typo away from "stop": not a stop; ask whether one is meant.
    kDidYouMeanStop,
  };
  Kind kind = Kind::kNone;
  // Of kStopChannel and kSubscribe, else 0.
  int64_t channel_id = 0;

  bool operator==(const Decision&) const = default;
};

// The tenant's choices.
struct MatchOptions {
  // 🛑, ✋ or ⛔ alone is a global stop, and beside a channel's keyword leaves it.
  bool stop_signs = false;
  // Answer kStopUnknownChannel instead of kNone.
  bool prompt_unknown_channel = false;
};

// Recognises an account's commands. Only whole messages match, never words within a sentence.
// Opt-outs come before everything else; a channel's keyword comes before the words that opt in
// again ("start", "anmelden"). Where two channels have the same keyword the first one has it.
// Immutable: safe to share between threads.
class Matcher {
 public:
  Matcher(StopWords stop_words, const std::vector<Channel>& channels, MatchOptions options = {});

  // Linear in the text's length, independent of the number of channels.
  Decision Match(absl::string_view text) const;

 private:
  Decision MatchStopAndRest(const Folded& whole) const;

  StopWords stop_words_;
  MatchOptions options_;
  FoldIndex<int64_t> keywords_;
  FoldIndex<int64_t> leave_keywords_;
  FoldIndex<bool> start_words_;
  // No command is longer.
  size_t longest_in_bytes_ = 0;
  bool stop_is_stop_ = true;
};

// InvalidArgument for a channel's keyword or leave keyword that could not work: nothing is left of
// it when normalised, it is a stop word, or it forms one together with a stop word ("alle": "stop
// alle" leaves everything).
absl::Status CheckKeyword(absl::string_view keyword, const StopWords& stop_words);

}  // namespace mo::text

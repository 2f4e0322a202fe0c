// The one normalisation of short texts that people type as commands: stop words, channel keywords.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mo::text {

// A text in the three foldings in which commands are compared. All are UTF-8 in NFC, case-folded,
// without surrounding punctuation and emoji; all are empty when nothing remains.
struct Folded {
  // With its diacritics: "kündigen".
  std::string plain;
  // Diacritics dropped: "kundigen".
  std::string bare;
  // Umlauts written out, other diacritics dropped: "kuendigen".
  std::string expanded;
};

// Normalises and folds a text. Invalid UTF-8 is tolerated, not an error. Linear in the text's
// length. Idempotent: Fold(Fold(x).plain) equals Fold(x).
Folded Fold(absl::string_view utf8);

// Whether the two are the same command: some folding of one equals some folding of the other. Not
// transitive
// ("kuendigen" and "kundigen" are each the same as "kündigen", not as each other). Empty is the
// same as nothing.
bool Same(const Folded& a, const Folded& b);

// Whether the text is only stop signs (🛑, ✋ in any skin tone, ⛔) and spaces, at least one
// sign.
bool IsStopSign(absl::string_view utf8);

// Whether a stop sign occurs anywhere in the text.
bool ContainsStopSign(absl::string_view utf8);

}  // namespace mo::text

#include "services/rules/answers.h"

#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"

namespace mo::rules {
namespace {

// The product's answers. Each says how to stop, or how to come back.
struct Default {
  absl::string_view language;
  absl::string_view welcome;
  absl::string_view stop;
  absl::string_view leave;
  absl::string_view subscribe;
};
constexpr Default kDefaults[] = {
    {"de",
     "Willkommen! Sie erhalten ab jetzt unsere Nachrichten. Antworten Sie jederzeit mit "
     "STOP, um sich abzumelden.",
     "Sie sind abgemeldet und erhalten keine Nachrichten mehr von uns. Wenn Sie wieder dabei sein "
     "möchten, schreiben Sie uns einfach.",
     "Sie erhalten „{{channel}}“ nicht mehr. Mit STOP melden Sie sich von allem ab.",
     "Sie erhalten ab jetzt „{{channel}}“. Zum Abmelden antworten Sie mit STOP {{keyword}}, von "
     "allem mit STOP."},
    {"en",
     "Welcome! You will receive our messages from now on. Reply STOP at any time to unsubscribe.",
     "You are unsubscribed and will receive no more messages from us. To come back, just write to "
     "us.",
     "You will no longer receive {{channel}}. Reply STOP to unsubscribe from everything.",
     "You will receive {{channel}} from now on. To leave it reply STOP {{keyword}}, to leave "
     "everything reply STOP."},
};

constexpr absl::string_view kPlaceholders[] = {"name", "channel", "keyword"};

v1::StandardAnswers FromDefault(const Default& from) {
  v1::StandardAnswers answers;
  answers.set_language(std::string(from.language));
  answers.set_welcome_text(std::string(from.welcome));
  answers.set_stop_text(std::string(from.stop));
  answers.set_leave_text(std::string(from.leave));
  answers.set_subscribe_text(std::string(from.subscribe));
  return answers;
}

// "de-AT-1996", "de-AT", "de"; then the product's own.
std::optional<v1::StandardAnswers> Find(const OwnAnswers& own, absl::string_view language) {
  std::string tag = absl::AsciiStrToLower(language);
  for (;;) {
    if (const auto it = own.find(tag); it != own.end()) return it->second;
    const size_t dash = tag.rfind('-');
    if (dash == std::string::npos) break;
    tag.resize(dash);
  }
  for (const Default& answers : kDefaults) {
    if (answers.language == tag) return FromDefault(answers);
  }
  return std::nullopt;
}

}  // namespace

v1::StandardAnswers AnswersFor(const OwnAnswers& own, absl::string_view language,
                               absl::string_view default_language) {
  for (const absl::string_view tag : {language, default_language}) {
    if (tag.empty()) continue;
    if (auto found = Find(own, tag)) return *found;
  }
  return *Find(own, "en");
}

absl::Status CheckAnswers(const v1::StandardAnswers& answers) {
  Problems problems;
  const auto check = [&](const char* field, const std::string& text) {
    const auto parsed = text::Template::Parse(text, kPlaceholders);
    if (parsed.ok()) return;
    problems.Add(absl::StrCat("answers.", field), "BAD_PLACEHOLDER", parsed.status().message());
  };
  check("welcome_text", answers.welcome_text());
  check("stop_text", answers.stop_text());
  check("leave_text", answers.leave_text());
  check("subscribe_text", answers.subscribe_text());
  return problems.ToStatus();
}

std::string RenderAnswer(const std::string& text, text::Template::Lookup lookup) {
  const auto parsed = text::Template::Parse(text, kPlaceholders);
  return parsed.ok() ? parsed->Render(lookup) : text;
}

}  // namespace mo::rules

#include "services/rules/rule_set.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/text/normalize.h"

namespace mo::rules {

namespace common_v1 = messageorganizer::common::v1;

namespace {

// Of one expression, and of all of an account together.
constexpr int64_t kRegexpMemory = 1 << 20;
constexpr int64_t kSetMemory = 32 << 20;

RE2::Options OptionsOf(int64_t memory, bool case_sensitive) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(memory);
  options.set_case_sensitive(case_sensitive);
  return options;
}

std::string Distinct(const text::Folded& folded, absl::string_view separator,
                     const std::function<std::string(const std::string&)>& as) {
  std::vector<std::string> forms = {as(folded.plain)};
  if (folded.bare != folded.plain) forms.push_back(as(folded.bare));
  if (folded.expanded != folded.plain) forms.push_back(as(folded.expanded));
  return absl::StrJoin(forms, separator);
}

// Words in any of their foldings, as an expression.
std::string WordsPattern(const std::string& pattern) {
  return Distinct(text::Fold(pattern), "|",
                  [](const std::string& form) { return RE2::QuoteMeta(form); });
}

// A text in all of its foldings; no words reach over a line.
std::string AllFoldings(absl::string_view text) {
  return Distinct(text::Fold(text), "\n", [](const std::string& form) { return form; });
}

// Whoever is stopped gets nothing more.
bool EndsHere(const v1::Rule& rule) {
  return rule.stop_here() ||
         std::any_of(rule.actions().begin(), rule.actions().end(),
                     [](const v1::RuleAction& action) { return action.has_stop(); });
}

bool Holds(const v1::Rule& rule) { return rule.state() != v1::RULE_STATE_DISABLED; }

template <class List, class Value>
bool OneOf(const List& list, const Value& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

// Expressions of many rules, looked for at once.
struct RuleSet::Patterns {
  explicit Patterns(bool case_sensitive)
      : options(OptionsOf(kRegexpMemory, case_sensitive)),
        set(OptionsOf(kSetMemory, case_sensitive), RE2::UNANCHORED) {}

  void Add(const std::string& pattern, size_t rule) {
    if (set.Add(pattern, nullptr) < 0) return;  // was refused when the rule was saved
    sources.push_back(pattern);
    rules.push_back(rule);
  }
  void Compile() { compiled = !rules.empty() && set.Compile(); }

  void Match(absl::string_view text, std::vector<bool>& found) const {
    if (rules.empty()) return;
    const re2::StringPiece input(text.data(), text.size());
    std::vector<int> hits;
    RE2::Set::ErrorInfo error{RE2::Set::kNoError};
    if (compiled && (set.Match(input, &hits, &error) || error.kind == RE2::Set::kNoError)) {
      for (const int hit : hits) found[rules[static_cast<size_t>(hit)]] = true;
      return;
    }
    // Together they need too much memory at this text: one after another they do not.
    for (size_t i = 0; i < rules.size(); ++i) {
      if (!found[rules[i]] && RE2::PartialMatch(input, RE2(sources[i], options)))
        found[rules[i]] = true;
    }
  }

  RE2::Options options;
  RE2::Set set;
  bool compiled = false;
  std::vector<std::string> sources;
  std::vector<size_t> rules;  // of each expression in the set
};

RuleSet::RuleSet(std::vector<v1::Rule> rules, int64_t version)
    : version_(version),
      rules_(std::move(rules)),
      words_(std::make_unique<Patterns>(true)),
      regexps_(std::make_unique<Patterns>(false)) {
  std::sort(rules_.begin(), rules_.end(), [](const v1::Rule& a, const v1::Rule& b) {
    return std::make_pair(a.priority(), IdOf(a.id())) < std::make_pair(b.priority(), IdOf(b.id()));
  });
  for (size_t i = 0; i < rules_.size(); ++i) {
    const v1::Rule& rule = rules_[i];
    schedules_.emplace_back(rule.schedule());
    if (Holds(rule)) {
      for_groups_ |= rule.also_for_groups();
      for (const std::string& id : rule.channel_ids()) channels_.push_back(IdOf(id));
    }
    if (rule.trigger() != v1::RULE_TRIGGER_DEFINE || !Holds(rule)) continue;
    for (const std::string& pattern : rule.patterns()) {
      if (rule.match_type() == v1::MATCH_TYPE_REGEXP) {
        regexps_->Add(pattern, i);
      } else {
        words_->Add(WordsPattern(pattern), i);
      }
    }
  }
  words_->Compile();
  regexps_->Compile();
  std::sort(channels_.begin(), channels_.end());
  channels_.erase(std::unique(channels_.begin(), channels_.end()), channels_.end());
}

RuleSet::~RuleSet() = default;

std::vector<bool> RuleSet::Matches(absl::string_view text) const {
  std::vector<bool> found(rules_.size());
  if (text.empty()) return found;
  if (!words_->rules.empty()) words_->Match(AllFoldings(text), found);
  regexps_->Match(text, found);
  return found;
}

v1::Verdict RuleSet::Judge(size_t index, const RuleOccasion& occasion,
                           const std::vector<bool>& matches) const {
  const v1::Rule& rule = rules_[index];
  if (!Holds(rule)) return v1::VERDICT_DISABLED;
  if (occasion.in_group && !rule.also_for_groups()) return v1::VERDICT_GROUP;
  if (rule.trigger() == v1::RULE_TRIGGER_DEFINE && !matches[index]) return v1::VERDICT_NO_MATCH;
  if (!OneOf(rule.networks(), static_cast<int>(occasion.network))) return v1::VERDICT_NETWORK;
  if (!OneOf(rule.sim_ids(), occasion.sim_id)) return v1::VERDICT_SIM;
  if (rule.only_first_message() && !occasion.first) return v1::VERDICT_NOT_FIRST;
  if (!OneOf(rule.message_kinds(), static_cast<int>(occasion.kind))) {
    return v1::VERDICT_MESSAGE_KIND;
  }
  if (!schedules_[index].Holds(occasion.time, occasion.zone)) return v1::VERDICT_SCHEDULE;
  return v1::VERDICT_FIRED;
}

absl::StatusOr<std::vector<Finding>> RuleSet::Find(const RuleOccasion& occasion,
                                                   const InChannels& in_channels) const {
  const auto among = [&](Finding& finding) -> absl::Status {
    if (finding.verdict != v1::VERDICT_FIRED || finding.rule->channel_ids().empty())
      return absl::OkStatus();
    bool subscribed = false;
    if (in_channels) {
      MO_ASSIGN_OR_RETURN(subscribed, in_channels(*finding.rule));
    }
    if (!subscribed) finding.verdict = v1::VERDICT_CHANNEL;
    return absl::OkStatus();
  };
  const std::vector<bool> matches = Matches(occasion.text);
  std::vector<Finding> findings;
  findings.reserve(rules_.size());
  bool taken = occasion.answered;
  for (size_t i = 0; i < rules_.size(); ++i) {
    Finding& finding = findings.emplace_back(Finding{&rules_[i], Judge(i, occasion, matches)});
    if (rules_[i].trigger() == v1::RULE_TRIGGER_REST) continue;
    MO_RETURN_IF_ERROR(among(finding));
    // A rule that is only tried takes nothing from others.
    taken |= finding.verdict == v1::VERDICT_FIRED &&
             rules_[i].trigger() == v1::RULE_TRIGGER_DEFINE &&
             rules_[i].state() != v1::RULE_STATE_DRY_RUN;
  }
  for (Finding& finding : findings) {
    if (finding.rule->trigger() != v1::RULE_TRIGGER_REST) continue;
    if (taken && finding.verdict == v1::VERDICT_FIRED) finding.verdict = v1::VERDICT_NO_MATCH;
    MO_RETURN_IF_ERROR(among(finding));
  }
  return findings;
}

absl::Status Settle(std::vector<Finding>& findings, const Allow& allow) {
  bool stopped = false;
  for (Finding& finding : findings) {
    if (finding.verdict != v1::VERDICT_FIRED) continue;
    if (stopped) {
      finding.verdict = v1::VERDICT_STOPPED;
    } else if (finding.rule->state() == v1::RULE_STATE_DRY_RUN) {
      finding.verdict = v1::VERDICT_DRY_RUN;
    } else {
      MO_ASSIGN_OR_RETURN(finding.verdict, allow(*finding.rule));
      stopped = finding.verdict == v1::VERDICT_FIRED && EndsHere(*finding.rule);
    }
  }
  return absl::OkStatus();
}

void Explain(const std::vector<Finding>& findings, bool whole, v1::Evaluation& evaluation) {
  for (const Finding& finding : findings) {
    const bool dull = finding.verdict == v1::VERDICT_DISABLED ||
                      finding.verdict == v1::VERDICT_NO_MATCH ||
                      finding.verdict == v1::VERDICT_GROUP;
    if (dull && !whole) continue;
    v1::RuleVerdict& verdict = *evaluation.add_rules();
    verdict.set_rule_id(finding.rule->id());
    verdict.set_display_name(finding.rule->display_name());
    verdict.set_verdict(finding.verdict);
  }
}

v1::MessageKind KindOf(const common_v1::Content& content) {
  switch (content.kind_case()) {
    case common_v1::Content::kText:
      return v1::MESSAGE_KIND_TEXT;
    case common_v1::Content::kLocation:
      return v1::MESSAGE_KIND_LOCATION;
    case common_v1::Content::kMedia:
      switch (content.media().kind()) {
        case common_v1::MEDIA_KIND_IMAGE:
          return v1::MESSAGE_KIND_IMAGE;
        case common_v1::MEDIA_KIND_AUDIO:
          return v1::MESSAGE_KIND_AUDIO;
        case common_v1::MEDIA_KIND_VIDEO:
          return v1::MESSAGE_KIND_VIDEO;
        case common_v1::MEDIA_KIND_DOCUMENT:
          return v1::MESSAGE_KIND_DOCUMENT;
        default:
          return v1::MESSAGE_KIND_OTHER;
      }
    default:
      return v1::MESSAGE_KIND_OTHER;
  }
}

absl::Status CheckRegexp(const std::string& pattern) {
  const RE2 compiled(pattern, OptionsOf(kRegexpMemory, false));
  if (compiled.ok()) return absl::OkStatus();
  std::string what = compiled.error();
  const size_t at =
      compiled.error_arg().empty() ? std::string::npos : pattern.find(compiled.error_arg());
  if (at != std::string::npos) absl::StrAppend(&what, ", at character ", at + 1);
  if (compiled.error_code() == RE2::ErrorBadPerlOp) {
    what +=
        "; RE2 has no look-ahead and no look-behind: say what must be there, and use a second "
        "rule with stop_here for what must not";
  } else if (compiled.error_code() == RE2::ErrorBadEscape) {
    what += "; RE2 has no back-references, and \\ stands only before what is special";
  }
  return absl::InvalidArgumentError(what);
}

}  // namespace mo::rules

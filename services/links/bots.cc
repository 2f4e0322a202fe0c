#include "services/links/bots.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace mo::links {
namespace {

// Parts of their User-Agents, in lower case. Not "facebook" or "instagram": their apps' browsers
// have people in front.
constexpr absl::string_view kBots[] = {
    "whatsapp/",
    "telegrambot",
    "facebookexternalhit",
    "facebookcatalog",
    "facebot",
    "meta-externalag",
    "meta-externalfetch",
    "slackbot",
    "slack-imgproxy",
    "twitterbot",
    "linkedinbot",
    "skypeuripreview",
    "discordbot",
    "bingbot",
    "bingpreview",
    "googlebot",
    "googleother",
    "google-inspecti",
    "google-read-aloud",
    "adsbot-google",
    "applebot",
    "yandexbot",
    "duckduckbot",
    "baiduspider",
    "redditbot",
    "pinterestbot",
    "embedly",
    "vkshare",
    "petalbot",
    "bytespider",
    "gptbot",
    "claudebot",
};
constexpr size_t kMaxKnown = 4096;
constexpr size_t kMaxLength = 512;

bool Matches(absl::string_view user_agent) {
  const std::string lower = absl::AsciiStrToLower(user_agent.substr(0, kMaxLength));
  return std::any_of(std::begin(kBots), std::end(kBots),
                     [&](absl::string_view bot) { return absl::StrContains(lower, bot); });
}

}  // namespace

bool IsBot(absl::string_view user_agent) {
  if (user_agent.empty() || user_agent.size() > kMaxLength) return Matches(user_agent);
  // Few programs make most of the clicks.
  thread_local absl::flat_hash_map<std::string, bool> known;
  if (const auto found = known.find(user_agent); found != known.end()) return found->second;
  if (known.size() >= kMaxKnown) known.clear();
  return known[std::string(user_agent)] = Matches(user_agent);
}

}  // namespace mo::links

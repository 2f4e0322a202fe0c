#include "tools/simulator/doubles/registry.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/simulator/doubles/kannel.h"
#include "tools/simulator/doubles/messenger.h"
#include "tools/simulator/doubles/telegram.h"
#include "tools/simulator/doubles/whatsapp.h"

namespace mo::simulator {

namespace {

// What a provider is: where it is mounted, how it is made, and whom a request is for.
struct Provider {
  const char* driver;
  const char* mount;
  common::Network network;
  ProviderLimits (*limits)();
  std::shared_ptr<Double> (*make)(uint32_t, DoubleSpec, DoubleSettings, World&, http::Client&,
                                  std::string);
  // The sender id or else the token that the request names.
  std::string (*sender)(const ProviderCall&);
  std::string (*token)(const ProviderCall&);
  // The answer when there is no such SIM.
  http::Response (*unknown)(const ProviderCall&);
};

template <typename T>
std::shared_ptr<Double> Make(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
                             http::Client& client, std::string origin) {
  return std::make_shared<T>(id, std::move(spec), settings, world, client, std::move(origin));
}

http::Response JsonAnswer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json; charset=UTF-8");
  response.body = std::move(body);
  return response;
}

std::string GraphSender(const ProviderCall& call) {
  return call.path.size() > 1 ? call.path[1] : "";
}

// Of those who log in by name alone.
std::string NoToken(const ProviderCall&) { return ""; }

http::Response GraphUnknown(const ProviderCall&) {
  return JsonAnswer(401, R"({"error":{"message":"Invalid OAuth access token - Cannot parse access )"
                         R"(token","type":"OAuthException","code":190,"fbtrace_id":"A0"}})");
}

constexpr Provider kProviders[] = {
    {WhatsAppDouble::kDriver, "whatsapp", common::NETWORK_WHATSAPP, WhatsAppDouble::DefaultLimits,
     Make<WhatsAppDouble>, GraphSender, GraphToken, GraphUnknown},
    {TelegramDouble::kDriver, "telegram", common::NETWORK_TELEGRAM, TelegramDouble::DefaultLimits,
     Make<TelegramDouble>, TelegramDouble::BotOf, TelegramDouble::TokenOf, TelegramDouble::Unknown},
    {MessengerDouble::kDriver, "messenger", common::NETWORK_MESSENGER,
     MessengerDouble::DefaultLimits, Make<MessengerDouble>, GraphSender, GraphToken, GraphUnknown},
    {KannelDouble::kDriver, "kannel", common::NETWORK_SMS, KannelDouble::DefaultLimits,
     Make<KannelDouble>, KannelDouble::UserOf, NoToken, KannelDouble::Unknown},
};

const Provider* FindProvider(absl::string_view driver) {
  const auto* found = std::find_if(std::begin(kProviders), std::end(kProviders),
                                   [&](const Provider& p) { return p.driver == driver; });
  return found == std::end(kProviders) ? nullptr : found;
}

// Both kinds of requests may be in flight from many doubles at once.
http::ClientOptions ClientOptions() {
  http::ClientOptions options;
  options.max_in_flight = 256;
  options.user_agent = "mo-simulator";
  return options;
}

}  // namespace

Doubles::Doubles(World& world) : world_(world), client_(ClientOptions()) {}

Doubles::~Doubles() { client_.Stop(); }

void Doubles::SetOrigin(std::string origin) {
  std::lock_guard lock(mutex_);
  origin_ = std::move(origin);
}

absl::StatusOr<DoubleSettings> Doubles::Defaults(absl::string_view driver) {
  const Provider* provider = FindProvider(driver);
  if (provider == nullptr) {
    return absl::InvalidArgumentError(
        "driver must be whatsapp_cloud, telegram, messenger or sms_kannel");
  }
  DoubleSettings settings;
  settings.limits = provider->limits();
  return settings;
}

common::Network Doubles::NetworkOf(absl::string_view driver) {
  const Provider* provider = FindProvider(driver);
  return provider == nullptr ? common::NETWORK_UNSPECIFIED : provider->network;
}

absl::Status Doubles::Add(uint32_t id, DoubleSpec spec, const DoubleSettings& settings) {
  const Provider* provider = FindProvider(spec.driver);
  if (provider == nullptr) return absl::InvalidArgumentError("no such driver");
  std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    const bool same_sim =
        entry.held->network() == spec.network && entry.held->address() == spec.address;
    if (same_sim) return absl::AlreadyExistsError("the SIM has a double already");
    if (entry.driver == spec.driver && entry.sender_id == spec.sender_id) {
      return absl::AlreadyExistsError("another SIM has this sender_id");
    }
  }
  Entry entry{spec.driver, spec.sender_id, nullptr};
  entry.held = provider->make(id, std::move(spec), settings, world_, client_, origin_);
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

bool Doubles::Remove(common::Network network, absl::string_view address) {
  std::lock_guard lock(mutex_);
  const auto end = std::remove_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.held->network() == network && entry.held->address() == address;
  });
  const bool found = end != entries_.end();
  entries_.erase(end, entries_.end());
  return found;
}

std::shared_ptr<Double> Doubles::Find(common::Network network, absl::string_view address) const {
  std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.held->network() == network && entry.held->address() == address) return entry.held;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Double>> Doubles::List() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Double>> doubles;
  for (const Entry& entry : entries_) doubles.push_back(entry.held);
  return doubles;
}

std::shared_ptr<Double> Doubles::FindSender(absl::string_view driver,
                                            absl::string_view sender_id) const {
  std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.driver == driver && entry.sender_id == sender_id) return entry.held;
  }
  return nullptr;
}

std::shared_ptr<Double> Doubles::FindToken(absl::string_view driver,
                                           absl::string_view token) const {
  std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.driver == driver && entry.held->HasToken(token)) return entry.held;
  }
  return nullptr;
}

bool Doubles::Serve(http::Request& request, http::Responder& responder) {
  const std::vector<absl::string_view> segments =
      absl::StrSplit(request.path, '/', absl::SkipEmpty());
  if (segments.empty()) return false;
  const auto* provider = std::find_if(std::begin(kProviders), std::end(kProviders),
                                      [&](const Provider& p) { return segments[0] == p.mount; });
  if (provider == std::end(kProviders)) return false;
  ProviderCall call;
  for (size_t i = 1; i < segments.size(); ++i) {
    call.path.push_back(http::PercentDecode(segments[i]).value_or(std::string(segments[i])));
  }
  if (!request.query.empty()) call.query = http::ParseQuery(request.query);
  call.request = std::move(request);
  call.responder = responder;
  std::shared_ptr<Double> found = FindSender(provider->driver, provider->sender(call));
  if (found == nullptr) found = FindToken(provider->driver, provider->token(call));
  if (found == nullptr) {
    responder.Send(provider->unknown(call));
  } else {
    found->Serve(std::move(call));
  }
  return true;
}

void Doubles::Tick(int64_t now_ms) {
  for (const std::shared_ptr<Double>& one : List()) one->Tick(now_ms);
}

}  // namespace mo::simulator

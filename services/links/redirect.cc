#include "services/links/redirect.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/links/bots.h"

namespace mo::links {
namespace {

constexpr absl::Duration kFresh = absl::Seconds(2);
constexpr absl::Duration kUsable = absl::Seconds(10);
constexpr absl::Duration kNoneFresh = absl::Seconds(1);
constexpr size_t kMaxCode = 32;
constexpr size_t kMaxHead = 8 << 10;

constexpr absl::string_view kPage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
    "content=\"width=device-width\"><title>";

// A page of one sentence.
std::string Page(absl::string_view text) {
  return absl::StrCat(kPage, text, "</title><p>", text, "</p></html>\n");
}

http::Response PageResponse(int status) {
  http::Response response;
  response.status = status;
  response.headers = {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}};
  if (status == 503) response.headers.Add("Retry-After", "1");
  response.body = Page(status == 410   ? "This link has expired."
                       : status == 503 ? "This link cannot be looked up now. Please try again."
                       : status == 405 ? "Only GET and HEAD are answered here."
                                       : "There is no such link.");
  return response;
}

// The code in "/code?query"; empty when it is none.
absl::string_view CodeOf(absl::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.size() < 2 || target.size() > kMaxCode + 1) return {};
  target.remove_prefix(1);
  const bool good = std::all_of(target.begin(), target.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
  return good ? target : absl::string_view();
}

bool IsPrefetch(absl::string_view value) { return absl::StrContains(value, "prefetch"); }

// One id for a target in memory, by which a refresh is known to be under way.
int64_t IdOfTarget(const Target& target) {
  return target.first_number != 0 ? -target.first_number : target.link_id;
}

}  // namespace

Redirect::Redirect(App& app, RedirectOptions options, CodeKey& codes, Settings& settings,
                   TargetStore& store, Visitors& visitors, ClickLog& clicks)
    : app_(app),
      options_(std::move(options)),
      codes_(codes),
      settings_(settings),
      store_(store),
      visitors_(visitors),
      clicks_(clicks),
      cache_(options_.cache),
      redirects_(app.metrics().Counter("mo_links_redirects_total", "Clicks that led somewhere")),
      refused_(app.metrics().Counter("mo_links_redirects_refused_total",
                                     "Requests of the redirect without a target")),
      domains_(std::make_shared<Domains>()) {}

absl::Status Redirect::Start() {
  http::ServerOptions options;
  const size_t colon = options_.listen.rfind(':');
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(options_.listen.substr(colon + 1), &options.port)) {
    return absl::InvalidArgumentError(
        absl::StrCat("redirect_listen \"", options_.listen, "\" is not host:port"));
  }
  options.address = options_.listen.substr(0, colon);
  options.threads = options_.threads;
  options.max_body = 0;
  options.max_header = kMaxHead;
  options.quick = [this](const http::QuickRequest& request, http::QuickAnswer* answer) {
    return Quick(request, answer);
  };
  server_ = std::make_unique<http::Server>(
      std::move(options), [this](http::Request request, const http::Responder& responder) {
        Handle(std::move(request), responder);
      });
  const absl::Status status = server_->Start();
  if (status.ok()) Log(LogLevel::kInfo, "redirecting", {{"redirect_port", server_->port()}});
  return status;
}

void Redirect::Stop() {
  if (server_ != nullptr) server_->Stop(app_.options().stop_deadline);
  store_.Stop();  // whose callbacks come here
}

absl::StatusOr<bool> Redirect::RefreshDomains() {
  MO_ASSIGN_OR_RETURN(const auto all, settings_.AllDomains());
  auto domains = std::make_shared<Domains>();
  for (const auto& [domain, account_id] : all) {
    domains->accounts.emplace(domain, account_id);
    domains->with_own.insert(account_id);
  }
  absl::MutexLock lock(&mutex_);
  domains_ = std::move(domains);
  return false;
}

template <class Lookup>
Redirect::Visit Redirect::VisitOf(absl::string_view target, bool head_only, absl::string_view peer,
                                  const Lookup& header) const {
  Visit visit;
  visit.now = app_.clock().Now();
  visit.host = HostOf(header("host"));
  visit.user_agent = header("user-agent");
  visit.address = peer;
  if (options_.behind_proxy) {
    const absl::string_view chain = header("x-forwarded-for");
    if (!chain.empty())
      visit.address = absl::StripAsciiWhitespace(chain.substr(chain.rfind(',') + 1));
  }
  visit.bot = head_only || IsPrefetch(header("purpose")) || IsPrefetch(header("sec-purpose")) ||
              IsPrefetch(header("x-moz")) || IsBot(visit.user_agent);
  const absl::string_view code = CodeOf(target);
  visit.key.number = codes_.Decode(code);
  if (!visit.key.number) visit.key.code = std::string(code);
  return visit;
}

bool Redirect::Quick(const http::QuickRequest& request, http::QuickAnswer* answer) {
  const Visit visit = VisitOf(request.target, request.head_only, request.remote_address,
                              [&](absl::string_view name) { return request.Get(name); });
  // Of the answer, which is written before the next call.
  thread_local TargetPtr target;
  if (!visit.key.number && visit.key.code.empty()) return false;
  target = Find(visit.key);
  if (target == nullptr || !IsFresh(target, visit)) return false;
  answer->status = Decide(*target, visit);
  if (answer->status == 302) {
    answer->headers = target->headers;
    return true;
  }
  static const std::string none = PageResponse(404).body, expired = PageResponse(410).body;
  answer->headers = "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n";
  answer->body = answer->status == 410 ? expired : none;
  return true;
}

void Redirect::Handle(http::Request request, const http::Responder& responder) {
  if (request.path == "/healthz") return responder.Send({200, {}, "ok\n"});
  if (request.method != "GET" && request.method != "HEAD") return responder.Send(PageResponse(405));
  const auto kept = std::make_shared<const http::Request>(std::move(request));
  const Visit visit = VisitOf(kept->path, kept->method == "HEAD", kept->remote_address,
                              [&](absl::string_view name) { return kept->headers.Get(name); });
  if (!visit.key.number && visit.key.code.empty()) return responder.Send(PageResponse(404));
  const auto answer = [this, kept, visit, responder](const Target& target) {
    const int status = Decide(target, visit);
    if (status != 302) return responder.Send(PageResponse(status));
    responder.Send(
        {302, {{"Location", target.location}, {"Cache-Control", "no-store"}}, std::string()});
  };
  TargetPtr old = Find(visit.key);
  if (old != nullptr && IsFresh(old, visit)) return answer(*old);
  const auto done = [this, visit, old, answer, responder](absl::StatusOr<TargetPtr> loaded) {
    if (loaded.ok()) Keep(visit.key, *loaded);
    const TargetPtr target = loaded.ok() ? *loaded : old;
    if (target == nullptr) return responder.Send(PageResponse(503));
    answer(*target);
  };
  if (!store_.Load(visit.key, done)) responder.Send(PageResponse(503));
}

TargetPtr Redirect::Find(const TargetKey& key) {
  return key.number ? cache_.FindNumber(*key.number) : cache_.FindCode(key.code);
}

void Redirect::Keep(const TargetKey& key, const TargetPtr& target) {
  if (key.number) {
    cache_.PutNumber(*key.number, target);
  } else {
    cache_.PutCode(key.code, target);
  }
}

bool Redirect::IsFresh(const TargetPtr& target, const Visit& visit) {
  const absl::Duration age = visit.now - target->load_time;
  if (age < (target->exists ? kFresh : kNoneFresh)) return true;
  const bool troubled = store_.troubled();
  if (!target->exists) return troubled;
  if (!troubled && age >= kUsable) return false;
  const int64_t id = IdOfTarget(*target);
  {
    absl::MutexLock lock(&mutex_);
    if (!refreshing_.insert(id).second) return true;
  }
  const auto done = [this, id, key = visit.key](const absl::StatusOr<TargetPtr>& loaded) {
    if (loaded.ok()) Keep(key, *loaded);
    absl::MutexLock lock(&mutex_);
    refreshing_.erase(id);
  };
  if (!store_.Load(visit.key, done)) done(absl::UnavailableError("too many wait"));
  return true;
}

int Redirect::Decide(const Target& target, const Visit& visit) {
  const int status = !target.exists || !AnswersAt(target, visit.host) ? 404
                     : target.expire_time <= visit.now                ? 410
                                                                      : 302;
  if (status != 302) {
    refused_.Increment();
    return status;
  }
  ClickNote note;
  note.account_id = target.account_id;
  note.link_id = target.link_id;
  note.bot = visit.bot;
  note.time = absl::ToUnixSeconds(visit.now);
  if (visit.key.number) {
    note.first_number = target.first_number;
    note.index = *visit.key.number - target.first_number;
  } else if (!visit.bot) {
    note.visitor = visitors_.Hash(visit.now, visit.address, visit.user_agent);
  }
  clicks_.Add(note);
  redirects_.Increment();
  return status;
}

bool Redirect::AnswersAt(const Target& target, const std::string& host) const {
  if (!settings_.default_host().empty() && host == settings_.default_host()) return true;
  std::shared_ptr<const Domains> domains;
  {
    absl::MutexLock lock(&mutex_);
    domains = domains_;
  }
  if (const auto owner = domains->accounts.find(host); owner != domains->accounts.end())
    return owner->second == target.account_id;
  // A host that nobody has named: the product's, if it has named none, else only for accounts that
  // have no own.
  return settings_.default_host().empty() || !domains->with_own.contains(target.account_id);
}

}  // namespace mo::links

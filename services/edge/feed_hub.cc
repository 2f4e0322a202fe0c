#include "services/edge/feed_hub.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/edge/problem.h"

namespace mo::edge {
namespace {

constexpr int kReadBatch = 200;
constexpr size_t kMaxQueued = 512 << 10;  // of one client; the server cuts it off at 1 MiB
constexpr absl::Duration kPoll = absl::Milliseconds(500);
constexpr absl::Duration kHeartbeat = absl::Seconds(15);
// With what the authenticator keeps, a revoked key stops hearing within 10 seconds.
constexpr absl::Duration kRecheck = absl::Seconds(5);

std::string Format(const FeedEvent& event) {
  return absl::StrCat("id: ", event.seq, "\nevent: ", event.type, "\ndata: ", event.payload,
                      "\n\n");
}

// Tells a client that it has missed events, and where it goes on.
std::string Gap(int64_t seq) {
  return absl::StrCat("id: ", seq, "\nevent: gap\ndata: {\"last_event_id\":\"", seq, "\"}\n\n");
}

http::Headers StreamHeaders(const std::string& request_id) {
  return {{"Content-Type", "text/event-stream"},
          {"Cache-Control", "no-store"},
          {"X-Accel-Buffering", "no"},  // nginx would hold events back
          {"X-Request-Id", request_id}};
}

}  // namespace

FeedHub::FeedHub(FeedStore& store, Metrics& metrics)
    : store_(store),
      connected_(metrics.Gauge("mo_feed_clients", "Clients of /v1/events connected")) {}

void FeedHub::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void FeedHub::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  std::map<int64_t, Clients> clients;
  {
    absl::MutexLock lock(&mutex_);
    clients.swap(clients_);
    count_ = 0;
  }
  for (auto& [account_id, list] : clients) {
    for (auto& client : list) {
      if (client->opened) {
        client->stream.Close();
      } else {
        client->responder.Send(ProblemResponse(absl::UnavailableError(""), client->request_id));
      }
    }
  }
}

absl::Status FeedHub::Add(int64_t account_id, std::optional<std::string> last_event_id,
                          http::Responder responder, std::string request_id, Recheck recheck) {
  auto client = std::make_shared<Client>();
  client->account_id = account_id;
  client->last_event_id = std::move(last_event_id);
  client->responder = std::move(responder);
  client->request_id = std::move(request_id);
  client->recheck = std::move(recheck);
  absl::MutexLock lock(&mutex_);
  if (stopping_) return absl::UnavailableError("stopping");
  Clients& list = clients_[account_id];
  if (list.size() >= kMaxClientsPerAccount || count_ >= kMaxClients) {
    return WithRetryDelay(
        Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
              absl::StrCat("an account may have ", kMaxClientsPerAccount, " event streams")),
        absl::Seconds(10));
  }
  list.push_back(std::move(client));
  connected_.Set(static_cast<double>(++count_));
  woken_ = true;
  return absl::OkStatus();
}

void FeedHub::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void FeedHub::Remove(const Client& client) {
  absl::MutexLock lock(&mutex_);
  auto found = clients_.find(client.account_id);
  if (found == clients_.end()) return;
  Clients& list = found->second;
  const auto gone =
      std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.get() == &client; });
  if (gone == list.end()) return;
  list.erase(gone);
  if (list.empty()) clients_.erase(found);
  connected_.Set(static_cast<double>(--count_));
}

void FeedHub::Loop() {
  absl::Duration wait = kPoll;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      const auto ready = [this]()
                             ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || woken_; };
      mutex_.AwaitWithTimeout(absl::Condition(&ready), wait);
      if (stopping_) return;
      woken_ = false;
    }
    absl::StatusOr<absl::Duration> round = Round();
    wait = round.ok() ? *round : kPoll;
    if (!round.ok()) {
      Log(LogLevel::kWarning, "feed not readable",
          {{"error", std::string(round.status().message())}});
    }
  }
}

absl::StatusOr<absl::Duration> FeedHub::Round() {
  std::map<int64_t, Clients> clients;
  {
    absl::MutexLock lock(&mutex_);
    clients = clients_;
  }
  std::vector<int64_t> accounts;
  for (const auto& [account_id, list] : clients) {
    Beat(list);
    accounts.push_back(account_id);
  }
  absl::Duration wait = kPoll;
  if (accounts.empty()) return wait;
  MO_ASSIGN_OR_RETURN(auto heads, store_.Heads(accounts));
  for (const auto& [account_id, list] : clients) {
    MO_ASSIGN_OR_RETURN(const absl::Duration next,
                        ServeAccount(account_id, heads[account_id], list));
    wait = std::min(wait, next);
  }
  return wait;
}

absl::StatusOr<absl::Duration> FeedHub::ServeAccount(int64_t account_id, int64_t head,
                                                     const Clients& clients) {
  // The client furthest behind decides where to read; the others take what is new to them.
  Clients ready;
  int64_t from = head;
  for (const auto& client : clients) {
    if (!client->opened) MO_RETURN_IF_ERROR(Open(client, head));
    if (client->seq >= head || client->stream.queued() >= kMaxQueued) continue;
    ready.push_back(client);
    from = std::min(from, client->seq);
  }
  // Clients that do not read, if any, are looked at again with the next poll.
  if (ready.empty()) return kPoll;
  MO_ASSIGN_OR_RETURN(const std::vector<FeedEvent> events,
                      store_.Read(account_id, from, kReadBatch));
  for (const auto& client : ready) Deliver(*client, events);
  return events.empty() || events.back().seq >= head ? kPoll : absl::ZeroDuration();
}

void FeedHub::Deliver(Client& client, const std::vector<FeedEvent>& events) {
  std::string chunk;
  int64_t seq = client.seq;
  for (const FeedEvent& event : events) {
    if (event.seq <= seq) continue;
    if (client.stream.queued() + chunk.size() >= kMaxQueued) break;
    // Trimmed while the client was behind.
    if (event.seq != seq + 1) chunk += Gap(event.seq - 1);
    chunk += Format(event);
    seq = event.seq;
  }
  if (chunk.empty()) return;
  if (!client.stream.Write(std::move(chunk))) return Remove(client);
  client.seq = seq;
  client.last_write = absl::Now();
}

absl::Status FeedHub::Open(const std::shared_ptr<Client>& client, int64_t head) {
  bool gap = false;
  client->seq = head;
  if (client->last_event_id) {
    int64_t asked;
    MO_ASSIGN_OR_RETURN(const int64_t oldest, store_.Oldest(client->account_id));
    // With nothing kept, everything up to the head has been trimmed.
    const int64_t first = oldest == 0 ? head + 1 : oldest;
    if (!absl::SimpleAtoi(*client->last_event_id, &asked) || asked < 0 || asked > head) {
      gap = true;
    } else if (asked + 1 < first) {
      gap = true;
      client->seq = first - 1;
    } else {
      client->seq = asked;
    }
  }
  client->stream = client->responder.StartStream(200, StreamHeaders(client->request_id));
  client->responder = {};
  client->opened = true;
  client->last_write = client->last_check = absl::Now();
  // A comment first, so that the client knows that it is connected.
  client->stream.Write(absl::StrCat(": connected\nretry: 1000\n\n", gap ? Gap(client->seq) : ""));
  client->stream.OnClose([this, weak = std::weak_ptr<Client>(client)] {
    if (const auto gone = weak.lock()) Remove(*gone);
  });
  return absl::OkStatus();
}

void FeedHub::Beat(const Clients& clients) {
  const absl::Time now = absl::Now();
  for (const auto& client : clients) {
    if (!client->opened) continue;
    if (now - client->last_check >= kRecheck) {
      client->last_check = now;
      // Streams are safe to close from wherever the answer comes; OnClose removes the client.
      client->recheck([stream = client->stream](const absl::Status& status) mutable {
        if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)) stream.Close();
      });
    }
    if (now - client->last_write < kHeartbeat) continue;
    client->last_write = now;
    if (!client->stream.Write(": \n\n")) Remove(*client);
  }
}

}  // namespace mo::edge

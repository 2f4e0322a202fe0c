// The double of a provider for one SIM: what all of them have in common.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "libs/http/client.h"
#include "libs/http/server.h"
#include "tools/simulator/doubles/callbacks.h"
#include "tools/simulator/doubles/spec.h"
#include "tools/simulator/fields.h"
#include "tools/simulator/world.h"

namespace mo::simulator {

// A request of the provider's customer. `path` is what follows the provider's mount point, decoded.
struct ProviderCall {
  http::Request request;
  http::Responder responder;
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;
  json body;  // of a request with JSON; discarded: it is none

  std::string Query(absl::string_view name) const;
};

// A message that a phone writes to a SIM, and the bytes of its file if there is one.
struct DoubleInbound {
  sims::Inbound message;  // its id becomes what the provider tells its customer
  std::string file;
};

// A double as GET /doubles shows it.
struct DoubleView {
  DoubleSpec spec;
  DoubleSettings settings;
  bool banned = false, token_expired = false;
  int64_t calls = 0, accepted = 0, refused = 0, throttled = 0, errors = 0, resets = 0;
  int64_t receipts = 0, inbound = 0;
  size_t open = 0;  // messages whose receipts are not all given
  CallbackCounts callbacks;
};

// The same positive number for the same text.
int64_t HashText(absl::string_view text);

// What a message is counted by that carries a tag: the number of "mo:<number>", else its hash; 0
// without one.
int64_t KeyOfTag(absl::string_view tag);

// An answer that is no JSON: of something between the provider and us, or of Kannel.
http::Response PlainAnswer(int status, absl::string_view content_type, absl::string_view body);

// Thread-safe: everything is done under its lock, in the order of the methods below.
class Double {
 public:
  // `client` and `world` must outlive it. `id` is its number in the world, among agents. `origin`
  // is the simulator's "http://host:port".
  Double(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world, http::Client& client,
         std::string origin);
  virtual ~Double() = default;
  Double(const Double&) = delete;
  Double& operator=(const Double&) = delete;

  uint32_t id() const { return id_; }
  common::Network network() const { return network_; }
  const std::string& address() const { return address_; }

  // Answers a request, with the faults that are set.
  void Serve(ProviderCall call);
  // A phone writes. FailedPrecondition when it cannot.
  absl::Status Receive(Phone& phone, DoubleInbound& inbound);
  // Receipts for what phones did; those of other SIMs are skipped.
  void GiveReceipts(const std::vector<PhoneReceipt>& receipts);
  // The SIM is in a group, or not any more.
  void GiveMembership(const sims::GroupMembership& membership);
  // A phone has blocked the SIM, or does not any more.
  void NoteBlocked(Phone& phone, bool blocked);
  // Lets time pass: answers, receipts and callbacks that are due.
  void Tick(int64_t now_ms);

  // Whether it is this one's token.
  bool HasToken(absl::string_view token) const;

  // --- What the control API does ---
  DoubleView View() const;
  DoubleSettings Settings() const;
  void Configure(const DoubleSettings& settings);
  void SetBanned(bool banned);
  // The token is refused until it is replaced; an empty one only expires it.
  void ReplaceToken(std::string token);
  void SetCallback(std::string url);
  void FailNext(ForcedError error);
  // When a phone last wrote, for the window.
  void SetLastWritten(const Phone& phone, int64_t ms);
  // Things that only some providers have: preferences, templates, groups, referrals.
  // InvalidArgument: not this one.
  absl::Status Do(const std::string& action, const json& body, Phone* phone);

 protected:
  // What one answer needs to know of a message.
  struct Submission {
    Phone* phone = nullptr;
    int64_t once = 0;  // as in Arriving; 0: counted by its content
    common::Content content;
    std::string tag;  // comes back with each of its receipts
  };
  struct Acceptance {
    sims::SendOutcome outcome = sims::SEND_OUTCOME_ACCEPTED;
    int64_t id = 0;
  };
  // A receipt that is due.
  struct Status {
    int64_t id = 0;
    const std::string* tag = nullptr;
    Phone* phone = nullptr;
    sims::ReceiptState state = {};
    int code = 0;  // of FAILED: the provider's error
    int64_t time_ms = 0;
  };
  enum class Rate { kFine, kSim, kPair, kGroup };

  // The answer; none: it comes later through call.responder.
  virtual std::optional<http::Response> Handle(ProviderCall& call) = 0;
  // Whether it is a message, which faults and limits are for.
  virtual bool IsSend(const ProviderCall& call) const = 0;
  virtual http::Response Throttled(int64_t retry_ms) = 0;  // 0: without saying when
  virtual http::Response Broken(bool plain) = 0;  // 5xx; plain: not in the provider's words
  virtual http::Response Forced(const ForcedError& error) = 0;
  virtual absl::Status OnReceive(Phone& phone, DoubleInbound& inbound) = 0;
  virtual void OnStatuses(const std::vector<Status>& statuses) = 0;
  virtual void OnMembership(const sims::GroupMembership&) {}
  // A phone does not want this SIM's messages any more, or does again.
  virtual void OnBlocked(Phone&, bool) {}
  virtual void OnTick(int64_t) {}
  virtual void OnBan(bool) {}
  virtual void OnCallback() {}  // the URL has changed
  virtual absl::Status OnDo(const std::string& action, Fields& fields, Phone* phone);

  // Counts a message and plans its receipts.
  Acceptance Accept(Submission submission);
  // The same for one that fails later with an error of the provider.
  Acceptance AcceptToFail(Submission submission, int code);
  // Takes from the SIM's, the pair's and the group's allowance.
  Rate Take(Phone& phone);
  // How long until that may be tried again, about.
  int64_t RetryMs(Rate rate) const;
  bool WindowOpen(const Phone& phone) const;
  // One more ordinal; messages, files and updates share them.
  int64_t NextId() { return ++next_id_; }
  http::Response Json(int status, std::string body) const;
  Phone* FindPhone(absl::string_view address) const;

  // Of each phone that the SIM has to do with.
  struct Contact {
    int64_t written_ms = -1;  // when it last wrote
    double tokens = -1;       // of the pair's allowance; -1: not used yet
    int64_t tokens_ms = 0;
    bool stopped = false;  // wants no marketing
  };

  const uint32_t id_;
  const common::Network network_;
  const std::string address_;
  World& world_;
  http::Client& client_;
  const std::string origin_;

  mutable std::mutex mutex_;
  // All below under the lock; methods above that are not public expect it to be held.
  DoubleSpec spec_;
  DoubleSettings settings_;
  bool banned_ = false, token_expired_ = false;
  DoubleView counts_;
  absl::flat_hash_map<uint32_t, Contact> contacts_;

 private:
  struct Open {
    std::string tag;
    Phone* phone = nullptr;
    int pending = 0;
    int code = 0;
    bool kept = false;  // the phone may still do something about it
  };
  struct Later {
    int64_t due_ms;
    uint64_t order;
    int64_t id;
    sims::ReceiptState state;
    bool operator<(const Later& other) const {
      return due_ms != other.due_ms ? due_ms > other.due_ms : order > other.order;
    }
  };
  struct Delayed {
    int64_t due_ms;
    http::Responder responder;
    std::optional<http::Response> response;  // none: the connection is dropped
  };
  struct Bucket {
    double tokens = 0;
    int64_t ms = 0;
  };

  std::optional<http::Response> Answer(ProviderCall& call, bool* reset);
  int64_t CountKey(const common::Content& content, int64_t id) const;
  void Plan(int64_t id, sims::ReceiptState state, int64_t due_ms, int copies);
  void Settle(int64_t now_ms);
  bool TakeFrom(Bucket& bucket, double per_second, double burst, int64_t now_ms);

  int64_t next_id_;
  uint64_t order_ = 0;
  uint64_t draws_ = 0;
  absl::flat_hash_map<int64_t, Open> open_;
  std::priority_queue<Later> later_;
  std::deque<Delayed> delayed_;
  std::deque<ForcedError> forced_;
  Bucket sim_bucket_;
  absl::flat_hash_map<uint32_t, Bucket> group_buckets_;

 protected:
  CallbackQueue callbacks_;
};

}  // namespace mo::simulator

// The live feed: over a socket as a browser reads it, out of the events of a real producer.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/events/events.h"
#include "libs/http/client.h"
#include "libs/storage/database.h"
#include "libs/testing/environment.h"
#include "libs/testing/wait.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/accounts/install.h"
#include "services/edge/edge.h"
#include "services/edge/feed_store.h"
#include "services/edge/install.h"

namespace mo::edge {
namespace {

using Json = nlohmann::json;
using messageorganizer::inbox::v1::MessageReceived;

Edge* installed = nullptr;
events::Outbox* outbox = nullptr;
storage::Database* inbox = nullptr;

// Catch's own checks are for one thread only.
void Must(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

// A producer of the inbox's events, and edge.
void InstallHere(App& app) {
  inbox = &storage::InstallDatabase(app, "inbox", {});
  outbox = &events::InstallOutbox(app, *inbox);
  installed = &InstallEdge(app);
}

// A stream of server-sent events, read as they come.
class EventStream {
 public:
  struct Item {
    std::string id, event, data;
  };

  EventStream(const std::string& key, const std::string& last_event_id = "") {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(installed->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    const timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const std::string request = absl::StrCat(
        "GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", key, "\r\n",
        last_event_id.empty() ? "" : absl::StrCat("Last-Event-ID: ", last_event_id, "\r\n"),
        "\r\n");
    REQUIRE(send(fd_, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    head_ = Until("\r\n\r\n");
  }
  ~EventStream() { close(fd_); }
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  const std::string& head() const { return head_; }
  // The connection comment has been read: what is committed now will be sent.
  void AwaitConnected() { REQUIRE(absl::StrContains(Block(), ": connected")); }

  Item Next() {
    for (;;) {
      Item item;
      for (absl::string_view line : absl::StrSplit(Block(), '\n')) {
        if (absl::StartsWith(line, "id: ")) item.id = std::string(line.substr(4));
        if (absl::StartsWith(line, "event: ")) item.event = std::string(line.substr(7));
        if (absl::StartsWith(line, "data: ")) item.data = std::string(line.substr(6));
      }
      if (!item.event.empty()) return item;
    }
  }
  // True when the server has ended the stream.
  bool AwaitEnd() {
    char bytes[4096];
    ssize_t got;
    while ((got = recv(fd_, bytes, sizeof(bytes), 0)) > 0) {
    }
    return got == 0;
  }

 private:
  // One event's lines, out of the chunked body.
  std::string Block() {
    size_t end;
    while ((end = body_.find("\n\n")) == std::string::npos) {
      const std::string size = Until("\r\n");
      const size_t length = std::stoul(size, nullptr, 16);
      REQUIRE(length > 0);
      while (raw_.size() < length + 2) Receive();
      body_ += raw_.substr(0, length);
      raw_.erase(0, length + 2);
    }
    std::string block = body_.substr(0, end);
    body_.erase(0, end + 2);
    return block;
  }
  std::string Until(const std::string& mark) {
    size_t end;
    while ((end = raw_.find(mark)) == std::string::npos) Receive();
    std::string text = raw_.substr(0, end);
    raw_.erase(0, end + mark.size());
    return text;
  }
  void Receive() {
    char bytes[4096];
    const ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
    REQUIRE(got > 0);
    raw_.append(bytes, static_cast<size_t>(got));
  }

  int fd_;
  std::string head_, raw_, body_;
};

struct Feed {
  Feed() : env({accounts::Install, InstallHere}) {
    Connect();
    key = NewAccount(&account);
  }

  // Another look at edge's tables: as a second replica has.
  void Connect() {
    storage::DatabaseOptions options;
    options.url = env.postgres().url();
    options.migration_user = env.app().options().migration_user;
    options.service = "edge";
    database = std::make_unique<storage::Database>(options, metrics);
    store = std::make_unique<FeedStore>(*database);
  }

  std::string NewAccount(int64_t* id) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = absl::StrCat("http://127.0.0.1:", installed->port(), "/v1/accounts");
    request.headers = {{"Authorization", "Bearer mo_operator_test"},
                       {"Content-Type", "application/json"}};
    request.body = R"({"display_name": "One"})";
    request.allow_private = true;
    const Json created = Json::parse(http::Client().Fetch(request)->body);
    *id = *ParseId("acc", created["account"]["id"].get<std::string>());
    return created["secret"];
  }

  // The inbox commits an event.
  void Publish(int64_t to, const std::string& text, const std::string& partition = "p") {
    MessageReceived event;
    event.mutable_message()->set_id(text);
    PublishAs(to, partition, event);
  }
  void PublishAs(int64_t to, const std::string& partition, const google::protobuf::Message& event) {
    const absl::Status status = inbox->As(
        to, [&](storage::Transaction& tx) { return outbox->Append(tx, to, partition, event); });
    Must(status);
  }

  // As the consumer of another replica would.
  void Append(int64_t count, absl::Time time = absl::Now()) {
    const absl::Status status = database->AsSystem([&](storage::Transaction& tx) {
      std::vector<FeedEvent> events;
      for (int64_t i = 0; i < count; ++i) {
        events.push_back(
            {account, 0, "message.received", "{\"x\":\"" + std::string(200, 'y') + "\"}", time});
      }
      return store->Append(tx, std::move(events));
    });
    Must(status);
  }

  testing::Environment env;
  Metrics metrics;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<FeedStore> store;
  int64_t account = 0;
  std::string key;
};

TEST_CASE("What a service commits reaches the account's clients, numbered, and nobody else") {
  Feed feed;
  int64_t other = 0;
  const std::string other_key = feed.NewAccount(&other);
  EventStream one(feed.key), two(feed.key), foreign(other_key);
  CHECK(absl::StrContains(one.head(), "200"));
  CHECK(absl::StrContains(one.head(), "text/event-stream"));
  one.AwaitConnected();
  two.AwaitConnected();
  foreign.AwaitConnected();
  // Not public: must not take a number.
  feed.PublishAs(feed.account, "p", messageorganizer::sims::v1::InboundReceived());
  feed.Publish(feed.account, "a");
  feed.Publish(other, "theirs");
  feed.Publish(feed.account, "b");
  for (EventStream* stream : {&one, &two}) {
    const EventStream::Item a = stream->Next();
    CHECK(a.id == "1");
    CHECK(a.event == "message.received");
    CHECK(Json::parse(a.data)["message"]["id"] == "a");
    const EventStream::Item b = stream->Next();
    CHECK(b.id == "2");
    CHECK(Json::parse(b.data)["message"]["id"] == "b");
  }
  const EventStream::Item theirs = foreign.Next();
  CHECK(theirs.id == "1");
  CHECK(Json::parse(theirs.data)["message"]["id"] == "theirs");
}

TEST_CASE("A client goes on where it stopped, also after a restart") {
  Feed feed;
  {
    EventStream stream(feed.key);
    stream.AwaitConnected();
    feed.Publish(feed.account, "a");
    CHECK(stream.Next().id == "1");
  }
  feed.Publish(feed.account, "b");
  feed.env.Restart();
  feed.Publish(feed.account, "c");
  EventStream stream(feed.key, "1");
  CHECK(Json::parse(stream.Next().data)["message"]["id"] == "b");
  const EventStream::Item c = stream.Next();
  CHECK(c.id == "3");
  CHECK(Json::parse(c.data)["message"]["id"] == "c");
  EventStream all(feed.key, "0");
  CHECK(all.Next().id == "1");
}

TEST_CASE("Events of another replica are seen within a second") {
  Feed feed;
  EventStream stream(feed.key);
  stream.AwaitConnected();
  const absl::Time start = absl::Now();
  feed.Append(1);
  CHECK(stream.Next().id == "1");
  CHECK(absl::Now() - start < absl::Seconds(1));
}

TEST_CASE("Numbers are without gaps and in order while many write at once") {
  Feed feed;
  EventStream stream(feed.key);
  stream.AwaitConnected();
  constexpr int kThreads = 4, kEach = 25;
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&feed, t] {
      for (int i = 0; i < kEach; ++i) {
        if (t == 0) {
          feed.Append(1);
        } else {
          feed.Publish(feed.account, absl::StrCat(t, ".", i), absl::StrCat(t));
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::vector<std::string> order[kThreads];
  for (int i = 1; i <= kThreads * kEach; ++i) {
    const EventStream::Item item = stream.Next();
    REQUIRE(item.id == absl::StrCat(i));
    const Json data = Json::parse(item.data);
    if (!data.contains("message")) continue;
    const std::string text = data["message"]["id"];
    order[text[0] - '0'].push_back(text);
  }
  // What shared a partition has kept its order.
  for (int t = 1; t < kThreads; ++t) {
    REQUIRE(order[t].size() == kEach);
    for (int i = 0; i < kEach; ++i)
      CHECK(order[t][static_cast<size_t>(i)] == absl::StrCat(t, ".", i));
  }
}

TEST_CASE("Ids that are too old or unknown are answered with a gap") {
  Feed feed;
  feed.Append(5, absl::Now() - absl::Hours(25));
  feed.Append(5);
  auto trimmed = feed.store->Trim(absl::Now() - absl::Hours(24));
  REQUIRE(trimmed.ok());
  CHECK_FALSE(*trimmed);
  struct Case {
    const char* last_event_id;
    const char* gap;   // the id it carries; empty: no gap
    const char* next;  // the next event's id; empty: none yet
  };
  const Case cases[] = {{"5", "", "6"},   {"9", "", "10"},   {"0", "5", "6"}, {"4", "5", "6"},
                        {"99", "10", ""}, {"abc", "10", ""}, {"-1", "10", ""}};
  for (const Case& c : cases) {
    CAPTURE(c.last_event_id);
    EventStream stream(feed.key, c.last_event_id);
    if (*c.gap != '\0') {
      const EventStream::Item gap = stream.Next();
      CHECK(gap.event == "gap");
      CHECK(gap.id == c.gap);
    }
    if (*c.next != '\0') CHECK(stream.Next().id == c.next);
  }
}

TEST_CASE("An account without anything kept starts after its head") {
  Feed feed;
  feed.Append(3, absl::Now() - absl::Hours(25));
  REQUIRE(feed.store->Trim(absl::Now() - absl::Hours(24)).ok());
  EventStream stream(feed.key, "1");
  CHECK(stream.Next().event == "gap");
  feed.Append(1);
  CHECK(stream.Next().id == "4");
}

TEST_CASE("A client that is far behind gets everything, however slowly it reads") {
  Feed feed;
  constexpr int kEvents = 12000;  // 3 MB: more than may be queued for one client
  for (int i = 0; i < kEvents / 1000; ++i) feed.Append(1000);
  EventStream stream(feed.key, "0");
  for (int i = 1; i <= kEvents; ++i) {
    const EventStream::Item item = stream.Next();
    REQUIRE(item.event == "message.received");
    REQUIRE(item.id == absl::StrCat(i));
  }
}

TEST_CASE("An account has a hundred streams at most, and one that ends makes room") {
  Feed feed;
  std::vector<std::unique_ptr<EventStream>> streams;
  for (size_t i = 0; i < FeedHub::kMaxClientsPerAccount; ++i) {
    streams.push_back(std::make_unique<EventStream>(feed.key));
    CHECK(absl::StrContains(streams.back()->head(), "200 OK"));
  }
  CHECK(absl::StrContains(EventStream(feed.key).head(), "429"));
  streams.pop_back();
  testing::WaitFor([&] { return absl::StrContains(EventStream(feed.key).head(), "200 OK"); },
                   "room for a stream");
}

TEST_CASE("A revoked key stops hearing") {
  Feed feed;
  const auto send = [&](const std::string& method, const std::string& path,
                        const std::string& body) {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StrCat("http://127.0.0.1:", installed->port(), path);
    request.headers = {{"Authorization", "Bearer " + feed.key},
                       {"Content-Type", "application/json"}};
    request.body = body;
    request.allow_private = true;
    auto response = http::Client().Fetch(request);
    REQUIRE(response.ok());
    REQUIRE(response->status == 200);
    return Json::parse(response->body);
  };
  const Json made =
      send("POST", "/v1/api-keys", R"({"display_name": "ear", "scopes": ["events:read"]})");
  EventStream stream(made["secret"]);
  stream.AwaitConnected();
  send("DELETE", "/v1/api-keys/" + made["api_key"]["id"].get<std::string>(), "");
  CHECK(stream.AwaitEnd());
}

TEST_CASE("Stopping ends the streams") {
  Feed feed;
  EventStream stream(feed.key);
  stream.AwaitConnected();
  feed.env.app().Stop();
  CHECK(stream.AwaitEnd());
}

TEST_CASE("Accounts are islands in the feed's tables") {
  Feed feed;
  feed.Append(1);
  const int64_t stranger = feed.account + 1;
  for (const char* table : {"edge.feed", "edge.feed_heads"}) {
    auto seen =
        feed.database->As(stranger, [&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
          MO_ASSIGN_OR_RETURN(storage::Result rows,
                              tx.Query(absl::StrCat("SELECT count(*) FROM ", table)));
          return rows[0].Int(0);
        });
    REQUIRE(seen.ok());
    CHECK(*seen == 0);
  }
  CHECK(feed.store->Read(feed.account, 0, 10)->size() == 1);
}

}  // namespace
}  // namespace mo::edge

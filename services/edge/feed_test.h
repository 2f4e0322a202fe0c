// What the tests of the live feed share: it is read over a socket, as a browser reads it, out of
// the events of a real producer.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/events/events.h"
#include "libs/http/client.h"
#include "libs/storage/database.h"
#include "libs/testing/environment.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/accounts/install.h"
#include "services/edge/edge.h"
#include "services/edge/feed_store.h"
#include "services/edge/install.h"

namespace mo::edge {

using Json = nlohmann::json;
inline Edge* installed = nullptr;
inline events::Outbox* outbox = nullptr;
inline storage::Database* inbox = nullptr;

// Catch's own checks are for one thread only.
inline void Must(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

// A producer of the inbox's events, and edge.
inline void InstallHere(App& app) {
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

// Accounts, edge and the producer; one account with its key.
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
    messageorganizer::inbox::v1::MessageReceived event;
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
    const absl::Status status = database->AsSystem([&](storage::Transaction& tx) -> absl::Status {
      std::vector<FeedEvent> events;
      for (int64_t i = 0; i < count; ++i) {
        events.push_back(
            {account, 0, "message.received", "{\"x\":\"" + std::string(200, 'y') + "\"}", time});
      }
      store->Append(tx, std::move(events));
      return absl::OkStatus();
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

}  // namespace mo::edge

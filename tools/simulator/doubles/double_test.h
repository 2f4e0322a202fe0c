// What the tests of all doubles share: the simulator over HTTP and a customer that is called back.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "libs/http/client.h"
#include "libs/http/server.h"
#include "libs/testing/wait.h"
#include "tools/simulator/control.h"

namespace mo::simulator {

// Takes callbacks.
class Customer {
 public:
  Customer() { REQUIRE(server_.Start().ok()); }
  ~Customer() { server_.Stop(absl::ZeroDuration()); }

  std::string url(const std::string& path = "/hook") const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + path;
  }
  std::vector<http::Request> Seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  // Waits until `condition` holds for what came.
  std::vector<http::Request> Until(
      const std::function<bool(const std::vector<http::Request>&)>& condition) const {
    std::vector<http::Request> seen;
    testing::WaitFor([&] { return condition(seen = Seen()); }, "callbacks");
    return seen;
  }
  // So many of the next callbacks are answered with an error.
  void FailNext(int count) {
    std::lock_guard lock(mutex_);
    failing_ = count;
  }

 private:
  void Answer(http::Request request, const http::Responder& responder) {
    http::Response response;
    for (const auto& [key, value] : http::ParseQuery(request.query)) {
      if (key == "hub.challenge") response.body = value;
    }
    {
      std::lock_guard lock(mutex_);
      if (failing_ > 0) {
        --failing_;
        response.status = 500;
      }
      seen_.push_back(std::move(request));
    }
    responder.Send(std::move(response));
  }

  mutable std::mutex mutex_;
  std::vector<http::Request> seen_;
  int failing_ = 0;
  http::Server server_{{}, [this](http::Request request, http::Responder responder) {
                         Answer(std::move(request), responder);
                       }};
};

// The whole simulator.
class DoubleWorld {
 public:
  DoubleWorld() {
    REQUIRE(server_.Start().ok());
    network.doubles().SetOrigin(origin());
  }

  std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }

  absl::StatusOr<http::Response> Try(const std::string& method, const std::string& path,
                                     std::string body = "", http::Headers headers = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = path.rfind("http", 0) == 0 ? path : origin() + path;
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.allow_private = true;
    request.max_response_bytes = 64 << 20;
    return client.Fetch(request);
  }
  http::Response Ask(const std::string& method, const std::string& path, std::string body = "",
                     http::Headers headers = {}) {
    auto response = Try(method, path, std::move(body), std::move(headers));
    REQUIRE(response.ok());
    return *std::move(response);
  }
  // The control API.
  json Control(const std::string& method, const std::string& path, const json& body = {}) {
    const http::Response response = Ask(method, path, body.is_null() ? "" : body.dump());
    INFO(method << " " << path << ": " << response.body);
    REQUIRE(response.status == 200);
    return json::parse(response.body);
  }
  json Phone(const std::string& network_name, const std::string& address) {
    return Control("GET", "/phones/" + network_name + "/" + http::PercentEncode(address));
  }

  Network network{3};

 private:
  static http::ServerOptions Options() {
    http::ServerOptions options;
    options.max_body = 16 << 20;
    return options;
  }

  simulator::Control control_{network};
  http::Server server_{Options(), [this](http::Request request, http::Responder responder) {
                         if (!network.doubles().Serve(request, responder)) {
                           responder.Send(control_.Handle(request));
                         }
                       }};

 public:
  http::Client client;
};

}  // namespace mo::simulator

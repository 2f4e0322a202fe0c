#include "libs/runtime/client.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "libs/testing/wait.h"
#include "messageorganizer/links/v1/links.grpc.pb.h"

namespace mo {
namespace {

namespace v1 = messageorganizer::links::v1;
using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

constexpr char kMissing[] = "lnk_000000000000m";

// Answers with who asked, and on which thread.
class Links final : public v1::LinkService::CallbackService {
 public:
  Links(App& app, Rpc& rpc) : rpc_(rpc), client_(app) {}

  Reactor* CreateLink(Context* context, const v1::CreateLinkRequest* request,
                      v1::Link* response) override {
    return rpc_.Serve(context, request, response, [=, this](const Caller& caller) {
      seen = caller;
      thread = std::this_thread::get_id();
      return absl::StatusOr<v1::Link>(request->link());
    });
  }
  Reactor* GetLink(Context* context, const v1::GetLinkRequest* request,
                   v1::Link* response) override {
    return rpc_.Serve(context, request, response, [=](const Caller& caller) {
      return absl::StatusOr<v1::Link>(
          caller.idempotency_key.empty()
              ? WithRetryDelay(Error(absl::StatusCode::kNotFound, "LINK_NOT_FOUND", "no such link"),
                               absl::Seconds(3))
              : absl::InternalError("a read has no key"));
    });
  }
  // Calls one of its own methods.
  Reactor* ListLinks(Context* context, const v1::ListLinksRequest* request,
                     v1::ListLinksResponse* response) override {
    return rpc_.Serve(context, request, response,
                      [this](const Caller& caller) -> absl::StatusOr<v1::ListLinksResponse> {
                        v1::CreateLinkRequest create;
                        create.mutable_link()->set_target_url("https://example.org/nested");
                        v1::ListLinksResponse answer;
                        MO_ASSIGN_OR_RETURN(
                            *answer.add_links(),
                            client_.Call(MO_METHOD(v1::LinkService, CreateLink), caller, create));
                        return answer;
                      });
  }

  // Answers when its pool's threads have long gone on.
  Reactor* DeleteLink(Context* context, const v1::DeleteLinkRequest* request,
                      google::protobuf::Empty* response) override {
    using Done = std::function<void(absl::StatusOr<google::protobuf::Empty>)>;
    return rpc_.ServeLater(context, request, response, [=, this](const Caller& caller, Done done) {
      std::lock_guard lock(mutex);
      seen = caller;
      waiting.push_back([=] {
        if (request->id() == kMissing)
          return done(Error(absl::StatusCode::kNotFound, "LINK_NOT_FOUND", "no such link"));
        done(google::protobuf::Empty());
      });
    });
  }
  size_t Waiting() {
    std::lock_guard lock(mutex);
    return waiting.size();
  }

  Caller seen;
  std::thread::id thread;
  std::mutex mutex;
  std::vector<std::function<void()>> waiting;

 private:
  Rpc& rpc_;
  Client<v1::LinkService> client_;
};

struct World {
  static AppOptions Options() {
    AppOptions options;
    options.identity_key = std::string(32, 'k');
    return options;
  }
  explicit World(const AppOptions& options = Options()) : app(options) {
    Rpc& rpc = app.OwnRpc("links", 2);
    links = &app.Own<Links>(app, rpc);
    app.Serve(*links);
    REQUIRE(app.Start().ok());
    caller.account_id = 7;
    caller.actor = "key:key_1";
    caller.scopes = {"links:write"};
    caller.request_id = "req_1";
    caller.idempotency_key = "once";
    request.mutable_link()->set_target_url("https://example.org/");
  }

  App app;
  Links* links;
  Client<v1::LinkService> client{app};
  Caller caller;
  v1::CreateLinkRequest request;
};

TEST_CASE("A method sees the same caller over the wire and in the process") {
  World world;
  const absl::Time before = absl::Now();
  REQUIRE(world.client.Call(&v1::LinkService::Stub::CreateLink, world.caller, world.request).ok());
  const Caller remote = world.links->seen;
  CHECK(world.links->thread != std::this_thread::get_id());

  auto link =
      world.client.Call(MO_METHOD(v1::LinkService, CreateLink), world.caller, world.request);
  REQUIRE(link.ok());
  CHECK(link->target_url() == "https://example.org/");
  CHECK(world.links->thread == std::this_thread::get_id());
  const Caller local = world.links->seen;
  CHECK(local.account_id == remote.account_id);
  CHECK(local.actor == remote.actor);
  CHECK(local.scopes == remote.scopes);
  CHECK(local.request_id == remote.request_id);
  CHECK(local.idempotency_key == remote.idempotency_key);
  CHECK(local.deadline >= before + absl::Seconds(9));
  CHECK(local.deadline <= absl::Now() + absl::Seconds(10));
}

TEST_CASE("A method that answers later holds no thread of the pool, and is checked all the same") {
  World world;
  std::vector<std::thread> callers;
  std::atomic<int> answered = 0;
  // More than the pool has threads; the first within the process; the second fails.
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&world, &answered, i] {
      v1::DeleteLinkRequest remove;
      remove.set_id(i == 1 ? kMissing : "lnk_0000000000001");
      const absl::Status status =
          i == 0 ? world.client.Call(MO_METHOD(v1::LinkService, DeleteLink), world.caller, remove)
                       .status()
                 : world.client.Call(&v1::LinkService::Stub::DeleteLink, world.caller, remove)
                       .status();
      if (status.code() == (i == 1 ? absl::StatusCode::kNotFound : absl::StatusCode::kOk))
        ++answered;
    });
  }
  testing::WaitFor([&] { return world.links->Waiting() == 6; }, "all to be under way");
  CHECK(answered == 0);
  for (const auto& answer : world.links->waiting) answer();
  for (std::thread& caller : callers) caller.join();
  CHECK(answered == 6);
  CHECK(world.links->seen.account_id == 7);

  v1::DeleteLinkRequest nameless;
  const absl::Status refused =
      world.client.Call(&v1::LinkService::Stub::DeleteLink, world.caller, nameless).status();
  REQUIRE(FieldProblemsOf(refused).size() == 1);
  CHECK(world.links->Waiting() == 6);
}

TEST_CASE("A call in the process is checked and fails like one over the wire") {
  World world;
  v1::GetLinkRequest get;
  get.set_id("lnk_0000000000001");
  const absl::Status local =
      world.client.Call(MO_METHOD(v1::LinkService, GetLink), world.caller, get).status();
  CHECK(local == world.client.Call(&v1::LinkService::Stub::GetLink, world.caller, get).status());
  CHECK(ReasonOf(local) == "LINK_NOT_FOUND");
  CHECK(RetryDelayOf(local) == absl::Seconds(3));

  world.request.mutable_link()->set_target_url("ftp://example.org/");
  const absl::Status invalid =
      world.client.Call(MO_METHOD(v1::LinkService, CreateLink), world.caller, world.request)
          .status();
  REQUIRE(FieldProblemsOf(invalid).size() == 1);
  CHECK(FieldProblemsOf(invalid)[0].field == "link.target_url");
}

TEST_CASE("A method that was called in the process may call another") {
  World world;
  auto list = world.client.Call(MO_METHOD(v1::LinkService, ListLinks), world.caller,
                                v1::ListLinksRequest());
  REQUIRE(list.ok());
  CHECK(list->links(0).target_url() == "https://example.org/nested");
  CHECK(world.links->seen.account_id == 7);
}

TEST_CASE("A service that has a peer is called over the wire") {
  World world;
  AppOptions options = World::Options();
  options.peers["links"] = "127.0.0.1:" + std::to_string(world.app.grpc_port());
  World other(options);
  REQUIRE(
      other.client.Call(MO_METHOD(v1::LinkService, CreateLink), other.caller, other.request).ok());
  CHECK(other.links->seen.account_id == 0);
  CHECK(world.links->seen.account_id == 7);
}

TEST_CASE("A call whose time is over runs no method") {
  World world;
  world.caller.deadline = absl::Now() - absl::Milliseconds(1);
  CHECK(absl::IsDeadlineExceeded(
      world.client.Call(MO_METHOD(v1::LinkService, CreateLink), world.caller, world.request)
          .status()));
  CHECK(absl::IsDeadlineExceeded(
      world.client.Call(&v1::LinkService::Stub::CreateLink, world.caller, world.request).status()));
  CHECK(world.links->seen.account_id == 0);
}

TEST_CASE("A process that has ended runs no method") {
  World world;
  REQUIRE(
      world.client.Call(MO_METHOD(v1::LinkService, CreateLink), world.caller, world.request).ok());
  world.app.Stop();
  CHECK(absl::IsUnavailable(
      world.client.Call(MO_METHOD(v1::LinkService, CreateLink), world.caller, world.request)
          .status()));
}

}  // namespace
}  // namespace mo

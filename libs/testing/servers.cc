#include "libs/testing/servers.h"

#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "libs/storage/transaction.h"
#include "libs/testing/wait.h"

namespace mo::testing {
namespace {

constexpr char kPostgresBin[] = "/usr/lib/postgresql/15/bin/";

void Script(const std::string& url, const std::string& sql) {
  auto connection = storage::Connection::Open(url);
  if (!connection.ok()) throw std::runtime_error(std::string(connection.status().message()));
  auto result = (*connection)->Script(sql);
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
}

// PostgreSQL refuses to run as root.
unsigned ServerUid() {
  if (getuid() != 0) return 0;
  const passwd* user = getpwnam("postgres");
  return user != nullptr ? user->pw_uid : 65534;
}

// The process's own server, where tools/test has not started one.
class PrivateServer {
 public:
  PrivateServer() {
    const std::string data = absl::StrCat(folder_.path(), "/data");
    const std::string log = absl::StrCat(folder_.path(), "/log");
    Process init({absl::StrCat(kPostgresBin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust",
                  "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                 log, ServerUid());
    if (init.Wait() != 0) throw std::runtime_error("initdb failed, see " + log);
    server_ = std::make_unique<Process>(
        std::vector<std::string>{absl::StrCat(kPostgresBin, "postgres"), "-D", data, "-k",
                                 folder_.path(), "-c", "listen_addresses=", "-c",
                                 "max_connections=300"},
        log, ServerUid());
    url_ = absl::StrCat("host=", folder_.path(), " dbname=postgres");
    WaitFor([&] { return storage::Connection::Open(url_ + " user=postgres").ok(); },
            "PostgreSQL to start");
  }
  ~PrivateServer() {
    server_->Signal(SIGINT);  // fast shutdown: with it go its children and shared memory
    server_->Wait();
  }
  const std::string& url() const { return url_; }

 private:
  TempFolder folder_;
  std::unique_ptr<Process> server_;
  std::string url_;
};

std::string ServerUrl() {
  if (const char* url = std::getenv("MO_TEST_DATABASE_URL")) return url;
  static PrivateServer server;
  return server.url();
}

redisContext* Connect(const std::string& socket) {
  return redisConnectUnixWithTimeout(socket.c_str(), {1, 0});
}

}  // namespace

Postgres::Postgres() : server_url_(ServerUrl()) {
  static std::atomic<int> counter{0};
  name_ = absl::StrCat("test_", getpid(), "_", ++counter);
  Script(server_url_ + " user=postgres", absl::StrCat("CREATE DATABASE ", name_));
  url_ = absl::StrCat(server_url_,
                      " dbname=", name_);  // the last dbname of a connection string counts
}

Postgres::~Postgres() {
  try {
    Script(server_url_ + " user=postgres", absl::StrCat("DROP DATABASE ", name_, " WITH (FORCE)"));
  } catch (const std::exception&) {
    // The server goes with the test run, and its databases with it.
  }
}

Redis::Redis() { Start(); }

std::string Redis::url() const { return absl::StrCat("unix:", folder_.path(), "/redis.sock"); }

void Redis::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
}

void Redis::Start() {
  const std::string socket = absl::StrCat(folder_.path(), "/redis.sock");
  process_ = std::make_unique<Process>(
      std::vector<std::string>{"redis-server", "--port", "0", "--unixsocket", socket, "--dir",
                               folder_.path(), "--appendonly", "yes", "--save", "", "--daemonize",
                               "no"},
      absl::StrCat(folder_.path(), "/redis.log"));
  WaitFor(
      [&] {
        redisContext* context = Connect(socket);
        if (context == nullptr || context->err != 0) {
          if (context != nullptr) redisFree(context);
          return false;
        }
        auto* reply = static_cast<redisReply*>(redisCommand(context, "PING"));
        const bool ready = reply != nullptr && reply->type == REDIS_REPLY_STATUS;
        if (reply != nullptr) freeReplyObject(reply);
        redisFree(context);
        return ready;
      },
      "Redis to start");
}

void Redis::Wipe() {
  redisContext* context = Connect(absl::StrCat(folder_.path(), "/redis.sock"));
  freeReplyObject(redisCommand(context, "FLUSHALL"));
  redisFree(context);
}

}  // namespace mo::testing

// Services in one process with a real PostgreSQL and Redis, called through their generated stubs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/testing/servers.h"

namespace mo::testing {

// An app with the installed services, started. Throws std::runtime_error when it does not start.
//
//   Environment env({links::Install});
//   Client<v1::LinkService> client(env.app());
//   auto link = client.Call(&v1::LinkService::Stub::CreateLink, env.caller(), request);
class Environment {
 public:
  explicit Environment(std::vector<void (*)(App&)> services, AppOptions options = {});
  ~Environment();

  App& app() { return *app_; }
  Postgres& postgres() { return *postgres_; }
  Redis& redis() { return *redis_; }
  // A caller with scope "*" of account `number` (1, 2, …).
  Caller caller(int64_t number = 1) const;
  // Stops the app and starts a new one on the same data, as after a restart of the process.
  void Restart();

 private:
  void Start();

  const std::vector<void (*)(App&)> services_;
  AppOptions options_;
  std::unique_ptr<Postgres> postgres_;
  std::unique_ptr<Redis> redis_;
  std::unique_ptr<TempFolder> folder_;
  std::unique_ptr<App> app_;
};

}  // namespace mo::testing

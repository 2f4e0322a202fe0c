// Real PostgreSQL and Redis for tests.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "libs/testing/process.h"

namespace mo::testing {

// A fresh, empty database. In the PostgreSQL that tools/test has started (MO_TEST_DATABASE_URL),
// else in a private one that lives as long as the test process. Durability settings are the
// product's: fsync and synchronous_commit on.
class Postgres {
 public:
  Postgres();
  ~Postgres();
  // libpq connection string without user.
  const std::string& url() const { return url_; }
  // As a role; for checks past the product's own code.
  std::string UrlAs(const std::string& user) const { return url_ + " user=" + user; }

 private:
  std::string url_;
  std::string server_url_;
  std::string name_;
};

// A private Redis on a unix socket, with an append-only file.
class Redis {
 public:
  Redis();
  // unix:/path
  std::string url() const;
  // kill -9; what was not yet written is lost.
  void Kill();
  // Starts it again on the same socket and data.
  void Start();
  // FLUSHALL.
  void Wipe();

 private:
  TempFolder folder_;
  std::unique_ptr<Process> process_;
};

}  // namespace mo::testing

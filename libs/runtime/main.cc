#include "libs/runtime/main.h"

#include <signal.h>
#include <stdio.h>

#include <fstream>
#include <sstream>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

ABSL_FLAG(std::string, grpc_listen, "127.0.0.1:0", "host:port of gRPC; port 0 takes a free one");
ABSL_FLAG(std::string, http_listen, "127.0.0.1:8080", "host:port of the public REST API (edge)");
ABSL_FLAG(std::string, metrics_listen, "", "host:port of Prometheus metrics; empty: none");
ABSL_FLAG(std::string, identity_key_file, "",
          "file with the key, 32 bytes or more, that all services share");
ABSL_FLAG(std::string, operator_key_file, "",
          "file with the operator's API key; empty: no operator access");
ABSL_FLAG(
    std::string, secret_keys_file, "",
    "file with the keys that credentials of SIMs are kept under, a line \"id:base64\" each: the "
    "first one seals, all open; empty: no SIM can have credentials");
ABSL_FLAG(std::string, database_url, "", "libpq connection string, without user, of PostgreSQL");
ABSL_FLAG(std::string, migration_user, "postgres", "database user that owns the schemas");
ABSL_FLAG(std::string, database_password_file, "",
          "file with the password of the services' database roles");
ABSL_FLAG(std::string, redis_url, "", "unix:/path or tcp://host:port of Redis");
ABSL_FLAG(std::string, data_dir, "var", "folder for files that belong to no database");
ABSL_FLAG(std::string, public_url, "", "how clients reach edge, for links in answers");
ABSL_FLAG(std::vector<std::string>, peers, {}, "service=host:port,…: services in other processes");
ABSL_FLAG(std::vector<std::string>, account_weights, {},
          "acc_…=weight,…: shares of accounts that send at the same time; others have weight 1");
ABSL_FLAG(absl::Duration, stop_deadline, absl::Seconds(10),
          "how long running calls may go on after a stop");

namespace mo {
namespace {

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::stringstream content;
  content << file.rdbuf();
  return std::string(absl::StripTrailingAsciiWhitespace(content.str()));
}

// MO_DATABASE_URL=… stands for --database_url=…, unless the flag is given.
absl::Status ApplyEnvironment() {
  for (auto& [name, flag] : absl::GetAllFlags()) {
    const std::string variable = absl::StrCat("MO_", absl::AsciiStrToUpper(name));
    const char* value = getenv(variable.c_str());
    if (value == nullptr) continue;
    std::string error;
    if (!flag->ParseFrom(value, &error))
      return absl::InvalidArgumentError(absl::StrCat(variable, ": ", error));
  }
  return absl::OkStatus();
}

absl::StatusOr<AppOptions> OptionsFromFlags() {
  AppOptions options;
  options.grpc_listen = absl::GetFlag(FLAGS_grpc_listen);
  options.http_listen = absl::GetFlag(FLAGS_http_listen);
  options.metrics_listen = absl::GetFlag(FLAGS_metrics_listen);
  options.database_url = absl::GetFlag(FLAGS_database_url);
  options.migration_user = absl::GetFlag(FLAGS_migration_user);
  options.redis_url = absl::GetFlag(FLAGS_redis_url);
  options.data_dir = absl::GetFlag(FLAGS_data_dir);
  options.public_url = absl::GetFlag(FLAGS_public_url);
  options.stop_deadline = absl::GetFlag(FLAGS_stop_deadline);
  MO_ASSIGN_OR_RETURN(options.identity_key, ReadSecret(absl::GetFlag(FLAGS_identity_key_file)));
  MO_ASSIGN_OR_RETURN(options.operator_key, ReadSecret(absl::GetFlag(FLAGS_operator_key_file)));
  MO_ASSIGN_OR_RETURN(options.secret_keys, ReadSecret(absl::GetFlag(FLAGS_secret_keys_file)));
  MO_ASSIGN_OR_RETURN(options.database_password,
                      ReadSecret(absl::GetFlag(FLAGS_database_password_file)));
  MO_ASSIGN_OR_RETURN(options.account_weights,
                      AccountWeights::Parse(absl::GetFlag(FLAGS_account_weights)));
  for (const std::string& peer : absl::GetFlag(FLAGS_peers)) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(peer, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.second.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--peers: \"", peer, "\" is not service=host:port"));
    }
    options.peers.insert(parts);
  }
  if (options.identity_key.size() < 32) {
    return absl::InvalidArgumentError(
        "--identity_key_file: a file with 32 bytes or more is needed");
  }
  if (options.database_url.empty()) return absl::InvalidArgumentError("--database_url is needed");
  if (options.redis_url.empty()) return absl::InvalidArgumentError("--redis_url is needed");
  return options;
}

}  // namespace

int Main(int argc, char** argv, const std::vector<Install>& services) {
  signal(SIGPIPE, SIG_IGN);
  // Debian's Abseil follows the order of all locks otherwise, which costs 2 % of the time; tests
  // do.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Blocked before any thread starts, so that only the wait below receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  absl::SetProgramUsageMessage(
      "A messageorganizer service. Every flag may come from the environment: MO_<FLAG>.");
  if (absl::Status status = ApplyEnvironment(); !status.ok()) {
    Log(LogLevel::kError, "bad environment", {{"error", std::string(status.message())}});
    return 2;
  }
  absl::ParseCommandLine(argc, argv);
  absl::StatusOr<AppOptions> options = OptionsFromFlags();
  if (!options.ok()) {
    Log(LogLevel::kError, "bad flags", {{"error", std::string(options.status().message())}});
    return 2;
  }
  App app(*std::move(options));
  for (Install install : services) install(app);
  if (absl::Status status = app.Start(); !status.ok()) {
    Log(LogLevel::kError, "start failed", {{"error", std::string(status.message())}});
    return 1;
  }
  Log(LogLevel::kInfo, "ready", {{"grpc_port", app.grpc_port()}});
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  Log(LogLevel::kInfo, "stopping", {{"signal", signal_number}});
  app.Stop();
  Log(LogLevel::kInfo, "stopped");
  return 0;
}

}  // namespace mo

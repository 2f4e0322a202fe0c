// Tests of statistics: services that only have events, and what is made of them.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/events/events.h"
#include "libs/runtime/ids.h"
#include "libs/testing/clock.h"
#include "libs/testing/environment.h"
#include "libs/testing/wait.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "messageorganizer/contacts/v1/events.pb.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "messageorganizer/statistics/v1/statistics.grpc.pb.h"
#include "services/statistics/consumer.h"
#include "services/statistics/install.h"

namespace mo::statistics {

namespace channels = messageorganizer::channels::v1;
namespace common = messageorganizer::common::v1;
namespace contacts = messageorganizer::contacts::v1;
namespace inbox = messageorganizer::inbox::v1;
namespace links = messageorganizer::links::v1;
namespace sims = messageorganizer::sims::v1;
namespace v1 = messageorganizer::statistics::v1;
using Stub = v1::StatisticsService::Stub;
using testing::WaitFor;

inline const std::string kSim = FormatId("sim", 1), kOther = FormatId("sim", 2);
inline const std::string kChannel = FormatId("chn", 3), kBroadcast = FormatId("brd", 4);
inline const std::string kLink = FormatId("lnk", 5);

// A service that only has events.
struct Producer {
  storage::Database* database;
  events::Outbox* outbox;
};

// Of the app that was installed last.
inline std::map<std::string, Producer>& Producers() {
  static std::map<std::string, Producer> producers;
  return producers;
}

inline void InstallProducers(App& app) {
  for (const std::string& name : OptionsOf("").sources) {
    storage::Database& database = storage::InstallDatabase(app, name, {});
    Producers()[name] = {&database, &events::InstallOutbox(app, database)};
  }
}

// The service with its producers, at 2026-01-15 12:00:00 UTC.
struct Numbers {
  testing::FakeClock clock;
  testing::Environment env;

  Numbers() : env({InstallProducers, Install}, Options()) {}
  AppOptions Options() {
    AppOptions options;
    options.clock = &clock;
    return options;
  }
  // `count` equal events in one transaction, over all partitions.
  void Append(const std::string& source, int64_t account_id,
              const google::protobuf::Message& payload, int count = 1) {
    const Producer& producer = Producers().at(source);
    const absl::Status status =
        producer.database->As(account_id, [&](storage::Transaction& tx) -> absl::Status {
          for (int i = 0; i < count; ++i)
            MO_RETURN_IF_ERROR(
                producer.outbox->Append(tx, account_id, absl::StrCat("con_", i), payload));
          return absl::OkStatus();
        });
    // No REQUIRE: also called on threads, where Catch has none.
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  }
  template <class Request, class Method>
  auto Ask(Method method, const Request& request, int64_t account = 1) {
    auto response =
        Client<v1::StatisticsService>(env.app()).Call(method, env.caller(account), request);
    INFO(response.status().message());
    REQUIRE(response.ok());
    return *std::move(response);
  }
  Caller Operator() {
    Caller caller;
    caller.actor = "operator";
    caller.scopes = {"operator"};
    return caller;
  }
  v1::Recount Run() {
    auto run = Client<v1::StatisticsService>(env.app()).Call(&Stub::GetRecount, Operator(),
                                                             v1::GetRecountRequest());
    INFO(run.status().message());
    REQUIRE(run.ok());
    return *std::move(run);
  }
  v1::GetTrafficResponse Traffic(int64_t account = 1, v1::Step step = v1::STEP_UNSPECIFIED) {
    v1::GetTrafficRequest request;
    request.set_step(step);
    return Ask(&Stub::GetTraffic, request, account);
  }
  int64_t Received(int64_t account = 1) { return Traffic(account).total().received(); }
  // Returns when everything appended before is counted: each partition's mark comes behind it.
  void WaitForMarks(int64_t account, const std::string& source = "inbox") {
    constexpr int kMarks = 100;  // enough for each partition to get one
    if (source == "inbox") {
      const int64_t before = Received(account);
      Append("inbox", account, inbox::MessageReceived(), kMarks);
      WaitFor([&] { return Received(account) == before + kMarks; },
              "marks of the inbox are counted");
    }
  }
  // The service's tables, past its code.
  std::unique_ptr<storage::Database> OpenDatabase() {
    storage::DatabaseOptions options;
    options.url = env.app().options().database_url;
    options.migration_user = env.app().options().migration_user;
    options.service = "statistics";
    return std::make_unique<storage::Database>(std::move(options), env.app().metrics());
  }
  // A connection that sees all accounts.
  std::unique_ptr<storage::Connection> System() {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    return *std::move(connection);
  }
  int64_t Count(const std::string& sql) {
    auto rows = System()->Query(sql, storage::Parameters());
    INFO(rows.status().message());
    REQUIRE(rows.ok());
    return (*rows)[0].Int(0);
  }
};

// A time of UTC, e.g. "2026-03-29 01:00:00".
inline absl::Time Utc(const std::string& text) {
  absl::Time time;
  REQUIRE(absl::ParseTime("%Y-%m-%d %H:%M:%S", text, &time, nullptr));
  return time;
}

}  // namespace mo::statistics

// What the tests of this service share: it runs with the real sims and contacts, and looks into
// their tables.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/events/events.h"
#include "libs/runtime/ids.h"
#include "libs/storage/transaction.h"
#include "libs/testing/environment.h"
#include "libs/testing/wait.h"
#include "messageorganizer/channels/v1/broadcasts.grpc.pb.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/accounts/install.h"
#include "services/channels/controls.h"
#include "services/channels/expander.h"
#include "services/channels/install.h"
#include "services/channels/reporter.h"
#include "services/channels/turn_leases.h"
#include "services/contacts/install.h"
#include "services/sims/install.h"

namespace mo::channels {

// An account (1) with SIMs and contacts.
struct World {
  // `stepwise`: broadcasts' workers do not run, see workers().
  explicit World(bool stepwise = false, const Clock* clock = &Clock::System())
      : env({accounts::Install, sims::Install, contacts::Install,
             stepwise ? &InstallStepwise : &Install},
            Options(clock)),
        channels(env.app()),
        broadcasts(env.app()),
        dispatches(env.app()),
        postgres(*storage::Connection::Open(env.postgres().UrlAs("postgres"))) {}

  Caller caller() const { return env.caller(1); }
  Workers& workers() { return *stepwise; }

  // Runs statements as the owner of everything.
  void Sql(const std::string& sql) {
    const absl::Status status = postgres->Script(sql).status();
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  }
  int64_t Number(const std::string& sql) {
    const auto rows = postgres->Query(sql, storage::Parameters());
    if (!rows.ok()) throw std::runtime_error(std::string(rows.status().message()));
    return (*rows)[0].Int(0);
  }
  // Events of a type that this service has told, oldest first.
  template <class T>
  std::vector<T> Events() {
    std::vector<T> events;
    const auto rows =
        postgres->Query("SELECT envelope FROM channels.outbox ORDER BY id", storage::Parameters());
    for (const storage::Row row : *rows) {
      events::Event event;
      event.envelope.ParseFromString(row.String(0));
      if (auto payload = events::As<T>(event)) events.push_back(*payload);
    }
    return events;
  }

  // A SIM with room for a million.
  std::string Sim() {
    sims_v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address(absl::StrCat("+43664", 1000000 + ++sims_made));
    request.mutable_sim()->set_display_name("SIM");
    request.mutable_sim()->set_capacity(1000000);
    Client<sims_v1::SimService> client(env.app());
    auto created = client.Call(&sims_v1::SimService::Stub::CreateSim, caller(), request);
    if (!created.ok()) throw std::runtime_error(std::string(created.status().message()));
    return created->id();
  }
  // Active contacts of a SIM (none given: of one made for them), in the order of their ids.
  // Inserted as rows: that is all they are to this service.
  std::vector<std::string> Contacts(int number, const std::string& sim = "") {
    const int64_t sim_id = IdOf(sim.empty() ? Sim() : sim);
    Sql(absl::StrCat(
        "INSERT INTO contacts.contacts (account_id, id, network, address, display_name, language, "
        "state, sim_id, attributes, create_time, version) SELECT 1, ",
        contacts_made, " + i, 1, '+43660' || (", 1000000 + contacts_made, " + i), '', '', 2, ",
        sim_id, ", '{}', now(), 1 FROM generate_series(1, ", number, ") i"));
    std::vector<std::string> ids;
    for (int i = 1; i <= number; ++i) ids.push_back(FormatId("con", contacts_made + i));
    contacts_made += number;
    return ids;
  }
  std::string Channel() {
    v1::CreateChannelRequest request;
    request.mutable_channel()->set_display_name("Channel");
    auto created = channels.Call(&v1::ChannelService::Stub::CreateChannel, caller(), request);
    if (!created.ok()) throw std::runtime_error(std::string(created.status().message()));
    return created->id();
  }
  v1::GetChannelRequest Get(const std::string& id) {
    v1::GetChannelRequest request;
    request.set_id(id);
    return request;
  }
  int64_t Subscribers(const std::string& channel) {
    return channels.Call(&v1::ChannelService::Stub::GetChannel, caller(), Get(channel))
        ->subscribers();
  }
  absl::StatusOr<v1::Subscription> Subscribe(const std::string& channel,
                                             const std::string& contact) {
    v1::SubscribeRequest request;
    request.set_channel_id(channel);
    request.set_contact_id(contact);
    return channels.Call(&v1::ChannelService::Stub::Subscribe, caller(), request);
  }
  // Subscribes contacts by their numbers, in one statement.
  void SubscribeRange(const std::string& channel, int64_t first, int64_t last) {
    Sql(absl::StrCat("INSERT INTO channels.subscriptions SELECT 1, ", IdOf(channel),
                     ", i, now() FROM generate_series(", first, ", ", last, ") i"));
  }

  static AppOptions Options(const Clock* clock) {
    AppOptions options;
    options.clock = clock;
    return options;
  }
  static void InstallStepwise(App& app) { stepwise.emplace(InstallWithoutWorkers(app)); }
  static inline std::optional<Workers> stepwise;

  testing::Environment env;
  Client<v1::ChannelService> channels;
  Client<v1::BroadcastService> broadcasts;
  Client<sims_v1::DispatchService> dispatches;
  std::unique_ptr<storage::Connection> postgres;
  int64_t contacts_made = 0;
  int sims_made = 0;
};

}  // namespace mo::channels

// What the tests of this service share: sims and contacts in one process, and requests in a line.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/storage/database.h"
#include "libs/testing/environment.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/contacts/install.h"
#include "services/sims/install.h"

namespace mo::contacts {

namespace v1 = messageorganizer::contacts::v1;
namespace sims_v1 = messageorganizer::sims::v1;
using Stub = v1::ContactService::Stub;
using messageorganizer::common::v1::Network;
using messageorganizer::common::v1::NETWORK_SMS;
using messageorganizer::common::v1::NETWORK_TELEGRAM;
using messageorganizer::common::v1::NETWORK_WHATSAPP;

// Both services, started, and their clients.
struct Pool {
  explicit Pool(AppOptions options = {},
                std::vector<void (*)(App&)> services = {sims::Install, Install})
      : env(std::move(services), std::move(options)), contacts(env.app()), sims(env.app()) {}

  // Of an account, else of the pool's.
  Caller caller(int64_t of = 0) const { return env.caller(of != 0 ? of : account); }
  // Adds a SIM; its id.
  std::string AddSim(int64_t capacity, Network network = NETWORK_WHATSAPP, int64_t of = 0) {
    static int number = 0;
    sims_v1::CreateSimRequest request;
    request.mutable_sim()->set_network(network);
    request.mutable_sim()->set_address(network == NETWORK_TELEGRAM
                                           ? absl::StrCat("demo", ++number, "_bot")
                                           : absl::StrCat("+4366400", 10000 + ++number));
    request.mutable_sim()->set_display_name("Demo");
    request.mutable_sim()->set_capacity(capacity);
    auto sim = sims.Call(&sims_v1::SimService::Stub::CreateSim, caller(of), request);
    if (!sim.ok()) throw std::runtime_error(std::string(sim.status().message()));
    return sim->id();
  }
  int64_t Occupancy() {
    return sims
        .Call(&sims_v1::SimService::Stub::GetOccupancy, caller(), sims_v1::GetOccupancyRequest())
        ->occupancy();
  }
  // Says that there are, or are no longer, these channels.
  void SetChannels(const std::vector<std::string>& ids, bool exist = true, int64_t of = 0) {
    for (const std::string& id : ids) {
      v1::SetChannelRequest request;
      request.set_channel_id(id);
      request.set_exists(exist);
      auto set = contacts.Call(&Stub::SetChannel, ServiceCaller("channels", of != 0 ? of : account),
                               request);
      if (!set.ok()) throw std::runtime_error(std::string(set.status().message()));
    }
  }
  absl::StatusOr<v1::Registration> Register(const std::string& phone,
                                            Network network = NETWORK_WHATSAPP,
                                            const std::vector<std::string>& channels = {},
                                            const std::string& key = "") {
    v1::RegisterRequest request;
    request.set_network(network);
    request.set_phone(phone);
    for (const std::string& channel : channels) request.add_channels(channel);
    return contacts.Call(&Stub::Register, caller().WithKey(key), request);
  }
  // A message with this number from a sender, as inbox reports it.
  absl::StatusOr<v1::RecordInboundResponse> Write(int64_t inbound_id, const std::string& sim_id,
                                                  const std::string& sender,
                                                  Network network = NETWORK_WHATSAPP,
                                                  const std::string& payload = "",
                                                  const std::string& phone = "") {
    v1::RecordInboundRequest request;
    request.set_inbound_id(inbound_id);
    request.set_sim_id(sim_id);
    request.set_network(network);
    request.set_sender_address(sender);
    request.set_sender_phone(phone);
    request.set_sender_name("Anna");
    request.set_start_payload(payload);
    return contacts.Call(&Stub::RecordInbound, ServiceCaller("inbox", account), request);
  }
  absl::StatusOr<v1::Contact> Get(const std::string& id, int64_t of = 0) {
    v1::GetContactRequest request;
    request.set_id(id);
    return contacts.Call(&Stub::GetContact, caller(of), request);
  }
  absl::StatusOr<v1::Contact> Stop(const std::string& id, const std::string& key = "") {
    v1::StopContactRequest request;
    request.set_id(id);
    return contacts.Call(&Stub::StopContact, caller().WithKey(key), request);
  }
  v1::ListContactsResponse List(const v1::ListContactsRequest& request = {}) {
    return *contacts.Call(&Stub::ListContacts, caller(), request);
  }
  // "pending/active/stopped"
  std::string Counts(int64_t of = 0) {
    auto counts = contacts.Call(&Stub::CountContacts, caller(of), {});
    return absl::StrCat(counts->pending(), "/", counts->active(), "/", counts->stopped());
  }
  // Past the product: one value of the database, as text, by its superuser.
  std::string Sql(const std::string& sql) {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    auto rows = (*connection)->Query(sql, storage::Parameters());
    if (!rows.ok()) throw std::runtime_error(std::string(rows.status().message()));
    return rows->empty() || (*rows)[0].IsNull(0) ? "" : (*rows)[0].String(0);
  }
  // The service's tables, for jobs that a test runs itself.
  std::unique_ptr<storage::Database> OpenDatabase() {
    storage::DatabaseOptions options;
    options.url = env.postgres().url();
    options.migration_user = "postgres";
    options.service = "contacts";
    options.connections = 2;
    return std::make_unique<storage::Database>(options, env.app().metrics());
  }

  int64_t account = 1;
  testing::Environment env;
  Client<v1::ContactService> contacts;
  Client<sims_v1::SimService> sims;
};

// Runs work(0) … work(n - 1), each on a thread, all at once.
template <class Work>
void InParallel(int n, Work work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace mo::contacts

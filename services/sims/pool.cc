#include "services/sims/pool.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <limits>

#include "absl/strings/escaping.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "re2/re2.h"
#include "services/sims/driver_settings.h"
#include "services/sims/errors.h"
#include "services/sims/pool_store.h"
#include "services/sims/rehome_store.h"
#include "services/sims/sim_history.h"
#include "services/sims/sim_limits.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

// What the proto's options cannot say: the address' form depends on the network.
void CheckNewSim(const v1::Sim& sim, Problems& problems) {
  if (sim.network() == common::NETWORK_UNSPECIFIED)
    problems.Add("sim.network", "REQUIRED", "must be set");
  if (sim.capacity() < 1) problems.Add("sim.capacity", "OUT_OF_RANGE", "must be 1 to 10000000");
  if (sim.address().empty()) {
    problems.Add("sim.address", "REQUIRED", "must not be empty");
  } else if (sim.network() == common::NETWORK_WHATSAPP &&
             !RE2::FullMatch(sim.address(), "\\+[1-9][0-9]{6,14}")) {
    problems.Add("sim.address", "BAD_FORMAT",
                 "must be a phone number in E.164 form, e.g. +436641234567");
  } else if (!RE2::FullMatch(sim.address(), "[+A-Za-z0-9._-]{1,64}")) {
    problems.Add("sim.address", "BAD_FORMAT", "must be a phone number, or a bot's or page's name");
  }
  CheckDriver(sim, problems);
}

// "usr_…" or "key_…" of "user:usr_…", "key:key_…"; others as they are.
std::string ActorOf(const Caller& caller) {
  const size_t colon = caller.actor.find(':');
  if (colon == std::string::npos || absl::StartsWith(caller.actor, "svc:")) return caller.actor;
  return caller.actor.substr(colon + 1);
}

}  // namespace

std::string HashToken(absl::string_view token) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest);
  return std::string(reinterpret_cast<char*>(digest), sizeof(digest));
}

absl::StatusOr<v1::Sim> Pool::Create(const Caller& caller, const v1::CreateSimRequest& request) {
  Problems problems;
  CheckNewSim(request.sim(), problems);
  MO_RETURN_IF_ERROR(problems.ToStatus());
  v1::Sim sim = request.sim();
  const absl::Time now = app_.clock().Now();
  const int64_t id = app_.ids().Next();
  sim.set_id(FormatId("sim", id));
  sim.set_state(v1::SIM_STATE_ACTIVE);
  *sim.mutable_create_time() = ToProto(now);
  if (sim.has_warm_up()) MO_RETURN_IF_ERROR(SetWarmUp({}, now, *sim.mutable_warm_up()));
  sim.mutable_state_reason()->set_code("CREATED");
  if (sim.driver().settings_case() != v1::Driver::SETTINGS_NOT_SET) {
    MO_ASSIGN_OR_RETURN(const std::optional<v1::Sim> kept,
                        Kept(caller, credentials_.Concealed(caller.account_id, request)));
    if (kept) return *kept;
    MO_RETURN_IF_ERROR(probe_.Check(sim.driver(), sim.address()));
  }
  absl::StatusOr<v1::Sim> created =
      database_.Once<v1::Sim>(caller, credentials_.Concealed(caller.account_id, request),
                              [&](storage::Transaction& tx) -> absl::StatusOr<v1::Sim> {
                                MO_RETURN_IF_ERROR(InsertSim(tx, id, sim));
                                MO_RETURN_IF_ERROR(credentials_.Save(tx, id, sim.driver()));
                                MO_RETURN_IF_ERROR(Created(tx, sim, caller));
                                return Select(tx, id);
                              });
  // Its id may have been asked for before it was there.
  if (created.ok()) drivers_.Forget();
  return storage::Violates(created.status(), "sims_address") ? AddressTaken() : created;
}

absl::StatusOr<v1::Sim> Pool::Get(const Caller& caller, const v1::GetSimRequest& request) {
  return database_.ReadAs(caller.account_id,
                          [&](storage::Transaction& tx) { return Select(tx, IdOf(request.id())); });
}

absl::StatusOr<v1::ListSimsResponse> Pool::List(const Caller& caller,
                                                const v1::ListSimsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(
      std::vector<v1::Sim> sims, database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
        return SelectSims(tx, before, size + 1, request.network(), app_.clock().Now());
      }));
  v1::ListSimsResponse response;
  if (sims.size() > static_cast<size_t>(size)) {
    sims.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(sims.back().id())));
  }
  for (v1::Sim& sim : sims) {
    if (sim.has_driver())
      sim.mutable_driver()->set_callback_url(
          credentials_.CallbackUrl(sim.driver(), IdOf(sim.id())));
    *response.add_sims() = std::move(sim);
  }
  return response;
}

absl::StatusOr<v1::Sim> Pool::Update(const Caller& caller, const v1::UpdateSimRequest& request) {
  std::vector<std::string> updatable = {"display_name", "capacity", "messages_per_second",
                                        "warm_up"};
  updatable.insert(updatable.end(), DriverPaths().begin(), DriverPaths().end());
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.sim(), request.update_mask(), updatable));
  if (request.sim().id().empty()) return InvalidField("sim.id", "REQUIRED", "must not be empty");
  if (fields.count("capacity") != 0 && request.sim().capacity() < 1) {
    return InvalidField("sim.capacity", "OUT_OF_RANGE", "must be 1 to 10000000");
  }
  const int64_t id = IdOf(request.sim().id());
  std::optional<v1::Driver> probed;
  if (std::any_of(fields.begin(), fields.end(),
                  [](const std::string& path) { return absl::StartsWith(path, "driver"); })) {
    MO_ASSIGN_OR_RETURN(const std::optional<v1::Sim> kept,
                        Kept(caller, credentials_.Concealed(caller.account_id, request)));
    if (kept) return *kept;
    MO_ASSIGN_OR_RETURN(probed, ProbeDriver(caller, request, fields));
  }
  return database_.Once<v1::Sim>(
      caller, credentials_.Concealed(caller.account_id, request),
      [&](storage::Transaction& tx) -> absl::StatusOr<v1::Sim> {
        MO_ASSIGN_OR_RETURN(v1::Sim sim, Select(tx, id, /*lock=*/true));
        MO_RETURN_IF_ERROR(CheckEtag(request.sim().etag(), sim.etag()));
        if (probed) {
          MO_RETURN_IF_ERROR(ChangeDriver(tx, request, fields, sim, *probed));
        }
        std::set<std::string> plain = fields;
        plain.erase("driver");
        const WarmUp before = ReadWarmUp(sim.warm_up());
        CopyFields(request.sim(), plain, sim);
        if (plain.contains("warm_up") && sim.has_warm_up()) {
          MO_RETURN_IF_ERROR(SetWarmUp(before, app_.clock().Now(), *sim.mutable_warm_up()));
        }
        UpdateSim(tx, id, sim);
        tx.AfterCommit([this, id] { gateway_.Reconfigure(id); });
        return Select(tx, id);
      });
}

absl::StatusOr<google::protobuf::Empty> Pool::Delete(const Caller& caller,
                                                     const v1::DeleteSimRequest& request) {
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_ASSIGN_OR_RETURN(v1::Sim sim,
                            SelectSim(tx, IdOf(request.id()), app_.clock().Now(), /*lock=*/true));
        MO_ASSIGN_OR_RETURN(const bool deleted, DeleteSim(tx, IdOf(request.id())));
        if (!deleted) return SimInUse();
        NoteDeleted(tx, {caller.account_id, IdOf(request.id())}, app_.clock().Now());
        tx.AfterCommit([this, id = IdOf(request.id())] {
          drivers_.Forget();
          gateway_.Reconfigure(id);
        });
        return google::protobuf::Empty();
      });
}

absl::StatusOr<v1::Sim> Pool::SetState(const Caller& caller,
                                       const google::protobuf::Message& request,
                                       const std::string& id, v1::SimState state) {
  return database_.Once<v1::Sim>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Sim> {
        const StateChange change{state, StateActor::kOperator, "OPERATOR", "", ActorOf(caller)};
        MO_ASSIGN_OR_RETURN(const bool changed,
                            ChangeState(tx, outbox_, caller.account_id, IdOf(id), change,
                                        app_.clock().Now(), caller.request_id));
        if (changed) tx.AfterCommit([this, number = IdOf(id)] { gateway_.Reconfigure(number); });
        return Select(tx, IdOf(id));
      });
}

absl::StatusOr<v1::ListSimHistoryResponse> Pool::ListHistory(
    const Caller& caller, const v1::ListSimHistoryRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(
      HistoryPage page,
      database_.ReadAs(
          caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<HistoryPage> {
            MO_RETURN_IF_ERROR(SelectSim(tx, IdOf(request.id()), app_.clock().Now()).status());
            return SelectHistory(tx, IdOf(request.id()), before, size);
          }));
  v1::ListSimHistoryResponse response;
  for (v1::SimHistoryEntry& entry : page.entries) *response.add_entries() = std::move(entry);
  if (page.next != 0) response.set_next_page_token(storage::PageToken(page.next));
  return response;
}

absl::StatusOr<v1::GetOccupancyResponse> Pool::Occupancy(const Caller& caller) {
  return database_.ReadAs(caller.account_id,
                          [&](storage::Transaction& tx) { return SelectOccupancy(tx); });
}

absl::StatusOr<v1::CreateAgentTokenResponse> Pool::CreateToken(
    const Caller& caller, const v1::CreateAgentTokenRequest& request) {
  unsigned char random[32];
  RAND_bytes(random, sizeof(random));
  v1::CreateAgentTokenResponse response;
  response.set_token(
      absl::StrCat("mo_agent_", absl::WebSafeBase64Escape(absl::string_view(
                                    reinterpret_cast<char*>(random), sizeof(random)))));
  // Not Once(): its kept answer would hold the secret. Doing it again is harmless: the newest token
  // counts.
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) {
    return UpdateToken(tx, IdOf(request.id()), HashToken(response.token()));
  }));
  return response;
}

absl::StatusOr<v1::ListGroupsResponse> Pool::ListGroups(const Caller& caller,
                                                        const v1::ListGroupsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const std::string after, storage::PageKey(request.page_token()));
  MO_ASSIGN_OR_RETURN(
      std::vector<v1::Group> groups,
      database_.ReadAs(caller.account_id,
                       [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<v1::Group>> {
                         MO_RETURN_IF_ERROR(
                             SelectSim(tx, IdOf(request.id()), app_.clock().Now()).status());
                         return SelectGroups(tx, IdOf(request.id()), after, size + 1);
                       }));
  v1::ListGroupsResponse response;
  if (groups.size() > static_cast<size_t>(size)) {
    groups.pop_back();
    response.set_next_page_token(storage::PageToken(groups.back().id()));
  }
  for (v1::Group& group : groups) *response.add_groups() = std::move(group);
  return response;
}

absl::StatusOr<v1::Sim> Pool::Select(storage::Transaction& tx, int64_t id, bool lock) {
  MO_ASSIGN_OR_RETURN(v1::Sim sim, SelectSim(tx, id, app_.clock().Now(), lock));
  if (sim.has_driver())
    sim.mutable_driver()->set_callback_url(credentials_.CallbackUrl(sim.driver(), id));
  return sim;
}

absl::Status Pool::Created(storage::Transaction& tx, const v1::Sim& sim, const Caller& caller) {
  AddHistory(
      tx, caller.account_id, IdOf(sim.id()),
      {FromProto(sim.create_time()), sim.state(), sim.state_reason().code(), "", ActorOf(caller)});
  v1::SimChanged event;
  event.set_sim_id(sim.id());
  event.set_state(sim.state());
  event.set_online(sim.online());
  event.set_code(sim.state_reason().code());
  return outbox_.Append(tx, caller.account_id, sim.id(), event, caller.request_id);
}

}  // namespace mo::sims

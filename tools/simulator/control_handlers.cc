#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"
#include "tools/simulator/control.h"
#include "tools/simulator/shapes.h"

namespace mo::simulator {

namespace {

// The one field of a body.
absl::StatusOr<std::string> OnlyField(const json& body, const char* name) {
  Fields fields(body);
  std::string value = fields.Need(name);
  MO_RETURN_IF_ERROR(fields.Finish());
  return value;
}

// A number of the query, `value` if absent.
absl::StatusOr<int64_t> QueryNumber(const std::string& text, absl::string_view name, int64_t value,
                                    int64_t max) {
  if (text.empty()) return value;
  if (!absl::SimpleAtoi(text, &value) || value < 0 || value > max) {
    return absl::InvalidArgumentError(absl::StrCat(name, " must be a number from 0 to ", max));
  }
  return value;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Agent>> Control::AgentOf(const Call& call) {
  common::Network network;
  if (const std::string name = call.Query("network"); !name.empty()) {
    MO_ASSIGN_OR_RETURN(network, ParseNetwork(name));
  } else {
    MO_ASSIGN_OR_RETURN(network, network_.NetworkOf(call.path[0]));
  }
  return network_.FindAgent(network, call.path[0]);
}

absl::StatusOr<Phone*> Control::PhoneOf(const Call& call) {
  MO_ASSIGN_OR_RETURN(const common::Network network, ParseNetwork(call.path[0]));
  return network_.world().phones.Find(network, call.path[1]);
}

json Control::View(Agent& agent) {
  std::vector<std::string> groups;
  for (const auto& group : network_.world().groups.Of(agent.spec().network, agent.spec().address)) {
    groups.push_back(group.group_id());
  }
  return ToJson(agent, agent.View(), groups);
}

Control::Answer Control::AddAgent(const Call& call) {
  MO_ASSIGN_OR_RETURN(AgentSpec spec, ParseAgent(call.body));
  const common::Network network = spec.network;
  const std::string address = spec.address;
  MO_RETURN_IF_ERROR(network_.AddAgent(std::move(spec)));
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, network_.FindAgent(network, address));
  return View(*agent);
}

Control::Answer Control::ListAgents(const Call&) {
  json agents = json::array();
  for (const std::shared_ptr<Agent>& agent : network_.Agents()) agents.push_back(View(*agent));
  return json{{"agents", std::move(agents)}};
}

Control::Answer Control::RemoveAgent(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  MO_RETURN_IF_ERROR(network_.RemoveAgent(agent->spec().network, agent->spec().address));
  return json::object();
}

Control::Answer Control::DisconnectAgent(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  agent->Disconnect();
  return View(*agent);
}

Control::Answer Control::AgentOffline(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  agent->SetOnline(false);
  return View(*agent);
}

Control::Answer Control::AgentOnline(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  agent->SetOnline(true);
  return View(*agent);
}

Control::Answer Control::BanAgent(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  agent->SetBanned(true);
  return View(*agent);
}

Control::Answer Control::UnbanAgent(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  agent->SetBanned(false);
  return View(*agent);
}

Control::Answer Control::SetCredit(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, AgentOf(call));
  Fields fields(call.body);
  if (!fields.Has("credit")) fields.Fail("credit", "is required");
  const int64_t credit = fields.Int("credit", 0, 0, 100000);
  MO_RETURN_IF_ERROR(fields.Finish());
  agent->SetCredit(static_cast<int32_t>(credit));
  return View(*agent);
}

Control::Answer Control::AddPhones(const Call& call) {
  World& world = network_.world();
  MO_ASSIGN_OR_RETURN(const PhonesRequest request,
                      ParsePhones(call.body, world.settings.Get()->receipts));
  const size_t created = world.phones.Create(request.phones);
  if (request.has_policy) {
    for (const PhoneSpec& spec : request.phones) {
      MO_ASSIGN_OR_RETURN(Phone * phone, world.phones.Find(spec.network, spec.address));
      world.phones.SetPolicy(*phone, request.policy);
    }
  }
  return json{{"created", created}, {"existed", request.phones.size() - created}};
}

Control::Answer Control::GetPhone(const Call& call) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  return ToJson(*phone, network_.world().phones.View(*phone));
}

Control::Answer Control::WriteOne(const Call& call) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  MO_ASSIGN_OR_RETURN(const Writing writing, ParseWriting(call.body));
  MO_ASSIGN_OR_RETURN(const std::string id, network_.Write(*phone, writing));
  return json{{"provider_message_id", id}};
}

Control::Answer Control::WriteMany(const Call& call) {
  Fields fields(call.body);
  const auto network = ParseNetwork(fields.Need("network"));
  fields.Check(network.status());
  const json* messages = fields.Array("messages");
  if (messages == nullptr) fields.Fail("messages", "is required");
  MO_RETURN_IF_ERROR(fields.Finish());
  // All are checked before the first is written.
  std::vector<std::pair<Phone*, Writing>> writings;
  for (const json& message : *messages) {
    std::string from;
    MO_ASSIGN_OR_RETURN(Writing writing, ParseWriting(message, &from));
    MO_ASSIGN_OR_RETURN(Phone * phone, network_.world().phones.Find(*network, from));
    writings.emplace_back(phone, std::move(writing));
  }
  json ids = json::array();
  for (const auto& [phone, writing] : writings) {
    MO_ASSIGN_OR_RETURN(const std::string id, network_.Write(*phone, writing));
    ids.push_back(id);
  }
  return json{{"provider_message_ids", std::move(ids)}};
}

Control::Answer Control::SetBlocked(const Call& call, bool blocked) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  MO_ASSIGN_OR_RETURN(const std::string sim, OnlyField(call.body, "sim"));
  network_.SetBlocked(*phone, sim, blocked);
  return GetPhone(call);
}

Control::Answer Control::BlockSim(const Call& call) { return SetBlocked(call, true); }

Control::Answer Control::UnblockSim(const Call& call) { return SetBlocked(call, false); }

Control::Answer Control::PhoneOffline(const Call& call) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  network_.SetPhoneOnline(*phone, false);
  return GetPhone(call);
}

Control::Answer Control::PhoneOnline(const Call& call) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  network_.SetPhoneOnline(*phone, true);
  return GetPhone(call);
}

Control::Answer Control::ReadAll(const Call& call) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  network_.MarkRead(*phone);
  return GetPhone(call);
}

Control::Answer Control::PhoneSettings(const Call& call) {
  MO_ASSIGN_OR_RETURN(Phone * phone, PhoneOf(call));
  World& world = network_.world();
  ReceiptPolicy policy = world.phones.Policy(*phone, *world.settings.Get());
  Fields fields(call.body);
  ReadPolicy(fields, &policy);
  MO_RETURN_IF_ERROR(fields.Finish());
  world.phones.SetPolicy(*phone, policy);
  return ToJson(policy);
}

Control::Answer Control::AddGroup(const Call& call) {
  MO_ASSIGN_OR_RETURN(GroupSpec spec, ParseGroup(call.body));
  MO_RETURN_IF_ERROR(network_.AddGroup(std::move(spec)));
  return json::object();
}

Control::Answer Control::ListGroups(const Call&) {
  json groups = json::array();
  for (const Group& group : network_.world().groups.List()) groups.push_back(ToJson(group));
  return json{{"groups", std::move(groups)}};
}

Control::Answer Control::SetMember(const Call& call, bool member) {
  common::Network network;
  if (const std::string name = call.Query("network"); !name.empty()) {
    MO_ASSIGN_OR_RETURN(network, ParseNetwork(name));
  } else {
    MO_ASSIGN_OR_RETURN(network, network_.world().groups.NetworkOf(call.path[0]));
  }
  MO_ASSIGN_OR_RETURN(const std::string sim, OnlyField(call.body, "sim"));
  MO_RETURN_IF_ERROR(network_.SetMember(network, call.path[0], sim, member));
  return json::object();
}

Control::Answer Control::AddMember(const Call& call) { return SetMember(call, true); }

Control::Answer Control::RemoveMember(const Call& call) { return SetMember(call, false); }

Control::Answer Control::Stats(const Call& call) {
  World& world = network_.world();
  const Counters& c = world.counters;
  int64_t attached = 0;
  const auto agents = network_.Agents();
  for (const std::shared_ptr<Agent>& agent : agents) attached += agent->View().attached;
  json stats{{"agents", agents.size()},
             {"attached", attached},
             {"messages", c.messages.load()},
             {"accepted", c.accepted.load()},
             {"refused", c.refused.load()},
             {"repeated", c.repeated.load()},
             {"results_dropped", c.results_dropped.load()},
             {"receipts_sent", c.receipts_sent.load()},
             {"inbound", c.inbound.load()},
             {"replayed", c.replayed.load()},
             {"attaches", c.attaches.load()},
             {"protocol_errors", c.protocol_errors.load()},
             {"credit_violations", c.credit_violations.load()}};
  if (call.Query("phones") == "false") return stats;
  const PhoneTotals totals = world.phones.Totals();
  stats["phones"] = totals.phones;
  stats["received"] = totals.received;
  stats["distinct"] = totals.distinct;
  stats["duplicates"] = totals.received - totals.distinct;
  return stats;
}

Control::Answer Control::Report(const Call& call) {
  int network = 0;
  if (const std::string name = call.Query("network"); !name.empty()) {
    MO_ASSIGN_OR_RETURN(network, ParseNetwork(name));
  }
  MO_ASSIGN_OR_RETURN(const int64_t size,
                      QueryNumber(call.Query("page_size"), "page_size", 1000, 100000));
  MO_ASSIGN_OR_RETURN(const int64_t from,
                      QueryNumber(call.Query("page_token"), "page_token", 0, UINT32_MAX));
  const PhoneReport report = network_.world().phones.Report(
      network, call.Query("prefix"), static_cast<uint32_t>(from), static_cast<size_t>(size));
  json phones = json::array();
  for (const PhoneReport::Row& row : report.rows) {
    phones.push_back({{"address", row.phone->address},
                      {"distinct", row.distinct},
                      {"duplicates", row.duplicates}});
  }
  json histogram = json::object();
  for (const auto& [distinct, count] : report.histogram) {
    histogram[absl::StrCat(distinct)] = count;
  }
  return json{{"phones", std::move(phones)},
              {"next_page_token", report.next == 0 ? "" : absl::StrCat(report.next)},
              {"histogram", std::move(histogram)},
              {"duplicates", report.duplicates}};
}

Control::Answer Control::Reset(const Call&) {
  network_.world().phones.ResetCounts();
  network_.world().counters.Reset();
  return json::object();
}

Control::Answer Control::GetSettings(const Call&) {
  return ToJson(*network_.world().settings.Get());
}

Control::Answer Control::SetSettings(const Call& call) {
  SettingsBox& box = network_.world().settings;
  MO_ASSIGN_OR_RETURN(const Settings settings, ParseSettings(call.body, *box.Get()));
  box.Set(settings);
  return ToJson(settings);
}

}  // namespace mo::simulator

#include "tools/simulator/network.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::simulator {

namespace {

// TCP connections to one gateway, shared by the agents: one would be the bottleneck of a load run,
// one per agent would run out of descriptors.
constexpr uint32_t kChannelsPerGateway = 4;
constexpr auto kTick = std::chrono::milliseconds(5);

}  // namespace

Network::Network(uint64_t seed) : world_(seed), timekeeper_([this] { KeepTime(); }) {}

Network::~Network() {
  stopping_ = true;
  timekeeper_.join();
  for (const std::shared_ptr<Agent>& agent : Agents()) agent->Close();
  for (const std::shared_ptr<Agent>& agent : Agents()) agent->WaitClosed();
}

void Network::KeepTime() {
  std::vector<std::shared_ptr<Agent>> agents;
  uint64_t version = 0;
  while (!stopping_) {
    if (const uint64_t current = version_.load(); current != version) {
      agents = Agents();
      version = current;
    }
    const int64_t now_ms = NowMs();
    for (const std::shared_ptr<Agent>& agent : agents) agent->Tick(now_ms);
    doubles_.Tick(now_ms);
    std::this_thread::sleep_for(kTick);
  }
}

std::shared_ptr<grpc::Channel> Network::ChannelTo(const std::string& gateway, uint32_t agent) {
  std::shared_ptr<grpc::Channel>& channel = channels_[{gateway, agent % kChannelsPerGateway}];
  if (channel == nullptr) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(16 << 20);
    channel = grpc::CreateCustomChannel(gateway, grpc::InsecureChannelCredentials(), arguments);
  }
  return channel;
}

absl::Status Network::AddDouble(DoubleSpec spec, const DoubleSettings& settings) {
  std::lock_guard lock(mutex_);
  if (agents_.count(Key(spec.network, spec.address)) > 0) {
    return absl::AlreadyExistsError("the SIM has an agent already");
  }
  return doubles_.Add(next_agent_++, std::move(spec), settings);
}

absl::Status Network::AddAgent(AgentSpec spec) {
  std::lock_guard lock(mutex_);
  if (doubles_.Find(spec.network, spec.address) != nullptr) {
    return absl::AlreadyExistsError("the SIM has a double already");
  }
  std::shared_ptr<Agent>& agent = agents_[Key(spec.network, spec.address)];
  if (agent != nullptr) return absl::AlreadyExistsError("the SIM has an agent already");
  const uint32_t id = next_agent_++;
  if (spec.agent_id.empty()) spec.agent_id = absl::StrCat("simulated-", id);
  std::shared_ptr<grpc::Channel> channel = ChannelTo(spec.gateway, id);
  agent = std::make_shared<Agent>(id, std::move(spec), world_, std::move(channel));
  ++version_;
  return absl::OkStatus();
}

absl::Status Network::RemoveAgent(common::Network network, absl::string_view address) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, FindAgent(network, address));
  {
    std::lock_guard lock(mutex_);
    agents_.erase(Key(network, std::string(address)));
    ++version_;
  }
  agent->Close();
  agent->WaitClosed();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Agent>> Network::FindAgent(common::Network network,
                                                          absl::string_view address) {
  std::lock_guard lock(mutex_);
  auto it = agents_.find(Key(network, std::string(address)));
  if (it == agents_.end()) {
    return absl::NotFoundError(
        absl::StrCat("no agent ", address, " in ", common::Network_Name(network)));
  }
  return it->second;
}

absl::StatusOr<common::Network> Network::NetworkOf(absl::string_view address) {
  const Agent* found = nullptr;
  for (const std::shared_ptr<Agent>& agent : Agents()) {
    if (agent->spec().address != address) continue;
    if (found != nullptr) {
      return absl::FailedPreconditionError("several networks have this SIM: add ?network=");
    }
    found = agent.get();
  }
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("no agent ", address));
  return found->spec().network;
}

std::vector<std::shared_ptr<Agent>> Network::Agents() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Agent>> agents;
  for (const auto& [key, agent] : agents_) agents.push_back(agent);
  return agents;
}

absl::StatusOr<std::string> Network::Give(Phone& phone, const std::string& sim,
                                          const sims::Inbound& inbound, const Writing& writing) {
  if (const std::shared_ptr<Double> found = doubles_.Find(phone.network, sim)) {
    DoubleInbound given{inbound, writing.file};
    MO_RETURN_IF_ERROR(found->Receive(phone, given));
    return given.message.provider_message_id();
  }
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Agent> agent, FindAgent(phone.network, sim));
  if (!writing.file.empty()) {
    return absl::FailedPreconditionError("an agent takes media by URL only");
  }
  MO_RETURN_IF_ERROR(agent->Receive(inbound));
  return inbound.provider_message_id();
}

absl::StatusOr<std::string> Network::Write(Phone& phone, const Writing& writing) {
  std::set<std::string> sims;
  if (!writing.group.empty()) {
    MO_ASSIGN_OR_RETURN(sims, world_.groups.Members(phone.network, writing.group));
    if (!writing.to.empty() && sims.count(writing.to) == 0) {
      return absl::FailedPreconditionError("the SIM is not in the group");
    }
  }
  if (!writing.to.empty()) sims = {writing.to};
  if (sims.empty()) return absl::FailedPreconditionError("no SIM is in the group");

  const PhoneView view = world_.phones.View(phone);
  sims::Inbound inbound;
  inbound.set_provider_message_id(
      absl::StrCat("in-", absl::Hex(Mix(world_.seed), absl::kZeroPad16), "-", ++written_));
  inbound.set_sender_address(phone.address);
  inbound.set_sender_phone(view.phone);
  inbound.set_sender_name(view.name);
  inbound.set_group_id(writing.group);
  *inbound.mutable_content() = writing.content;
  const int64_t now_ms = NowMs();
  inbound.mutable_time()->set_seconds(now_ms / 1000);
  inbound.mutable_time()->set_nanos(static_cast<int32_t>(now_ms % 1000) * 1'000'000);
  std::string id = inbound.provider_message_id();
  for (const std::string& sim : sims) {
    const auto given = Give(phone, sim, inbound, writing);
    // In a group, a member that nobody simulates.
    if (absl::IsNotFound(given.status()) && writing.to.empty()) continue;
    if (!given.ok()) return given.status();
    id = *given;
  }
  return id;
}

void Network::Report(const std::vector<PhoneReceipt>& receipts) {
  if (receipts.empty()) return;
  std::set<uint32_t> concerned;
  for (const PhoneReceipt& receipt : receipts) concerned.insert(receipt.agent);
  for (const std::shared_ptr<Agent>& agent : Agents()) {
    if (concerned.count(agent->id()) > 0) agent->GiveReceipts(receipts);
  }
  for (const std::shared_ptr<Double>& one : doubles_.List()) {
    if (concerned.count(one->id()) > 0) one->GiveReceipts(receipts);
  }
}

void Network::SetPhoneOnline(Phone& phone, bool online) {
  Report(world_.phones.SetOnline(phone, online, *world_.settings.Get()));
}

void Network::MarkRead(Phone& phone) { Report(world_.phones.MarkRead(phone)); }

void Network::SetBlocked(Phone& phone, absl::string_view sim, bool blocked) {
  world_.phones.SetBlocked(phone, sim, blocked);
  if (const auto found = doubles_.Find(phone.network, sim)) found->NoteBlocked(phone, blocked);
}

absl::Status Network::AddGroup(GroupSpec spec) {
  PhoneSpec phone;
  phone.network = spec.network;
  phone.address = spec.id;
  phone.name = spec.name;
  MO_RETURN_IF_ERROR(world_.groups.Put(std::move(spec)));
  world_.phones.Create({phone}, /*group=*/true);
  return absl::OkStatus();
}

absl::Status Network::SetMember(common::Network network, absl::string_view group,
                                absl::string_view sim, bool member) {
  const std::shared_ptr<Double> found = doubles_.Find(network, sim);
  std::shared_ptr<Agent> agent;
  if (found == nullptr) {
    MO_ASSIGN_OR_RETURN(agent, FindAgent(network, sim));
  }
  MO_ASSIGN_OR_RETURN(const bool changed, world_.groups.SetMember(network, group, sim, member));
  if (!changed) return absl::OkStatus();
  const sims::GroupMembership membership = world_.groups.Describe(network, group, !member);
  if (found != nullptr) {
    found->GiveMembership(membership);
  } else {
    agent->GiveMembership(membership);
  }
  return absl::OkStatus();
}

}  // namespace mo::simulator

#include "tools/simulator/fake_gateway_test.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace mo::simulator {

class FakeGateway::Stream final
    : public grpc::ServerBidiReactor<sims::AgentFrame, sims::GatewayFrame> {
 public:
  Stream(FakeGateway& gateway, std::string token) : gateway_(gateway), token_(std::move(token)) {
    StartRead(&in_);
  }

  void Push(sims::GatewayItem item) {
    queue_.push_back(std::move(item));
    Pump();
  }
  void PushAck() {
    ack_wanted_ = true;
    Pump();
  }
  void End() {
    if (std::exchange(finished_, true)) return;
    Finish(grpc::Status(grpc::StatusCode::ABORTED, "dropped"));
  }

  void OnReadDone(bool ok) override {
    std::lock_guard lock(gateway_.mutex_);
    if (!ok) return End();
    if (in_.seq() != ++seen_) gateway_.seen_.errors.push_back("sequence");
    if (in_.items_size() > 1000) gateway_.seen_.errors.push_back("too many items");
    if (in_.ByteSizeLong() > (1 << 20)) gateway_.seen_.errors.push_back("too many bytes");
    if (in_.ack() > sent_) gateway_.seen_.errors.push_back("ack of what was not sent");
    if (seen_ == 1) Welcome();
    ++gateway_.seen_.frames;
    gateway_.seen_.ack = in_.ack();
    if (gateway_.options_.on_frame) gateway_.options_.on_frame(in_);
    if (gateway_.options_.keep_items) {
      for (sims::AgentItem& item : *in_.mutable_items()) {
        if (!item.has_hello()) gateway_.seen_.items.push_back(std::move(item));
      }
    }
    if (gateway_.options_.auto_ack && in_.items_size() > 0) ack_wanted_ = true;
    Pump();
    if (!finished_) StartRead(&in_);
    gateway_.changed_.notify_all();
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(gateway_.mutex_);
    writing_ = false;
    if (ok) Pump();
  }
  void OnCancel() override {
    std::lock_guard lock(gateway_.mutex_);
    End();
  }
  void OnDone() override {
    {
      std::lock_guard lock(gateway_.mutex_);
      auto it = gateway_.open_.find(token_);
      if (it != gateway_.open_.end() && it->second == this) gateway_.open_.erase(it);
      --gateway_.streams_;
      gateway_.changed_.notify_all();
    }
    delete this;
  }

 private:
  void Welcome() {
    if (in_.items_size() != 1 || !in_.items(0).has_hello()) {
      gateway_.seen_.errors.push_back("the first frame is not a Hello");
      return;
    }
    gateway_.seen_.hello = in_.items(0).hello();
    gateway_.open_[token_] = this;
    ++gateway_.seen_.attaches;
    sims::GatewayItem item;
    item.mutable_welcome()->set_lease_epoch(gateway_.seen_.attaches);
    item.mutable_welcome()->set_heartbeat_ms(gateway_.options_.heartbeat_ms);
    queue_.push_front(std::move(item));
  }
  void Pump() {
    if (writing_ || finished_ || (queue_.empty() && !ack_wanted_)) return;
    out_.Clear();
    out_.set_seq(++sent_);
    if (gateway_.options_.auto_ack || ack_wanted_) out_.set_ack(seen_);
    ack_wanted_ = false;
    for (; !queue_.empty(); queue_.pop_front()) *out_.add_items() = std::move(queue_.front());
    writing_ = true;
    StartWrite(&out_);
  }

  FakeGateway& gateway_;
  const std::string token_;
  sims::AgentFrame in_;
  sims::GatewayFrame out_;
  std::deque<sims::GatewayItem> queue_;
  int64_t seen_ = 0;
  int64_t sent_ = 0;
  bool writing_ = false;
  bool ack_wanted_ = false;
  bool finished_ = false;
};

FakeGateway::FakeGateway(Options options) : options_(std::move(options)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeGateway::~FakeGateway() {
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return streams_ == 0; });
}

std::string FakeGateway::address() const { return absl::StrCat("127.0.0.1:", port_); }

grpc::ServerBidiReactor<sims::AgentFrame, sims::GatewayFrame>* FakeGateway::Attach(
    grpc::CallbackServerContext* context) {
  auto it = context->client_metadata().find("mo-agent-token");
  const bool found = it != context->client_metadata().end();
  std::lock_guard lock(mutex_);
  ++streams_;
  return new Stream(*this, found ? std::string(it->second.data(), it->second.size()) : "");
}

bool FakeGateway::Wait(const std::function<bool(const Seen&)>& condition) {
  const auto holds = [&] {
    seen_.open = static_cast<int>(open_.size());
    return condition(seen_);
  };
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), holds);
}

FakeGateway::Seen FakeGateway::Look() {
  std::lock_guard lock(mutex_);
  seen_.open = static_cast<int>(open_.size());
  return seen_;
}

std::vector<sims::SendOutcome> FakeGateway::Seen::Outcomes(int64_t key) const {
  std::vector<sims::SendOutcome> outcomes;
  for (const sims::AgentItem& item : items) {
    if (item.has_result() && item.result().client_message_id() == key) {
      outcomes.push_back(item.result().outcome());
    }
  }
  return outcomes;
}

std::vector<sims::ReceiptState> FakeGateway::Seen::Receipts(int64_t key) const {
  std::vector<sims::ReceiptState> states;
  for (const sims::AgentItem& item : items) {
    if (item.has_receipt() && item.receipt().client_message_id() == key) {
      states.push_back(item.receipt().state());
    }
  }
  return states;
}

bool FakeGateway::Send(const std::string& token, sims::GatewayItem item) {
  std::lock_guard lock(mutex_);
  auto it = open_.find(token);
  if (it == open_.end()) return false;
  it->second->Push(std::move(item));
  return true;
}

void FakeGateway::Ack(const std::string& token) {
  std::lock_guard lock(mutex_);
  if (auto it = open_.find(token); it != open_.end()) it->second->PushAck();
}

void FakeGateway::Drop(const std::string& token) {
  std::lock_guard lock(mutex_);
  if (auto it = open_.find(token); it != open_.end()) {
    it->second->End();
    open_.erase(it);
    changed_.notify_all();
  }
}

sims::GatewayItem TextBatch(const std::string& text, int64_t first_key,
                            const std::vector<std::string>& addresses) {
  sims::GatewayItem item;
  item.mutable_send()->mutable_content()->mutable_text()->set_body(text);
  for (const std::string& address : addresses) {
    sims::SendMessage& message = *item.mutable_send()->add_messages();
    message.set_client_message_id(first_key++);
    message.set_address(address);
  }
  return item;
}

}  // namespace mo::simulator

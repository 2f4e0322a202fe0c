// The double of the Messenger Platform for one page.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/simulator/doubles/graph.h"

namespace mo::simulator {

class MessengerDouble : public GraphDouble {
 public:
  static constexpr const char* kDriver = "messenger";
  // What Messenger allows pages.
  static ProviderLimits DefaultLimits();

  MessengerDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
                  http::Client& client, std::string origin);

 private:
  struct File {
    std::string mime_type, data;
    int64_t expire_ms = 0;
  };

  std::optional<http::Response> Handle(ProviderCall& call) override;
  bool IsSend(const ProviderCall& call) const override;
  const Words* FindWords(int code) const override;
  const char* Product() const override { return ""; }
  int ThrottleCode() const override { return 613; }
  absl::Status OnReceive(Phone& phone, DoubleInbound& inbound) override;
  void OnStatuses(const std::vector<Status>& statuses) override;
  void OnTick(int64_t now_ms) override;
  absl::Status OnDo(const std::string& action, Fields& fields, Phone* phone) override;

  http::Response Send(const json& body);
  // The recipient, or what is wrong with it; `asked`: it has asked for such messages.
  std::optional<GraphError> FindRecipient(const json& recipient, Phone** phone, bool* asked) const;
  // Whether a message may be sent now, of this type and with this tag.
  std::optional<GraphError> CheckWindow(const json& body, const Phone& phone) const;
  std::optional<GraphError> CheckMessage(const json& message, common::Content* content) const;
  std::optional<GraphError> CheckAttachment(const json& attachment, common::Media* media) const;
  http::Response Upload(const ProviderCall& call);
  http::Response Download(const ProviderCall& call) const;
  http::Response Profile(const ProviderCall& call) const;

  // One event of the page's conversation with a phone, for the next callback.
  void AddEvent(absl::string_view sender, absl::string_view recipient, int64_t time_ms,
                absl::string_view kind, absl::string_view content);
  std::string MessageId(int64_t id) const;

  std::map<std::string, File> files_;
  std::map<std::string, Phone*> tokens_;  // of those who want marketing messages
  std::vector<std::string> events_;
};

}  // namespace mo::simulator

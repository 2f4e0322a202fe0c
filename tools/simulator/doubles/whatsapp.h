// The double of the WhatsApp Business Cloud API for one phone number.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "tools/simulator/doubles/graph.h"

namespace mo::simulator {

class WhatsAppDouble : public GraphDouble {
 public:
  static constexpr const char* kDriver = "whatsapp_cloud";
  // What WhatsApp allows ordinary numbers.
  static ProviderLimits DefaultLimits();

  WhatsAppDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
                 http::Client& client, std::string origin);

 private:
  struct File {
    std::string mime_type, filename, data;
    int64_t expire_ms = 0;
  };
  // A message that has passed the checks.
  struct Message {
    std::string type;
    std::string tag;  // biz_opaque_callback_data
    std::string input;
    bool group = false;
    bool marketing = false;
    bool authentication = false;
    common::Content content;
  };

  std::optional<http::Response> Handle(ProviderCall& call) override;
  bool IsSend(const ProviderCall& call) const override;
  const Words* FindWords(int code) const override;
  const char* Product() const override { return "whatsapp"; }
  int ThrottleCode() const override { return 130429; }
  absl::Status OnReceive(Phone& phone, DoubleInbound& inbound) override;
  void OnStatuses(const std::vector<Status>& statuses) override;
  void OnMembership(const sims::GroupMembership& membership) override;
  void OnBan(bool banned) override;
  absl::Status OnDo(const std::string& action, Fields& fields, Phone* phone) override;

  http::Response Send(const json& body);
  http::Response MarkRead(const json& body);
  // What is wrong with a message, or `message` filled in. whatsapp_check.cc.
  std::optional<GraphError> Check(const json& body, Message* message) const;
  std::optional<GraphError> CheckTemplate(const json& object, Message* message) const;
  std::optional<GraphError> CheckMedia(const json& object, Message* message) const;
  Phone* Recipient(const json& body, Message* message, std::optional<GraphError>* error);
  // What the recipient has against it.
  std::optional<GraphError> CheckRecipient(Phone& phone, const Message& message);

  http::Response Upload(const ProviderCall& call);
  http::Response Media(const ProviderCall& call);
  http::Response Download(const ProviderCall& call) const;
  json FileJson(const std::string& id, const File& file) const;
  std::string StoreFile(File file);

  http::Response Templates() const;
  http::Response About() const;
  http::Response MakeGroup(const ProviderCall& call);
  http::Response ListGroups() const;

  // One change of one field, to the callback.
  void NotifyChange(absl::string_view field, absl::string_view value);
  std::string Metadata() const;
  std::string MessageId(int64_t id) const;
  // "DE.…": how a business knows somebody who shows no number.
  std::string UserId(const Phone& phone) const;

  std::map<std::string, File> files_;
  absl::flat_hash_map<std::string, Phone*> user_ids_;  // those that were told
  absl::flat_hash_set<int64_t> sounds_;                // keys of audio, whose caption may follow
};

}  // namespace mo::simulator

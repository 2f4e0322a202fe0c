// A provider with files, and SIMs of three networks that it calls back for.
#pragma once

#include <openssl/hmac.h>

#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/escaping.h"
#include "libs/events/events.h"
#include "libs/http/server.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "messageorganizer/sims/v1/callbacks.grpc.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/media/install.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {

namespace media_v1 = messageorganizer::media::v1;

// A provider with files: answers by path, counts what it is asked.
class FileProvider {
 public:
  FileProvider()
      : server_({}, [this](http::Request request, http::Responder responder) {
          std::lock_guard lock(mutex_);
          ++asked_[request.path];
          tokens_[request.path] = std::string(request.headers.Get("Authorization"));
          const auto found = answers_.find(request.path);
          if (found == answers_.end()) return responder.Send({404, {}, "{}"});
          if (found->second.status == 0) return held_.push_back(std::move(responder));
          responder.Send(found->second);
        }) {
    REQUIRE(server_.Start().ok());
  }
  std::string url(const std::string& host = "127.0.0.1") const {
    return absl::StrCat("http://", host, ":", server_.port());
  }
  // Status 0: never answers.
  void Set(const std::string& path, int status, const std::string& body) {
    std::lock_guard lock(mutex_);
    answers_[path] = {status, {{"Content-Type", "image/webp"}}, body};
  }
  int asked(const std::string& path) {
    std::lock_guard lock(mutex_);
    return asked_[path];
  }
  std::string token(const std::string& path) {
    std::lock_guard lock(mutex_);
    return tokens_[path];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, http::Response> answers_;
  std::map<std::string, int> asked_;
  std::map<std::string, std::string> tokens_;
  std::vector<http::Responder> held_;
  http::Server server_;
};

inline std::string MetaSignature(absl::string_view secret, absl::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return absl::StrCat("sha256=",
                      absl::BytesToHexString({reinterpret_cast<const char*>(digest), size}));
}

// A WhatsApp message with an image; `url`: where it is, if the callback tells.
inline std::string Image(const std::string& id, const std::string& more = "", int copies = 1) {
  std::string messages;
  for (int i = 0; i < copies; ++i) {
    absl::StrAppend(&messages, i > 0 ? "," : "", R"({"from":"436641","id":"wamid.)", id,
                    i > 0 ? absl::StrCat(".", i) : "",
                    R"(","timestamp":"1700000000","type":"image","image":{"id":"55","mime_type":)",
                    R"("image/jpeg")", more, "}}");
  }
  return absl::StrCat(
      R"({"object":"whatsapp_business_account","entry":[{"id":"77","changes":[{"field":"messages",)",
      R"("value":{"metadata":{"phone_number_id":"1065"},"messages":[)", messages, "]}}]}]}");
}

// The three networks' SIMs, all at one provider.
struct FilePool : TestPool {
  FilePool() : TestPool({}, {Install, media::Install}) {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    v1::Sim whatsapp_sim, telegram_sim, messenger_sim;
    auto* cloud = whatsapp_sim.mutable_driver()->mutable_whatsapp_cloud();
    cloud->set_base_url(provider.url());
    cloud->set_phone_number_id("1065");
    cloud->set_business_account_id("77");
    cloud->set_access_token("T1");
    cloud->set_app_secret("secret");
    cloud->set_verify_token("verify");
    whatsapp = Create(common::NETWORK_WHATSAPP, "+4366400001", whatsapp_sim);
    auto* bot = telegram_sim.mutable_driver()->mutable_telegram();
    bot->set_base_url(provider.url());
    bot->set_bot_token("77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr");
    bot->set_secret_token("s3cret");
    telegram = Create(common::NETWORK_TELEGRAM, "demo_bot", telegram_sim);
    auto* page = messenger_sim.mutable_driver()->mutable_messenger();
    page->set_base_url(provider.url());
    page->set_page_id("100200");
    page->set_page_token("P1");
    page->set_app_secret("secret");
    page->set_verify_token("verify");
    messenger = Create(common::NETWORK_MESSENGER, "demo.page", messenger_sim);
  }
  std::string Create(common::Network network, const std::string& address, v1::Sim sim) {
    v1::CreateSimRequest request;
    *request.mutable_sim() = std::move(sim);
    request.mutable_sim()->set_network(network);
    request.mutable_sim()->set_address(address);
    request.mutable_sim()->set_capacity(10);
    auto created = sims.Call(&v1::SimService::Stub::CreateSim, caller, request);
    REQUIRE(created.ok());
    return created->id();
  }
  absl::Status Tell(const std::string& driver, const std::string& sim, const std::string& body) {
    v1::TakeCallbackRequest request;
    request.set_driver(driver);
    request.set_sim_id(sim);
    request.set_method("POST");
    const bool bot = driver == "telegram";
    auto* header = request.add_headers();
    header->set_name(bot ? "X-Telegram-Bot-Api-Secret-Token" : "X-Hub-Signature-256");
    header->set_value(bot ? "s3cret" : MetaSignature("secret", body));
    request.set_body(body);
    auto taken = callbacks.Call(&v1::ProviderCallbackService::Stub::TakeCallback,
                                ServiceCaller("edge", 0, ""), request);
    if (taken.ok()) CHECK(taken->status() == 200);
    return taken.status();
  }
  absl::Status TellImage(const std::string& id, const std::string& more = "") {
    return Tell("whatsapp_cloud", whatsapp, Image(id, more));
  }
  // What was told on of all messages, by the provider's id.
  std::map<std::string, common::Media> Told() {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    auto rows = (*connection)->Query("SELECT envelope FROM sims.outbox", storage::Parameters());
    REQUIRE(rows.ok());
    std::map<std::string, common::Media> told;
    for (const storage::Row row : *rows) {
      events::Event event;
      REQUIRE(event.envelope.ParseFromString(row.String(0)));
      const auto inbound = events::As<v1::InboundReceived>(event);
      if (!inbound) continue;
      CHECK(told.emplace(inbound->provider_message_id(), inbound->content().media()).second);
    }
    return told;
  }
  std::string Download(const std::string& media_id) {
    media_v1::DownloadMediaRequest request;
    request.set_id(media_id);
    auto body = Client<media_v1::MediaService>(env.app()).Call(
        &media_v1::MediaService::Stub::DownloadMedia, caller, request);
    return body.ok() ? body->data() : std::string(body.status().message());
  }
  int64_t Inbound() { return Count("SELECT count(*) FROM sims.inbound"); }

  absl::FlagSaver flags;
  FileProvider provider;
  Client<v1::ProviderCallbackService> callbacks{env.app()};
  std::string whatsapp, telegram, messenger;
};

// What WhatsApp answers who asks where a file is.
inline std::string Place(const std::string& url) {
  return absl::StrCat(R"({"url":")", url, R"("})");
}

}  // namespace mo::sims

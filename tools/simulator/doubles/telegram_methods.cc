// The methods that do not send.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/telegram.h"

namespace mo::simulator {

namespace {

constexpr int64_t kPathMs = 3600 * 1000;
constexpr size_t kLargestDownload = 20 << 20;

// What is wrong with a webhook's address. A Bot API server of one's own takes http, too, on the
// same machine.
std::string UrlProblem(absl::string_view url) {
  if (absl::StartsWith(url, "http://127.0.0.1") || absl::StartsWith(url, "http://localhost")) {
    return "";
  }
  if (!absl::StartsWith(url, "https://")) {
    return "Bad Request: bad webhook: An HTTPS URL must be provided for webhook";
  }
  const absl::string_view host = url.substr(8, url.find('/', 8) - 8);
  const size_t colon = host.rfind(':');
  int port = 443;
  if (colon != host.npos && !absl::SimpleAtoi(host.substr(colon + 1), &port)) port = 0;
  if (port == 443 || port == 80 || port == 88 || port == 8443) return "";
  return "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443";
}

}  // namespace

TelegramDouble::Outcome TelegramDouble::GetMe(const Parameters&, json* result) {
  *result = BotJson();
  (*result)["can_join_groups"] = true;
  (*result)["can_read_all_group_messages"] = true;
  (*result)["supports_inline_queries"] = false;
  (*result)["can_connect_to_business"] = false;
  (*result)["has_main_web_app"] = false;
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::SetWebhook(const Parameters& parameters, json* result) {
  const std::string url = parameters.Text("url");
  if (url.empty()) return DeleteWebhook(parameters, result);
  if (std::string wrong = UrlProblem(url); !wrong.empty()) return Problem{400, std::move(wrong)};
  const std::string secret = parameters.Text("secret_token");
  const bool plain = std::all_of(secret.begin(), secret.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
  if (secret.size() > 256 || !plain) {
    return Problem{400, "Bad Request: secret token contains unallowed characters"};
  }
  const int64_t connections = parameters.Int("max_connections").value_or(40);
  if (connections < 1 || connections > 100) {
    return Problem{400, "Bad Request: max_connections must be from 1 to 100"};
  }
  webhook_ = url;
  secret_token_ = secret;
  connections_ = static_cast<size_t>(connections);
  if (const json allowed = parameters.Value("allowed_updates"); allowed.is_array()) {
    allowed_.clear();
    for (const json& type : allowed) {
      if (type.is_string()) allowed_.push_back(type.get<std::string>());
    }
  }
  if (parameters.Bool("drop_pending_updates")) updates_.clear();
  // A poll that waits has lost its updates to the webhook.
  if (poll_) {
    poll_->responder.Send(Refuse({409, "Conflict: terminated by setWebhook request"}));
    poll_.reset();
  }
  *result = true;
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::DeleteWebhook(const Parameters& parameters, json* result) {
  webhook_.clear();
  secret_token_.clear();
  if (parameters.Bool("drop_pending_updates")) updates_.clear();
  *result = true;
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::GetWebhookInfo(const Parameters&, json* result) {
  *result = {{"url", webhook_},
             {"has_custom_certificate", false},
             {"pending_update_count", updates_.size()}};
  if (!webhook_.empty()) (*result)["max_connections"] = connections_;
  if (!allowed_.empty()) (*result)["allowed_updates"] = allowed_;
  if (last_error_s_ > 0) {
    (*result)["last_error_date"] = last_error_s_;
    (*result)["last_error_message"] = last_error_;
  }
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::GetFile(const Parameters& parameters, json* result) {
  const auto found = files_.find(parameters.Text("file_id"));
  if (found == files_.end()) return Problem{400, "Bad Request: invalid file_id"};
  const File& file = found->second;
  if (file.data.size() > kLargestDownload) return Problem{400, "Bad Request: file is too big"};
  const size_t slash = file.mime_type.find('/');
  const std::string path =
      absl::StrCat("files/file_", HashText(found->first) % 1000000, ".",
                   slash == std::string::npos ? "bin" : file.mime_type.substr(slash + 1));
  paths_[path] = {found->first, NowMs() + kPathMs};
  *result = {{"file_id", found->first},
             {"file_unique_id", file.unique_id},
             {"file_size", file.data.size()},
             {"file_path", path}};
  return std::nullopt;
}

http::Response TelegramDouble::Download(const std::string& path) const {
  const auto found = paths_.find(path);
  if (found == paths_.end() || found->second.second < NowMs()) return Refuse({404, "Not Found"});
  const File& file = files_.at(found->second.first);
  http::Response response;
  response.headers.Add("Content-Type", "application/octet-stream");
  response.body = file.data;
  return response;
}

TelegramDouble::Outcome TelegramDouble::GetChat(const Parameters& parameters, json* result) {
  Phone* phone = nullptr;
  if (auto problem = FindChat(parameters, &phone)) return problem;
  *result = ChatJson(*phone);
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::LeaveChat(const Parameters& parameters, json* result) {
  Phone* phone = nullptr;
  if (auto problem = FindChat(parameters, &phone)) return problem;
  if (!(phone->flags.load() & Phone::kGroup)) {
    return Problem{400, "Bad Request: chat member status can't be changed in private chats"};
  }
  (void)world_.groups.SetMember(network_, phone->address, address_, false);
  OnMembership(world_.groups.Describe(network_, phone->address, /*left=*/true));
  *result = true;
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::Nothing(const Parameters&, json* result) {
  *result = true;
  return std::nullopt;
}

}  // namespace mo::simulator

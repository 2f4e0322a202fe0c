// Files, templates and groups: everything of the Cloud API that is not a message.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/files.h"
#include "tools/simulator/doubles/whatsapp.h"

namespace mo::simulator {

namespace {

constexpr int64_t kUrlMs = 5 * 60 * 1000;
constexpr int64_t kUploadMs = int64_t{30} * 24 * 3600 * 1000;

// The largest upload of a type; 0: not taken at all.
size_t LargestOf(absl::string_view mime_type) {
  constexpr size_t kMega = 1 << 20;
  static constexpr std::pair<absl::string_view, size_t> kTypes[] = {
      {"audio/aac", 16 * kMega},
      {"audio/amr", 16 * kMega},
      {"audio/mpeg", 16 * kMega},
      {"audio/mp4", 16 * kMega},
      {"audio/ogg", 16 * kMega},
      {"image/jpeg", 5 * kMega},
      {"image/png", 5 * kMega},
      {"image/webp", 500 << 10},
      {"video/mp4", 16 * kMega},
      {"video/3gpp", 16 * kMega},
      {"text/plain", 100 * kMega},
      {"application/pdf", 100 * kMega},
      {"application/msword", 100 * kMega},
      {"application/vnd.ms-excel", 100 * kMega},
      {"application/vnd.ms-powerpoint", 100 * kMega},
      {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", 100 * kMega},
      {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 100 * kMega},
      {"application/vnd.openxmlformats-officedocument.presentationml.presentation", 100 * kMega},
  };
  mime_type = mime_type.substr(0, mime_type.find(';'));
  for (const auto& [type, size] : kTypes) {
    if (type == mime_type) return size;
  }
  return 0;
}

}  // namespace

std::string WhatsAppDouble::StoreFile(File file) {
  const std::string id = absl::StrCat(Mix(world_.seed ^ id_) % 900000000 + 100000000, NextId());
  files_[id] = std::move(file);
  return id;
}

http::Response WhatsAppDouble::Upload(const ProviderCall& call) {
  const auto parts =
      http::ParseMultipart(call.request.body, call.request.headers.Get("content-type"));
  if (!parts.ok()) return Fail({100, "The body must be multipart/form-data"});
  const http::Part* upload = nullptr;
  std::string product, type;
  for (const http::Part& part : *parts) {
    if (part.name == "file") upload = &part;
    if (part.name == "messaging_product") product = std::string(part.body);
    if (part.name == "type") type = std::string(part.body);
  }
  if (product != "whatsapp") return Fail({100, "The parameter messaging_product is required."});
  if (upload == nullptr) return Fail({100, "The parameter file is required."});
  if (!upload->content_type.empty() && upload->content_type != "application/octet-stream") {
    type = upload->content_type;
  }
  const size_t largest = LargestOf(type);
  if (largest == 0) {
    return Fail({100, absl::StrCat("Param file must be a file with one of the supported types. "
                                   "Received file of type '",
                                   type, "'.")});
  }
  if (upload->body.empty() || upload->body.size() > largest) {
    return Fail({131053, absl::StrCat("The file has ", upload->body.size(), " bytes, of ", type,
                                      " at most ", largest, " are possible")});
  }
  const std::string id =
      StoreFile({type, upload->filename, std::string(upload->body), NowMs() + kUploadMs});
  return Json(200, absl::StrCat(R"({"id":")", id, "\"}"));
}

json WhatsAppDouble::FileJson(const std::string& id, const File& file) const {
  return {{"messaging_product", "whatsapp"},
          {"url", absl::StrCat(origin_, "/whatsapp/media/", id, "/", NowMs() + kUrlMs)},
          {"mime_type", file.mime_type},
          {"sha256", Sha256Hex(file.data)},
          {"file_size", file.data.size()},
          {"id", id}};
}

http::Response WhatsAppDouble::Media(const ProviderCall& call) {
  const auto found = files_.find(call.path[1]);
  const std::string asked = call.Query("phone_number_id");
  if (found->second.expire_ms < NowMs() || (!asked.empty() && asked != spec_.sender_id)) {
    return Fail({100, "The media object does not exist or has expired", 33});
  }
  if (call.request.method == "GET") return Json(200, FileJson(found->first, found->second).dump());
  if (call.request.method != "DELETE") return Fail({100, "Unsupported request", 33});
  files_.erase(found);
  return Json(200, R"({"success":true})");
}

http::Response WhatsAppDouble::Download(const ProviderCall& call) const {
  const auto found = files_.find(call.path[1]);
  int64_t until_ms = 0;
  if (found == files_.end() || !absl::SimpleAtoi(call.path[2], &until_ms) || until_ms < NowMs()) {
    http::Response gone;
    gone.status = 404;
    return gone;
  }
  http::Response response;
  response.headers.Add("Content-Type", found->second.mime_type);
  response.body = found->second.data;
  return response;
}

http::Response WhatsAppDouble::About() const {
  return Json(200, json{{"verified_name", "Simulated " + spec_.address},
                        {"display_phone_number", spec_.address},
                        {"quality_rating", "GREEN"},
                        {"messaging_limit_tier", "TIER_UNLIMITED"},
                        {"id", spec_.sender_id}}
                       .dump());
}

http::Response WhatsAppDouble::Templates() const {
  json data = json::array();
  int64_t number = 1;
  for (const TemplateSpec& known : spec_.templates) {
    std::string text = known.name;
    for (int i = 1; i <= known.parameters; ++i) absl::StrAppend(&text, " {{", i, "}}");
    data.push_back({{"name", known.name},
                    {"language", known.language},
                    {"status", known.status},
                    {"category", known.category},
                    {"components", {{{"type", "BODY"}, {"text", text}}}},
                    {"id", absl::StrCat(number++)}});
  }
  return Json(200, json{{"data", std::move(data)}, {"paging", json::object()}}.dump());
}

http::Response WhatsAppDouble::MakeGroup(const ProviderCall& call) {
  if (!call.body.is_object() || call.body.value("messaging_product", json()) != "whatsapp") {
    return Fail({100, "The parameter messaging_product is required."});
  }
  const json subject = call.body.value("subject", json());
  if (!subject.is_string() || subject.get<std::string>().empty() ||
      Characters(subject.get<std::string>()) > 128) {
    return Fail({131009, "Param subject must have 1 to 128 characters."});
  }
  GroupSpec group;
  group.network = spec_.network;
  group.name = subject.get<std::string>();
  const int64_t number = NextId();
  group.id = absl::StrCat("Y2FwaV9ncm91cDo", Mix(world_.seed ^ id_) % 1000000, "Z", number);
  group.invite_link =
      absl::StrCat("https://chat.whatsapp.com/", HmacSha256("link", group.id).substr(0, 22));
  if (const absl::Status status = world_.groups.Put(group); !status.ok()) {
    return Fail({131000, std::string(status.message())});
  }
  PhoneSpec phone;
  phone.network = group.network;
  phone.address = group.id;
  phone.name = group.name;
  world_.phones.Create({phone}, /*group=*/true);
  (void)world_.groups.SetMember(group.network, group.id, spec_.address, true);
  const std::string request_id = absl::StrCat("req-", number);
  NotifyChange("group_lifecycle_update", json{{"messaging_product", "whatsapp"},
                                              {"metadata", json::parse(Metadata())},
                                              {"groups",
                                               {{{"timestamp", absl::StrCat(NowMs() / 1000)},
                                                 {"group_id", group.id},
                                                 {"type", "group_create"},
                                                 {"request_id", request_id},
                                                 {"subject", group.name},
                                                 {"invite_link", group.invite_link}}}}}
                                             .dump());
  return Json(200, json{{"messaging_product", "whatsapp"}, {"request_id", request_id}}.dump());
}

http::Response WhatsAppDouble::ListGroups() const {
  json groups = json::array();
  for (const auto& group : world_.groups.Of(spec_.network, spec_.address)) {
    groups.push_back({{"id", group.group_id()}, {"subject", group.display_name()}});
  }
  return Json(200,
              json{{"data", {{"groups", std::move(groups)}}}, {"paging", json::object()}}.dump());
}

}  // namespace mo::simulator

// The catalogue of templates of a WhatsApp business.
// https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/http/message.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/whatsapp_cloud.h"

namespace mo::sims {
namespace {

constexpr int kPage = 200;

// How many of {{1}}, {{2}}, … there are: the highest number.
int CountParameters(absl::string_view text) {
  int highest = 0;
  for (size_t open; (open = text.find("{{")) != absl::string_view::npos;) {
    text.remove_prefix(open + 2);
    int number = 0;
    if (absl::SimpleAtoi(text.substr(0, text.find("}}")), &number) && number <= 1000)
      highest = std::max(highest, number);
  }
  return highest;
}

v1::SimTemplate ReadTemplate(const Json& object) {
  v1::SimTemplate read;
  read.set_name(TextAt(object, "name"));
  read.set_language(TextAt(object, "language"));
  read.set_category(TextAt(object, "category"));
  read.set_status(TemplateStatusOf(TextAt(object, "status")));
  if (const std::string reason = TextAt(object, "rejected_reason"); reason != "NONE")
    read.set_rejected_reason(reason);
  for (const Json& component : ListAt(object, "components")) {
    const std::string type = TextAt(component, "type");
    if (type == "HEADER") read.set_header_format(TextAt(component, "format"));
    if (type != "BODY") continue;
    read.set_body(TextAt(component, "text"));
    read.set_body_parameters(CountParameters(read.body()));
  }
  return read;
}

}  // namespace

v1::TemplateStatus TemplateStatusOf(absl::string_view word) {
  if (word == "APPROVED" || word == "REINSTATED") return v1::TEMPLATE_STATUS_APPROVED;
  // IN_APPEAL was refused before; FLAGGED is still usable, and soon disabled unless it gets better.
  if (word == "FLAGGED") return v1::TEMPLATE_STATUS_APPROVED;
  if (word == "REJECTED" || word == "IN_APPEAL") return v1::TEMPLATE_STATUS_REJECTED;
  if (word == "PAUSED" || word == "LOCKED") return v1::TEMPLATE_STATUS_PAUSED;
  if (word == "PENDING") return v1::TEMPLATE_STATUS_PENDING;
  return v1::TEMPLATE_STATUS_DISABLED;  // DISABLED, PENDING_DELETION, DELETED, …
}

std::optional<http::ClientRequest> WhatsAppCloud::ListTemplates(absl::string_view cursor) const {
  if (settings().business_id.empty()) return std::nullopt;
  std::string path = absl::StrCat(
      "/", settings().business_id,
      "/message_templates?fields=name,language,category,status,components,rejected_reason&limit=",
      kPage);
  if (!cursor.empty()) absl::StrAppend(&path, "&after=", http::PercentEncode(cursor));
  return GraphRequest(settings(), "GET", path);
}

absl::StatusOr<TemplatePage> WhatsAppCloud::ParseTemplates(const http::Response& response) const {
  const Json body = ParseJson(response.body);
  if (At(body, "error").is_object() && response.status < 500 && response.status != 429)
    return absl::PermissionDeniedError(
        absl::StrCat("the provider's error ", IntAt(At(body, "error"), "code")));
  if (response.status != 200 || !At(body, "data").is_array())
    return absl::UnavailableError("no catalogue was answered");
  TemplatePage page;
  for (const Json& object : ListAt(body, "data")) {
    v1::SimTemplate read = ReadTemplate(object);
    if (!read.name().empty() && !read.language().empty()) page.templates.push_back(std::move(read));
  }
  const Json& paging = At(body, "paging");
  if (!TextAt(paging, "next").empty()) page.next = TextAt(At(paging, "cursors"), "after");
  return page;
}

}  // namespace mo::sims

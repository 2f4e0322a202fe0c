#include "services/sims/drivers/whatsapp_interactive.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

constexpr int kMostButtons = 3;
constexpr size_t kButtonsText = 1024;  // characters, of all kinds but lists
constexpr size_t kListText = 4096;
constexpr size_t kButtonTitle = 20;

const std::string& WordsIn(const common::Content& content) {
  return content.has_media() ? content.media().caption() : content.text().body();
}

const std::string& PayloadOf(const common::QuickReply& reply) {
  return reply.payload().empty() ? reply.title() : reply.payload();
}

bool NeedsList(const common::Content& content) {
  const auto& replies = content.quick_replies();
  return replies.size() > kMostButtons || Characters(WordsIn(content)) > kButtonsText ||
         std::any_of(replies.begin(), replies.end(), [](const common::QuickReply& reply) {
           return !reply.description().empty() || Characters(reply.title()) > kButtonTitle;
         });
}

void AppendAction(const common::Content& content, InteractiveShape::Kind kind, std::string& body) {
  using Kind = InteractiveShape::Kind;
  body += ",\"action\":{";
  if (kind == Kind::kLocation) {
    AppendMember("name", "send_location", body);
  } else if (kind == Kind::kLink) {
    AppendMember("name", "cta_url", body);
    body += ",\"parameters\":{";
    AppendMember("display_text", content.link_button().title(), body);
    AppendMember("url", content.link_button().url(), body);
    body.push_back('}');
  } else if (kind == Kind::kButtons) {
    body += "\"buttons\":[";
    for (const common::QuickReply& reply : content.quick_replies()) {
      absl::StrAppend(&body, body.back() == '[' ? "" : ",", R"({"type":"reply","reply":{)");
      AppendMember("id", PayloadOf(reply), body);
      AppendMember("title", reply.title(), body);
      body += "}}";
    }
    body.push_back(']');
  } else {
    AppendMember("button", content.menu_title().empty() ? "Menu" : content.menu_title(), body);
    body += ",\"sections\":[{\"rows\":[";
    for (const common::QuickReply& reply : content.quick_replies()) {
      absl::StrAppend(&body, body.back() == '[' ? "" : ",", "{");
      AppendMember("id", PayloadOf(reply), body);
      AppendMember("title", reply.title(), body);
      if (!reply.description().empty()) AppendMember("description", reply.description(), body);
      body.push_back('}');
    }
    body += "]}]";
  }
  body.push_back('}');
}

}  // namespace

bool IsInteractive(const common::Content& content) {
  return !content.quick_replies().empty() || content.has_link_button();
}

InteractiveShape ShapeOf(const common::Content& content) {
  using Kind = InteractiveShape::Kind;
  const auto& replies = content.quick_replies();
  InteractiveShape shape;
  if (content.has_link_button()) {
    shape.kind = Kind::kLink;
  } else if (std::any_of(replies.begin(), replies.end(), [](const common::QuickReply& reply) {
               return reply.kind() == common::QUICK_REPLY_KIND_LOCATION;
             })) {
    // WhatsApp asks for a place, or something else, never both.
    shape.kind = Kind::kLocation;
  } else if (NeedsList(content)) {
    shape.kind = Kind::kList;
  }
  const size_t characters = Characters(WordsIn(content));
  shape.fits =
      characters > 0 && characters <= (shape.kind == Kind::kList ? kListText : kButtonsText);
  // Only buttons and links have a header that is a file, and no header is a sound.
  shape.media_apart =
      content.has_media() && (content.media().kind() == common::MEDIA_KIND_AUDIO ||
                              shape.kind == Kind::kList || shape.kind == Kind::kLocation);
  return shape;
}

void AppendInteractive(const common::Content& content, const InteractiveShape& shape,
                       absl::string_view header_type, absl::string_view header, std::string& body) {
  using Kind = InteractiveShape::Kind;
  constexpr const char* kTypes[] = {"button", "list", "cta_url", "location_request_message"};
  static_assert(static_cast<int>(Kind::kLocation) == 3);
  body.push_back('{');
  AppendMember("type", kTypes[static_cast<int>(shape.kind)], body);
  if (!header.empty()) {
    body += ",\"header\":{";
    AppendMember("type", header_type, body);
    absl::StrAppend(&body, ",\"", header_type, "\":", header, "}");
  }
  body += ",\"body\":{";
  AppendMember("text", WordsIn(content), body);
  body.push_back('}');
  AppendAction(content, shape.kind, body);
  body.push_back('}');
}

}  // namespace mo::sims

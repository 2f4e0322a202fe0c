// Whether Meta would take a message.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/graph_members.h"
#include "tools/simulator/doubles/whatsapp.h"

namespace mo::simulator {

namespace {

// Coordinates come as strings; numbers are taken too.
double Coordinate(GraphMembers& members, const json& object, const char* name, double most) {
  double value = 0;
  const json& found = object.is_object() && object.contains(name) ? object[name] : json();
  const bool fine = found.is_number() ||
                    (found.is_string() && absl::SimpleAtod(found.get<std::string>(), &value));
  if (found.is_number()) value = found.get<double>();
  if (!fine || value < -most || value > most) {
    members.Fail(found.is_null() ? 131008 : 131009, absl::StrCat("location['", name, "']"));
  }
  return value;
}

std::optional<GraphError> CheckButtons(const json& action) {
  GraphMembers members(action, "interactive['action']");
  for (const json& button : members.Array("buttons", 1, 3)) {
    GraphMembers one(button, "buttons");
    one.Only({"type", "reply"}).OneOf("type", {"reply"});
    GraphMembers reply(one.Object("reply"), "reply");
    reply.Text("id", 256);
    reply.Text("title", 20);
    one.Take(reply.error());
    members.Take(one.error());
  }
  return members.error();
}

std::optional<GraphError> CheckList(const json& action) {
  GraphMembers members(action, "interactive['action']");
  members.Text("button", 20);
  size_t rows = 0;
  const json& sections = members.Array("sections", 1, 10);
  for (const json& section : sections) {
    GraphMembers one(section, "sections");
    one.Text("title", 24, sections.size() > 1);
    for (const json& row : one.Array("rows", 1, 10)) {
      ++rows;
      GraphMembers cell(row, "rows");
      cell.Text("id", 200);
      cell.Text("title", 24);
      cell.Text("description", 72, false);
      one.Take(cell.error());
    }
    members.Take(one.error());
  }
  if (rows > 10) members.Fail(131009, "A list has at most 10 rows in all sections together");
  return members.error();
}

std::optional<GraphError> CheckAction(const std::string& type, const json& action) {
  if (type == "button") return CheckButtons(action);
  if (type == "list") return CheckList(action);
  GraphMembers members(action, "interactive['action']");
  members.OneOf("name", {type == "location_request_message" ? "send_location" : type.c_str()});
  if (type == "cta_url") {
    GraphMembers parameters(members.Object("parameters"), "parameters");
    parameters.Text("display_text", 20);
    parameters.Text("url", 2000);
    members.Take(parameters.error());
  }
  if (type == "flow") {
    GraphMembers parameters(members.Object("parameters"), "parameters");
    parameters.Text("flow_cta", 30);
    parameters.OneOf("flow_message_version", {"3"});
    members.Take(parameters.error());
  }
  return members.error();
}

std::optional<GraphError> CheckInteractive(const json& object, common::Content* content) {
  GraphMembers members(object, "interactive");
  members.OneOf("type", {"button", "list", "cta_url", "location_request_message", "flow"});
  const std::string type = members.Text("type", 100);
  GraphMembers body(members.Object("body"), "interactive['body']");
  content->mutable_text()->set_body(body.Text("text", type == "list" ? 4096 : 1024));
  members.Take(body.error());
  if (members.Has("footer")) {
    GraphMembers footer(members.Object("footer"), "interactive['footer']");
    footer.Text("text", 60);
    members.Take(footer.error());
  }
  if (members.Has("header")) {
    GraphMembers header(members.Object("header"), "interactive['header']");
    header.OneOf("type", {"text", "image", "video", "document"});
    if (header.Text("type", 100) == "text") header.Text("text", 60);
    members.Take(header.error());
  }
  const json& action = members.Object("action");
  if (!members.error()) members.Take(CheckAction(type, action));
  return members.error();
}

}  // namespace

std::optional<GraphError> WhatsAppDouble::CheckMedia(const json& object, Message* message) const {
  const std::string& type = message->type;
  GraphMembers members(object, type);
  if (type == "document") members.Only({"id", "link", "caption", "filename", "provider"});
  if (type == "image" || type == "video") members.Only({"id", "link", "caption", "provider"});
  if (type == "audio") members.Only({"id", "link", "voice", "provider"});
  if (type == "sticker") members.Only({"id", "link", "provider"});
  members.Bool("voice");
  common::Media& media = *message->content.mutable_media();
  media.set_kind(type == "audio"      ? common::MEDIA_KIND_AUDIO
                 : type == "video"    ? common::MEDIA_KIND_VIDEO
                 : type == "document" ? common::MEDIA_KIND_DOCUMENT
                                      : common::MEDIA_KIND_IMAGE);
  media.set_caption(members.Text("caption", 1024, false));
  media.set_filename(members.Text("filename", 240, false));
  const std::string id = members.Text("id", 100, false), link = members.Text("link", 2000, false);
  media.set_url(id.empty() ? link : "media:" + id);
  if (id.empty() == link.empty()) {
    members.Fail(100, absl::StrCat("Param ", type, " needs one of id and link."));
  } else if (!id.empty() && files_.count(id) == 0) {
    members.Fail(131009, absl::StrCat("Media ID ", id, " is not one of this phone number."));
  } else if (id.empty() && !absl::StartsWith(link, "https://") &&
             !absl::StartsWith(link, "http://")) {
    members.Fail(100, absl::StrCat("Param ", type, "['link'] is not a valid URI."));
  }
  return members.error();
}

std::optional<GraphError> WhatsAppDouble::CheckTemplate(const json& object,
                                                        Message* message) const {
  GraphMembers members(object, "template");
  members.Only({"name", "language", "components", "namespace"});
  const std::string name = members.Text("name", 512);
  GraphMembers language(members.Object("language"), "language");
  const std::string code = language.Text("code", 20);
  if (language.Has("policy")) language.OneOf("policy", {"deterministic"});
  members.Take(language.error());
  if (members.error()) return members.error();
  const auto found = std::find_if(
      spec_.templates.begin(), spec_.templates.end(),
      [&](const TemplateSpec& known) { return known.name == name && known.language == code; });
  if (found == spec_.templates.end()) {
    return GraphError{132001, absl::StrCat("template name (", name, ") does not exist in ", code)};
  }
  if (found->status == "PAUSED") return GraphError{132015, "Template is paused due to low quality"};
  if (found->status == "DISABLED") return GraphError{132016, "Template is disabled"};
  if (found->status != "APPROVED") return GraphError{132001, "Template is not approved"};
  std::string text = absl::StrCat(name, " ", code, ":");
  size_t parameters = 0;
  for (const json& component : object.value("components", json::array())) {
    GraphMembers one(component, "components");
    one.OneOf("type", {"header", "body", "button"});
    const bool body = one.Text("type", 20) == "body";
    for (const json& parameter : one.Array("parameters", 0, 100)) {
      GraphMembers value(parameter, "parameters");
      value.OneOf("type", {"text", "currency", "date_time", "image", "video", "document",
                           "location", "payload"});
      if (value.Text("type", 20) == "text") absl::StrAppend(&text, " ", value.Text("text", 32768));
      parameters += body;
      one.Take(value.error());
    }
    if (one.error()) return one.error();
  }
  if (parameters != static_cast<size_t>(found->parameters)) {
    return GraphError{132000, absl::StrCat("body: number of localizable_params (", parameters,
                                           ") does not match the expected number of params (",
                                           found->parameters, ")")};
  }
  message->marketing = found->category == "MARKETING";
  message->authentication = found->category == "AUTHENTICATION";
  message->content.mutable_text()->set_body(text);
  return std::nullopt;
}

std::optional<GraphError> WhatsAppDouble::Check(const json& body, Message* message) const {
  if (body.value("messaging_product", json()) != "whatsapp") {
    return GraphError{100, "The parameter messaging_product is required."};
  }
  GraphMembers members(body, "");
  message->type = members.Has("type") ? members.Text("type", 40) : "text";
  const std::string& type = message->type;
  members.Only({"messaging_product", "recipient_type", "to", "recipient", "type", "context",
                "biz_opaque_callback_data", "text", "image", "video", "audio", "document",
                "sticker", "location", "reaction", "contacts", "template", "interactive"});
  if (members.Has("type")) {
    members.OneOf("type", {"text", "image", "video", "audio", "document", "sticker", "location",
                           "reaction", "contacts", "template", "interactive"});
  }
  if (members.Has("recipient_type")) members.OneOf("recipient_type", {"individual", "group"});
  message->group = body.value("recipient_type", json()) == "group";
  message->tag = members.Text("biz_opaque_callback_data", 512, false);
  members.Text(members.Has("recipient") && !members.Has("to") ? "recipient" : "to", 200);
  if (members.Has("context")) {
    GraphMembers context(members.Object("context"), "context");
    context.Only({"message_id"}).Text("message_id", 500);
    members.Take(context.error());
  }
  const json& object = members.Object(type.c_str());
  if (members.error()) return members.error();
  if (message->group && type != "text" && type != "template" && type != "image" &&
      type != "video" && type != "audio" && type != "document") {
    return GraphError{131051, "Unsupported message type for groups"};
  }
  common::Content& content = message->content;
  GraphMembers inner(object, type);
  if (type == "text") {
    inner.Only({"body", "preview_url"}).Bool("preview_url");
    content.mutable_text()->set_body(inner.Text("body", 4096));
    return inner.error();
  }
  if (type == "template") return CheckTemplate(object, message);
  if (type == "interactive") return CheckInteractive(object, &content);
  if (type == "location") {
    inner.Only({"latitude", "longitude", "name", "address"});
    content.mutable_location()->set_latitude(Coordinate(inner, object, "latitude", 90));
    content.mutable_location()->set_longitude(Coordinate(inner, object, "longitude", 180));
    content.mutable_location()->set_name(inner.Text("name", 1000, false));
    inner.Text("address", 1000, false);
    return inner.error();
  }
  if (type == "reaction") {
    inner.Only({"message_id", "emoji"}).Text("message_id", 500);
    content.mutable_text()->set_body(inner.Text("emoji", 20, false));
    return inner.error();
  }
  if (type == "contacts") {
    members.Array("contacts", 1, 257);
    content.mutable_unsupported()->set_kind(type);
    return members.error();
  }
  return CheckMedia(object, message);
}

}  // namespace mo::simulator

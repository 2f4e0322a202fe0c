#include "libs/transcode/openapi.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/runtime/scopes.h"
#include "libs/transcode/form.h"
#include "libs/transcode/json_value.h"
#include "libs/transcode/openapi_schema.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptor;

constexpr char kDescription[] =
    "Messaging at scale. Authenticate with `Authorization: Bearer mo_live_…`; each operation names "
    "the scope that the "
    "key needs (`x-required-scope`).\n\n"
    "Lists are paged by `page_size` and `page_token`. Send an `Idempotency-Key` with writes that "
    "must happen once. "
    "Errors are problem details (RFC 9457) with a stable `reason` and all field errors at once. "
    "Unknown fields are "
    "refused. 64-bit numbers are strings, as in proto3's JSON.";

OrderedJson Ref(const char* kind, const char* name) {
  return {{"$ref", absl::StrCat("#/components/", kind, "/", name)}};
}

// "messageorganizer.links.v1.LinkService" → "links".
std::string TagOf(const std::string& service) {
  const std::vector<std::string> parts = absl::StrSplit(service, '.');
  return parts.size() > 1 ? parts[1] : service;
}

// OpenAPI tells paths apart by their shape, so that "{sim.id}" and "{id}" must have one name.
std::string PathName(const Route::Variable& variable) { return variable.path.back()->name(); }

std::string DocumentPath(const Route& route) {
  std::string path = route.path;
  for (const Route::Variable& variable : route.variables) {
    const std::string from = absl::StrCat("{", variable.name, "}");
    path.replace(path.find(from), from.size(), absl::StrCat("{", PathName(variable), "}"));
  }
  return path;
}

// A field as a parameter; its description moves from the schema to the parameter.
OrderedJson Parameter(const std::string& name, const char* in, bool required,
                      const FieldDescriptor* field, Schemas* schemas) {
  OrderedJson schema = schemas->Field(field);
  OrderedJson parameter = {{"name", name}, {"in", in}};
  if (schema.contains("description")) {
    parameter["description"] = schema["description"];
    schema.erase("description");
  }
  if (required) parameter["required"] = true;
  parameter["schema"] = std::move(schema);
  return parameter;
}

// What the query may set: scalars, lists of them, times and masks, at any depth.
void AddQuery(const pb::Descriptor* message, const std::string& prefix,
              const std::set<const FieldDescriptor*>& taken, Schemas* schemas, OrderedJson* out) {
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (taken.count(field) != 0) continue;
    const std::string name = absl::StrCat(prefix, field->name());
    const pb::Descriptor* type = field->message_type();
    if (type == nullptr || IsPlainValue(type)) {
      const bool required =
          field->options().GetExtension(messageorganizer::common::v1::rule).required();
      out->push_back(Parameter(name, "query", required, field, schemas));
    } else if (!field->is_repeated()) {
      AddQuery(type, name + ".", taken, schemas, out);
    }
  }
}

OrderedJson JsonContent(OrderedJson schema) {
  return {{"application/json", {{"schema", std::move(schema)}}}};
}

// The schema of an upload as a form.
OrderedJson Form(const pb::Descriptor& request, const FieldDescriptor& file, Schemas* schemas) {
  OrderedJson properties = {{"file",
                             {{"type", "string"},
                              {"contentMediaType", "application/octet-stream"},
                              {"description", "The file; its name is taken over."}}}};
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor* field = request.field(i);
    if (field == &file || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
    properties[field->name()] = schemas->Field(field);
  }
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", {"file"}}};
}

OrderedJson Body(const Route& route, const std::set<const FieldDescriptor*>& taken,
                 Schemas* schemas) {
  const pb::Descriptor* request = route.method->descriptor->input_type();
  if (route.body_field != nullptr) {
    return {{"required", true},
            {"content", JsonContent(schemas->Ref(route.body_field->message_type()))}};
  }
  OrderedJson schema = taken.empty() ? schemas->Ref(request) : schemas->Object(request, taken);
  OrderedJson form;
  if (const FieldDescriptor* file = FileField(route)) form = Form(*request, *file, schemas);
  const bool any_required = schema.contains("$ref") || schema.contains("required");
  OrderedJson content = JsonContent(std::move(schema));
  if (!form.is_null()) content["multipart/form-data"] = {{"schema", std::move(form)}};
  return {{"required", any_required}, {"content", std::move(content)}};
}

OrderedJson Answer(const Method& method, Schemas* schemas) {
  OrderedJson answer = {{"description", "Done."}};
  answer["headers"] = {{"X-Request-Id", Ref("headers", "RequestId")}};
  if (method.raw_response) {
    answer["content"] = {{"*/*", OrderedJson::object()}};
  } else {
    answer["content"] = JsonContent(schemas->Ref(method.descriptor->output_type()));
  }
  return answer;
}

OrderedJson Answers(OrderedJson ok) {
  return {{"200", std::move(ok)},
          {"4XX", Ref("responses", "Problem")},
          {"5XX", Ref("responses", "Problem")}};
}

std::string FirstSentence(const std::string& comment) {
  const size_t end = comment.find(". ");
  const size_t line = comment.find(".\n");
  std::string text = comment.substr(0, std::min(end, line));
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return std::string(absl::StripSuffix(text, "."));
}

void AddAccess(const std::string& scope, OrderedJson* operation) {
  (*operation)["x-required-scope"] = scope;
  if (scope == "public") (*operation)["security"] = OrderedJson::array();
}

OrderedJson Operation(const Route& route, std::set<std::string>* ids, Schemas* schemas) {
  const Method& method = *route.method;
  const std::string comment = CommentOf(method.descriptor);
  OrderedJson operation;
  operation["tags"] = {TagOf(method.service)};
  operation["summary"] = FirstSentence(comment);
  operation["description"] = comment;
  std::string id = method.descriptor->name();
  id[0] = absl::ascii_tolower(id[0]);
  while (!ids->insert(id).second) id += "_";
  operation["operationId"] = id;
  AddAccess(method.scope, &operation);

  OrderedJson parameters = OrderedJson::array();
  std::set<const FieldDescriptor*> taken;
  for (const Route::Variable& variable : route.variables) {
    taken.insert(variable.path.back());
    parameters.push_back(
        Parameter(PathName(variable), "path", true, variable.path.back(), schemas));
    // The path says it: the schema must not take the field for one that only the server sets.
    parameters.back()["schema"].erase("readOnly");
  }
  if (route.body_field != nullptr) taken.insert(route.body_field);
  if (route.takes_query()) {
    AddQuery(method.descriptor->input_type(), "", taken, schemas, &parameters);
  }
  if (route.http_method != "GET") parameters.push_back(Ref("parameters", "IdempotencyKey"));
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (route.whole_body || route.body_field != nullptr) {
    operation["requestBody"] = Body(route, taken, schemas);
  }
  operation["responses"] = Answers(Answer(method, schemas));
  return operation;
}

// The live feed is edge's own route, without an RPC.
OrderedJson EventsOperation(const Registry& registry, Schemas* schemas) {
  OrderedJson operation;
  operation["tags"] = {"events"};
  operation["summary"] = "The account's events, live";
  std::string text =
      "Server-sent events, from now on or from `Last-Event-ID`: `id` counts the account's events "
      "without gaps, `event` is "
      "the name, `data` the event as JSON. Kept for 24 hours; an id that is older or unknown is "
      "answered with an event "
      "`gap` first. A comment every 15 seconds keeps the connection open.";
  OrderedJson events = OrderedJson::object();
  std::map<std::string, const Event*> sorted;
  for (const Event& event : registry.events()) sorted[event.name] = &event;
  for (const auto& [name, event] : sorted) {
    absl::StrAppend(&text, "\n\n`", name, "`: ", CommentOf(event->message));
    events[name] = schemas->Ref(event->message);
  }
  operation["description"] = text;
  operation["operationId"] = "streamEvents";
  AddAccess(kEventsScope, &operation);
  operation["parameters"] = {{{"name", "Last-Event-ID"},
                              {"in", "header"},
                              {"description", "The id of the last event seen."},
                              {"schema", {{"type", "string"}, {"pattern", "^[0-9]{1,19}$"}}}}};
  operation["responses"] =
      Answers({{"description", "The stream."},
               {"content", {{"text/event-stream", {{"schema", {{"type", "string"}}}}}}}});
  operation["x-events"] = std::move(events);
  return operation;
}

OrderedJson ProblemSchema() {
  const OrderedJson text = {{"type", "string"}};
  OrderedJson item = {{"type", "object"}};
  item["properties"] = {
      {"field",
       {{"type", "string"},
        {"description",
         "Path of the field as the request wrote it, e.g. `channels[1]`; empty: the whole body."}}},
      {"reason", text},
      {"detail", text}};
  item["required"] = {"field", "reason", "detail"};
  OrderedJson schema = {{"type", "object"}, {"description", "Problem details (RFC 9457)."}};
  schema["properties"] = {
      {"type",
       {{"type", "string"}, {"format", "uri"}, {"description", "Stable URI of the reason."}}},
      {"title", text},
      {"status", {{"type", "integer"}}},
      {"detail", text},
      {"reason",
       {{"type", "string"}, {"description", "Machine-readable and stable, e.g. `SIM_POOL_FULL`."}}},
      {"errors", {{"type", "array"}, {"items", std::move(item)}}},
      {"request_id", text}};
  schema["required"] = {"type", "title", "status", "reason", "request_id"};
  return schema;
}

OrderedJson Components(Schemas* schemas) {
  OrderedJson components;
  components["schemas"] = schemas->TakeAll();
  components["schemas"]["Problem"] = ProblemSchema();
  OrderedJson problem = {{"description", "What went wrong."}};
  problem["headers"] = {{"X-Request-Id", Ref("headers", "RequestId")},
                        {"Retry-After", Ref("headers", "RetryAfter")}};
  problem["content"] = {{"application/problem+json", {{"schema", Ref("schemas", "Problem")}}}};
  components["responses"] = {{"Problem", std::move(problem)}};
  components["headers"] = {
      {"RequestId",
       {{"description", "Names the request in our logs."}, {"schema", {{"type", "string"}}}}},
      {"RetryAfter",
       {{"description", "With 429 and 503: seconds to wait."}, {"schema", {{"type", "integer"}}}}}};
  components["parameters"] = {
      {"IdempotencyKey",
       {{"name", "Idempotency-Key"},
        {"in", "header"},
        {"description",
         "Makes the write happen once: for 24 hours the same key with the same request gets the "
         "same answer, with "
         "another request 409."},
        {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 255}}}}}};
  components["securitySchemes"] = {
      {"apiKey",
       {{"type", "http"}, {"scheme", "bearer"}, {"description", "An API key, `mo_live_…`."}}}};
  return components;
}

OrderedJson Tags(const Registry& registry) {
  OrderedJson tags = OrderedJson::array();
  std::map<std::string, std::string> comments;
  for (const auto& route : registry.routes()) {
    std::string& text = comments[TagOf(route->method->service)];
    const std::string comment = CommentOf(route->method->descriptor->service());
    if (!absl::StrContains(text, comment))
      absl::StrAppend(&text, text.empty() ? "" : "\n", comment);
  }
  comments["events"] = "What happens, live.";
  for (const auto& [name, text] : comments) tags.push_back({{"name", name}, {"description", text}});
  return tags;
}

}  // namespace

std::string OpenApi(const Registry& registry, const std::string& server_url) {
  Schemas schemas;
  std::set<std::string> ids;
  std::map<std::string, OrderedJson> paths;
  for (const auto& route : registry.routes()) {
    paths[DocumentPath(*route)][absl::AsciiStrToLower(route->http_method)] =
        Operation(*route, &ids, &schemas);
  }
  paths["/v1/events"]["get"] = EventsOperation(registry, &schemas);
  OrderedJson document;
  document["openapi"] = "3.1.0";
  document["info"] = {
      {"title", "messageorganizer"}, {"version", "v1"}, {"description", kDescription}};
  document["servers"] = OrderedJson::array({{{"url", server_url.empty() ? "/" : server_url}}});
  document["security"] = OrderedJson::array({{{"apiKey", OrderedJson::array()}}});
  document["tags"] = Tags(registry);
  document["paths"] = OrderedJson::object();
  for (auto& [path, item] : paths) document["paths"][path] = std::move(item);
  document["components"] = Components(&schemas);
  return document.dump(2) + "\n";
}

}  // namespace mo::transcode

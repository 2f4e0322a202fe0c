#include "libs/transcode/route_table.h"

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/http/message.h"

namespace mo::transcode {

struct RouteTable::Node {
  absl::flat_hash_map<std::string, std::unique_ptr<Node>> literals;
  absl::flat_hash_map<std::string, std::unique_ptr<Node>>
      verbs;  // of a variable that ends the path
  std::unique_ptr<Node> variable;
  std::map<std::string, const Route*> methods;
};

absl::StatusOr<PathTemplate> PathTemplate::Parse(absl::string_view path) {
  auto invalid = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("path \"", path, "\": ", why));
  };
  absl::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, "/")) return invalid("must begin with /");
  PathTemplate parsed;
  for (absl::string_view text : absl::StrSplit(rest, '/')) {
    if (!parsed.verb.empty()) return invalid("a verb must end the path");
    if (absl::StartsWith(text, "{")) {
      const size_t end = text.find('}');
      if (end == absl::string_view::npos) return invalid("unclosed variable");
      const absl::string_view name = text.substr(1, end - 1);
      absl::string_view verb = text.substr(end + 1);
      if (name.empty() || name.find_first_of("=*{") != absl::string_view::npos) {
        return invalid("only variables of one whole segment are known");
      }
      if (!verb.empty() && (!absl::ConsumePrefix(&verb, ":") || verb.empty())) {
        return invalid("text after a variable");
      }
      parsed.verb = std::string(verb);
      parsed.segments.push_back({true, std::string(name)});
    } else {
      if (text.empty()) return invalid("empty segment");
      if (text.find_first_of("*{}%") != absl::string_view::npos) {
        return invalid("only variables of one whole segment are known");
      }
      parsed.segments.push_back({false, std::string(text)});
    }
  }
  return parsed;
}

RouteTable::RouteTable() : root_(std::make_unique<Node>()) {}
RouteTable::~RouteTable() = default;

absl::Status RouteTable::Add(absl::string_view http_method, const PathTemplate& path,
                             const Route* route) {
  Node* node = root_.get();
  for (size_t i = 0; i < path.segments.size(); ++i) {
    const PathTemplate::Segment& segment = path.segments[i];
    const bool with_verb = i + 1 == path.segments.size() && !path.verb.empty();
    std::unique_ptr<Node>& next = !segment.variable ? node->literals[segment.text]
                                  : with_verb       ? node->verbs[path.verb]
                                                    : node->variable;
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
  }
  if (!node->methods.emplace(std::string(http_method), route).second) {
    return absl::AlreadyExistsError("the route is taken");
  }
  return absl::OkStatus();
}

const RouteTable::Node* RouteTable::FindNode(const Node& node,
                                             const std::vector<absl::string_view>& segments,
                                             size_t at, std::vector<std::string>* values) {
  if (at == segments.size()) return node.methods.empty() ? nullptr : &node;
  const absl::string_view segment = segments[at];
  if (segment.empty()) return nullptr;
  std::optional<std::string> decoded;
  if (absl::StrContains(segment, "%")) decoded = http::PercentDecode(segment);
  auto literal = node.literals.find(decoded ? absl::string_view(*decoded) : segment);
  if (literal != node.literals.end()) {
    if (const Node* found = FindNode(*literal->second, segments, at + 1, values)) return found;
  }
  const size_t colon = segment.rfind(':');
  if (at + 1 == segments.size() && colon != absl::string_view::npos && colon > 0) {
    auto verb = node.verbs.find(segment.substr(colon + 1));
    if (verb != node.verbs.end()) {
      values->push_back(std::string(segment.substr(0, colon)));
      return verb->second.get();
    }
  }
  if (node.variable == nullptr) return nullptr;
  values->push_back(std::string(segment));
  const Node* found = FindNode(*node.variable, segments, at + 1, values);
  if (found == nullptr) values->pop_back();
  return found;
}

RouteMatch RouteTable::Find(absl::string_view http_method, absl::string_view path) const {
  RouteMatch match;
  if (!absl::ConsumePrefix(&path, "/")) return match;
  const std::vector<absl::string_view> segments = absl::StrSplit(path, '/');
  const Node* node = FindNode(*root_, segments, 0, &match.values);
  if (node == nullptr) return match;
  for (const auto& [method, route] : node->methods) {
    match.allow.push_back(method);
    if (method == http_method) match.route = route;
  }
  return match;
}

}  // namespace mo::transcode

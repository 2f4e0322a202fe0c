// Finds the route of a request by method and path.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mo::transcode {

struct Route;

// A path as google.api.http writes it: literal segments, variables of one segment ("{id}",
// "{sim.id}"), and a verb at the end (":pause").
struct PathTemplate {
  // One segment: a variable's field path, or a literal (with the verb, if the last one has any).
  struct Segment {
    bool variable = false;
    std::string text;
  };
  std::vector<Segment> segments;
  // The verb after a variable that ends the path, without the colon. Empty: none.
  std::string verb;

  // InvalidArgument for anything else that google.api.http allows and we do not use ("**",
  // "{name=a/*}").
  static absl::StatusOr<PathTemplate> Parse(absl::string_view path);
};

// What a path leads to. No route and nothing allowed: 404; no route but something allowed: 405.
struct RouteMatch {
  const Route* route = nullptr;
  // The variables' segments in the order of the template, still percent-encoded.
  std::vector<std::string> values;
  // The methods that the path does take, sorted.
  std::vector<std::string> allow;
};

// A trie over path segments. Literals win over variables, a variable with a verb over a plain one;
// the most specific path decides alone about the methods it takes. Immutable once filled, then safe
// for concurrent use.
class RouteTable {
 public:
  RouteTable();
  ~RouteTable();

  // AlreadyExists if the same method and path (whatever its variables are called) are taken.
  absl::Status Add(absl::string_view http_method, const PathTemplate& path, const Route* route);

  RouteMatch Find(absl::string_view http_method, absl::string_view path) const;

 private:
  struct Node;
  static const Node* FindNode(const Node& node, const std::vector<absl::string_view>& segments,
                              size_t at, std::vector<std::string>* values);

  std::unique_ptr<Node> root_;
};

}  // namespace mo::transcode

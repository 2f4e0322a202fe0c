// Every RPC of the contracts with its route and scope, read from the protos' descriptors at start.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "libs/transcode/route_table.h"
#include "libs/transcode/types.h"

namespace mo::transcode {

// One RPC.
struct Method {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  std::string service;        // "messageorganizer.links.v1.LinkService"
  std::string grpc_path;      // "/messageorganizer.links.v1.LinkService/CreateLink"
  std::string scope;          // "links:write", "public", "operator" or "internal"
  bool raw_response = false;  // answers with google.api.HttpBody

  bool internal() const { return scope == "internal"; }
};

// One way to call an RPC over HTTP.
struct Route {
  // A field of the request that a part of the path sets.
  struct Variable {
    std::string name;  // "sim.id"
    std::vector<const google::protobuf::FieldDescriptor*> path;
  };
  const Method* method = nullptr;
  std::string http_method;  // "GET"
  std::string path;         // "/v1/sims/{sim.id}"
  std::vector<Variable> variables;
  // What the body is: the whole request, one field of it, or (neither) nothing.
  bool whole_body = false;
  const google::protobuf::FieldDescriptor* body_field = nullptr;

  // Whether query parameters may set fields.
  bool takes_query() const { return !whole_body; }
};

// An event of the public feed (message option `event`).
struct Event {
  std::string name;  // "message.received"
  const google::protobuf::Descriptor* message = nullptr;
};

// Immutable after Create and then safe for concurrent use.
class Registry {
 public:
  // Reads the RPCs of package messageorganizer. FailedPrecondition, naming the RPC, for: no scope;
  // a route to an internal RPC; a public unary RPC without route; two RPCs on one route; paths and
  // bodies that name no fitting field.
  static absl::StatusOr<std::unique_ptr<Registry>> Create(
      const google::protobuf::FileDescriptorSet& files);

  // The contracts that this binary was built with. Dies if they are not well formed: a test keeps
  // them so.
  static const Registry& Embedded();
  static google::protobuf::FileDescriptorSet EmbeddedFiles();

  RouteMatch Match(absl::string_view http_method, absl::string_view path) const {
    return table_.Find(http_method, path);
  }

  // In the order of files, services and methods.
  const std::vector<std::unique_ptr<Method>>& methods() const { return methods_; }
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  const std::vector<Event>& events() const { return events_; }
  // The services whose events they are, each once.
  std::vector<std::string> publishers() const;
  const std::vector<const google::protobuf::FileDescriptor*>& files() const { return files_; }

  // The public event that a message type (full name) is, or null.
  const Event* FindEvent(absl::string_view type) const;

  CachedTypes& types() const { return *types_; }

 private:
  Registry() = default;
  absl::Status AddFile(const google::protobuf::FileDescriptor* file);
  absl::Status AddMethod(const google::protobuf::MethodDescriptor* descriptor);

  google::protobuf::DescriptorPool pool_;
  std::vector<const google::protobuf::FileDescriptor*> files_;
  std::unique_ptr<CachedTypes> types_;
  std::vector<std::unique_ptr<Method>> methods_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<Event> events_;
  RouteTable table_;
};

// The comment above a declaration, without the marks; empty if there is none.
template <typename DescriptorT>
std::string CommentOf(const DescriptorT* descriptor);

}  // namespace mo::transcode

// HTTP requests to protobuf requests, protobuf responses to HTTP bodies.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/transcode/registry.h"

namespace mo::transcode {

// The serialized request of `route`'s RPC, from the path's values (RouteMatch.values), the query as
// it came and the JSON body. What the path and the query set wins over the body. INVALID_ARGUMENT
// with every problem at once; a field's path is as the client wrote it (in the body of a route with
// a body field: without that field's name).
absl::StatusOr<std::string> EncodeRequest(const Registry& registry, const Route& route,
                                          const std::vector<std::string>& values,
                                          absl::string_view query, absl::string_view body);

// A response as it goes out.
struct HttpBody {
  std::string content_type;
  std::string body;
  std::string next_page_token;  // of a page in a google.api.HttpBody, see common.v1.NextPage
};

// The body for a serialized response: JSON, or what a google.api.HttpBody holds as it is.
absl::StatusOr<HttpBody> DecodeResponse(const Registry& registry, const Method& method,
                                        const std::string& bytes);

}  // namespace mo::transcode

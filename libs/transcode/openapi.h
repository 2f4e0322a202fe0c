// The public API as an OpenAPI document, written from the protos.
#pragma once

#include <string>

#include "libs/transcode/registry.h"

namespace mo::transcode {

// OpenAPI 3.1 as JSON: every route with its parameters, body, answer, scope and comments; the live
// feed with its events; the schemas with the limits of the field rules. The same registry and URL
// give the same bytes. `server_url` may be empty: the document's own server.
std::string OpenApi(const Registry& registry, const std::string& server_url);

}  // namespace mo::transcode

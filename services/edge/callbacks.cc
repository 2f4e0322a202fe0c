#include "services/edge/callbacks.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/runtime/log.h"
#include "messageorganizer/sims/v1/callbacks.pb.h"
#include "services/edge/problem.h"

namespace mo::edge {
namespace {

namespace sims = messageorganizer::sims::v1;
using transcode::Registry;

constexpr char kPrefix[] = "/callbacks/";

const transcode::Method& TakeCallbackMethod() {
  for (const auto& method : Registry::Embedded().methods()) {
    if (method->descriptor->input_type()->full_name() ==
        sims::TakeCallbackRequest::descriptor()->full_name()) {
      return *method;
    }
  }
  std::abort();  // not these contracts
}

bool IsName(const std::string& text, size_t most) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_';
  });
}

http::Response ResponseOf(const sims::TakeCallbackResponse& taken) {
  http::Response response;
  response.status = taken.status();
  // Never a page of ours, whatever a provider wants to read.
  response.headers.Add("X-Content-Type-Options", "nosniff");
  if (!taken.content_type().empty()) response.headers.Add("Content-Type", taken.content_type());
  response.body = taken.body();
  return response;
}

}  // namespace

bool IsCallback(const http::Request& request) { return absl::StartsWith(request.path, kPrefix); }

Callbacks::Callbacks(Backends& backends, Metrics& metrics)
    : backends_(backends),
      method_(TakeCallbackMethod()),
      seconds_(metrics.Seconds("mo_edge_callback_seconds",
                               "Time from a callback's arrival to its answer")),
      failed_(metrics.Counter("mo_edge_callbacks_failed_total",
                              "Callbacks that could not be made durable: answered with 503")) {}

void Callbacks::Handle(http::Request request, http::Responder responder,
                       const std::string& request_id) {
  const absl::Time start = absl::Now();
  const std::vector<std::string> path =
      absl::StrSplit(request.path.substr(sizeof(kPrefix) - 1), '/');
  if (path.size() != 2 || !IsName(path[0], 40) || !IsName(path[1], 64)) {
    return responder.Send(
        ProblemResponse(404, "NO_SUCH_PATH", "there is nothing at this path", request_id));
  }
  if (request.method != "GET" && request.method != "POST") {
    http::Response response =
        ProblemResponse(405, "METHOD_NOT_ALLOWED", "this path takes GET, POST", request_id);
    response.headers.Add("Allow", "GET, POST");
    return responder.Send(std::move(response));
  }
  sims::TakeCallbackRequest take;
  take.set_driver(path[0]);
  take.set_sim_id(path[1]);
  take.set_method(std::move(request.method));
  take.set_query(std::move(request.query));
  for (const http::Header& header : request.headers) {
    sims::CallbackHeader& line = *take.add_headers();
    line.set_name(header.name);
    line.set_value(header.value);
  }
  take.set_body(std::move(request.body));
  backends_.Call(method_, ServiceCaller("edge", 0, request_id), take.SerializeAsString(),
                 [this, responder, request_id, start](const absl::StatusOr<std::string>& bytes) {
                   seconds_.Observe(absl::ToDoubleSeconds(absl::Now() - start));
                   sims::TakeCallbackResponse taken;
                   if (bytes.ok() && taken.ParseFromString(*bytes))
                     return responder.Send(ResponseOf(taken));
                   failed_.Increment();
                   Log(LogLevel::kWarning, "callback not taken",
                       {{"request_id", request_id},
                        {"code", absl::StatusCodeToString(bytes.status().code())},
                        {"error", std::string(bytes.status().message())}});
                   // One answer for whatever went wrong: the provider can only bring it again.
                   http::Response response = ProblemResponse(
                       503, "OVERLOADED", "it could not be taken now, bring it again", request_id);
                   response.headers.Add("Retry-After", "1");
                   responder.Send(std::move(response));
                 });
}

}  // namespace mo::edge

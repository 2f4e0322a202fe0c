// mo-loadgen: load for tests/bench/run. Prints what it measured as lines of JSON.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "tests/bench/loadgen/answer_load.h"
#include "tests/bench/loadgen/callback_load.h"
#include "tests/bench/loadgen/direct_load.h"
#include "tests/bench/loadgen/grpc_load.h"
#include "tests/bench/loadgen/rest_load.h"
#include "tests/bench/loadgen/send_loop.h"
#include "tests/bench/loadgen/whatsapp_double.h"

ABSL_FLAG(
    std::string, target, "",
    "host:port of edge (rest, callbacks), of the double (sends), where to listen (double), or of "
    "gRPC (others)");
ABSL_FLAG(double, rate, 0, "requests per second, open loop; 0: closed loop");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(5), "how long");
ABSL_FLAG(int, concurrency, 16, "connections (rest) or calls at once (grpc)");
ABSL_FLAG(std::string, method, "GET", "HTTP method, or the gRPC method's path");
ABSL_FLAG(std::string, path, "/v1/account", "path of REST requests");
ABSL_FLAG(std::string, body, "", "JSON body; {n} becomes the request's number");
ABSL_FLAG(
    std::string, secret_file, "",
    "file with the API key (rest), the identity key (grpc), the app secret (callbacks) or the "
    "agent's token (others)");
ABSL_FLAG(std::string, account, "", "acc_…, the account of gRPC calls");
ABSL_FLAG(std::string, number, "", "callbacks: the SIM's phone_number_id");
ABSL_FLAG(int, statuses, 1, "callbacks: statuses in each callback");
ABSL_FLAG(int64_t, first_dispatch, 0, "callbacks: the first of the dispatches that they are about");
ABSL_FLAG(int, dispatches, 100,
          "callbacks: how many of 1,000 recipients each; statuses come in their order");
ABSL_FLAG(std::string, status, "delivered", "callbacks: sent, delivered or read");
ABSL_FLAG(int, known, 500, "answer: senders that have written before");
ABSL_FLAG(std::string, keyword, "News", "answer: what known senders write");
ABSL_FLAG(int64_t, first_number, 0, "answer: the first sender's number; runs need their own");
ABSL_FLAG(int, messages, 100000, "sends: how many");
ABSL_FLAG(std::string, rest_target, "", "direct: host:port of the REST API");
ABSL_FLAG(std::string, rest_secret_file, "", "direct: file with the API key");
ABSL_FLAG(std::vector<std::string>, contacts, {}, "direct: con_… of the agent's SIM");

namespace {

using mo::bench::Answers;
using mo::bench::Latencies;

std::string Secret(const std::string& path = absl::GetFlag(FLAGS_secret_file)) {
  std::ifstream file(path);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  return std::string(absl::StripAsciiWhitespace(content));
}

absl::Status SetTarget(const std::string& target, mo::bench::RestOptions& options) {
  const std::vector<std::string> parts = absl::StrSplit(target, ':');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &options.port))
    return absl::InvalidArgumentError("the REST API's address must be host:port");
  options.host = parts[0];
  return absl::OkStatus();
}

absl::Status Rest(std::string* json) {
  mo::bench::RestOptions options;
  MO_RETURN_IF_ERROR(SetTarget(absl::GetFlag(FLAGS_target), options));
  options.method = absl::GetFlag(FLAGS_method);
  options.path = absl::GetFlag(FLAGS_path);
  options.api_key = Secret();
  options.body = absl::GetFlag(FLAGS_body);
  options.connections = absl::GetFlag(FLAGS_concurrency);
  options.rate = absl::GetFlag(FLAGS_rate);
  options.duration = absl::GetFlag(FLAGS_duration);
  Latencies latencies;
  const absl::Status status = mo::bench::RunRest(options, latencies);
  *json = latencies.ToJson(options.duration);
  return status;
}

absl::Status Grpc(std::string* json) {
  mo::bench::GrpcOptions options;
  options.target = absl::GetFlag(FLAGS_target);
  options.method = absl::GetFlag(FLAGS_method);
  options.identity_key = Secret();
  options.account_id = mo::IdOf(absl::GetFlag(FLAGS_account));
  options.concurrency = absl::GetFlag(FLAGS_concurrency);
  options.rate = absl::GetFlag(FLAGS_rate);
  options.duration = absl::GetFlag(FLAGS_duration);
  Latencies latencies;
  const absl::Status status = mo::bench::RunGrpc(options, latencies);
  *json = latencies.ToJson(options.duration);
  return status;
}

absl::Status Answer(std::string* json) {
  mo::bench::AnswerOptions options;
  options.target = absl::GetFlag(FLAGS_target);
  options.agent_token = Secret();
  options.rate = absl::GetFlag(FLAGS_rate);
  options.duration = absl::GetFlag(FLAGS_duration);
  options.known = absl::GetFlag(FLAGS_known);
  options.keyword = absl::GetFlag(FLAGS_keyword);
  options.first_number = absl::GetFlag(FLAGS_first_number);
  Answers answers;
  const absl::Status status = mo::bench::RunAnswers(options, answers);
  *json = absl::StrFormat(
      R"({"all":%s,"welcome":%s,"keyword":%s,"unanswered":%d,"repeated":%d,"unexpected":%d})",
      answers.all.ToJson(options.duration), answers.welcome.ToJson(options.duration),
      answers.keyword.ToJson(options.duration), answers.unanswered, answers.repeated,
      answers.unexpected);
  return status;
}

absl::Status Callbacks(std::string* json) {
  mo::bench::RestOptions options;
  MO_RETURN_IF_ERROR(SetTarget(absl::GetFlag(FLAGS_target), options));
  options.path = absl::GetFlag(FLAGS_path);
  options.connections = absl::GetFlag(FLAGS_concurrency);
  options.rate = absl::GetFlag(FLAGS_rate);
  options.duration = absl::GetFlag(FLAGS_duration);
  mo::bench::MakeCallbacks({.number = absl::GetFlag(FLAGS_number),
                            .app_secret = Secret(),
                            .statuses = absl::GetFlag(FLAGS_statuses),
                            .first_dispatch = absl::GetFlag(FLAGS_first_dispatch),
                            .dispatches = absl::GetFlag(FLAGS_dispatches),
                            .status = absl::GetFlag(FLAGS_status)},
                           options);
  Latencies latencies;
  const absl::Status status = mo::bench::RunRest(options, latencies);
  *json = latencies.ToJson(options.duration);
  return status;
}

absl::Status Double() {
  mo::bench::RestOptions address;
  MO_RETURN_IF_ERROR(SetTarget(absl::GetFlag(FLAGS_target), address));
  return mo::bench::RunWhatsAppDouble(address.host, address.port, std::cin, std::cout);
}

absl::Status Sends(std::string* json) {
  mo::bench::RestOptions address;
  MO_RETURN_IF_ERROR(SetTarget(absl::GetFlag(FLAGS_target), address));
  MO_ASSIGN_OR_RETURN(*json,
                      mo::bench::RunSendLoop({.host = address.host,
                                              .port = address.port,
                                              .path = absl::GetFlag(FLAGS_path),
                                              .access_token = "t",
                                              .connections = absl::GetFlag(FLAGS_concurrency),
                                              .messages = absl::GetFlag(FLAGS_messages)}));
  return absl::OkStatus();
}

absl::Status Direct() {
  mo::bench::DirectOptions options;
  MO_RETURN_IF_ERROR(SetTarget(absl::GetFlag(FLAGS_rest_target), options.rest));
  options.rest.api_key = Secret(absl::GetFlag(FLAGS_rest_secret_file));
  options.rest.connections = absl::GetFlag(FLAGS_concurrency);
  options.rest.rate = absl::GetFlag(FLAGS_rate);
  options.target = absl::GetFlag(FLAGS_target);
  options.agent_token = Secret();
  options.contacts = absl::GetFlag(FLAGS_contacts);
  return mo::bench::RunDirect(std::move(options), std::cin, std::cout);
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "mo-loadgen rest|grpc|answer|callbacks|direct|double|sends --target=… …");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  const std::string command = arguments.size() == 2 ? arguments[1] : "";
  std::string json;
  absl::Status status =
      absl::InvalidArgumentError("say rest, grpc, answer, callbacks, direct, double or sends");
  if (command == "rest") status = Rest(&json);
  if (command == "grpc") status = Grpc(&json);
  if (command == "answer") status = Answer(&json);
  if (command == "callbacks") status = Callbacks(&json);
  if (command == "direct") status = Direct();
  if (command == "double") status = Double();
  if (command == "sends") status = Sends(&json);
  if (!json.empty()) std::cout << json << std::endl;
  if (!status.ok()) std::cerr << "mo-loadgen: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}

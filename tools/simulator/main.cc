// mo-simulator: virtual phones and device agents, scripted over HTTP on the loopback.
#include <csignal>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/http/server.h"
#include "tools/simulator/control.h"
#include "tools/simulator/network.h"

ABSL_FLAG(std::string, http_listen, "127.0.0.1:0",
          "host:port of the control API; loopback only, port 0: a free one");
ABSL_FLAG(uint64_t, seed, 0, "decides all chance and the ids of what phones write; 0: random");
ABSL_FLAG(int, http_threads, 1, "threads that answer requests, 1 to 64");
ABSL_FLAG(int, keep_messages, 20, "texts kept per phone, 0 to 10000; 0 for load runs");

namespace {

namespace sim = mo::simulator;

// The address and port of --http_listen. Anyone who reaches the API can use it, hence the loopback
// only.
bool ParseListen(const std::string& listen, mo::http::ServerOptions* options) {
  const std::vector<std::string> parts = absl::StrSplit(listen, absl::MaxSplits(':', 1));
  if (parts.size() != 2 || (parts[0] != "127.0.0.1" && parts[0] != "localhost")) return false;
  options->address = "127.0.0.1";
  return absl::SimpleAtoi(parts[1], &options->port) && options->port >= 0 && options->port < 65536;
}

int Run() {
  mo::http::ServerOptions options;
  options.max_body = 110 << 20;  // WhatsApp takes documents of 100 MB
  if (!ParseListen(absl::GetFlag(FLAGS_http_listen), &options)) {
    std::cerr << "--http_listen must be 127.0.0.1:port\n";
    return 2;
  }
  const int keep = absl::GetFlag(FLAGS_keep_messages);
  if (keep < 0 || keep > 10000) {
    std::cerr << "--keep_messages must be 0 to 10000\n";
    return 2;
  }
  options.threads = absl::GetFlag(FLAGS_http_threads);
  if (options.threads < 1 || options.threads > 64) {
    std::cerr << "--http_threads must be 1 to 64\n";
    return 2;
  }
  uint64_t seed = absl::GetFlag(FLAGS_seed);
  if (seed == 0) seed = (uint64_t{std::random_device{}()} << 32) | std::random_device{}();

  // Blocked before any thread starts, so that only sigwait sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  sim::Network network(seed);
  sim::Settings settings;
  settings.keep_messages = static_cast<size_t>(keep);
  network.world().settings.Set(settings);
  sim::Control control(network);
  mo::http::Server server(options, [&](mo::http::Request request, mo::http::Responder responder) {
    if (!network.doubles().Serve(request, responder)) responder.Send(control.Handle(request));
  });
  if (const absl::Status status = server.Start(); !status.ok()) {
    std::cerr << "cannot listen on " << absl::GetFlag(FLAGS_http_listen) << ": " << status.message()
              << "\n";
    return 1;
  }
  network.doubles().SetOrigin(absl::StrCat("http://127.0.0.1:", server.port()));
  std::cout << "simulator listening on http://127.0.0.1:" << server.port() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  server.Stop(absl::Seconds(2));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "A network of virtual phones behind device agents and doubles of providers.");
  absl::ParseCommandLine(argc, argv);
  return Run();
}

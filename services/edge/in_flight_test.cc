#include "services/edge/in_flight.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "absl/synchronization/notification.h"

namespace mo::edge {
namespace {

// What a call uses, as Backends keeps it.
struct Call {
  // Takes its time to go, and has gone when it returns.
  struct Last {
    ~Last() {
      // False as it should be: Stop must not have returned.
      overtaken = stopped->WaitForNotificationWithTimeout(absl::Milliseconds(50));
      gone = true;
    }
    absl::Notification* stopped = nullptr;
    std::atomic<bool>& overtaken;
    std::atomic<bool>& gone;
  };
  InFlight::Place place;
  Last last;
  grpc::ClientContext context;
};

std::weak_ptr<grpc::ClientContext> ContextOf(const std::shared_ptr<Call>& call) {
  return std::shared_ptr<grpc::ClientContext>(call, &call->context);
}

TEST_CASE("Stop returns when nothing of a call is left, not when its callback has run") {
  InFlight in_flight;
  absl::Notification stopped;
  std::atomic<bool> overtaken = false, gone = false, gone_in_time = false;
  std::shared_ptr<Call> call(new Call{{}, {&stopped, overtaken, gone}, {}});
  REQUIRE(in_flight.Enter(&call->place, ContextOf(call)));
  std::thread stopper([&] {
    in_flight.Stop();
    gone_in_time = gone.load();
    stopped.Notify();
  });
  // Refused as soon as it stops, and not waited for.
  for (bool entered = true; entered;) {
    InFlight::Place late;
    entered = in_flight.Enter(&late, std::weak_ptr<grpc::ClientContext>());
  }
  call.reset();
  stopper.join();
  CHECK(gone_in_time);
  CHECK_FALSE(overtaken);
}

TEST_CASE("Stop waits for nothing when nothing runs") {
  InFlight in_flight;
  {
    InFlight::Place place;
    REQUIRE(in_flight.Enter(&place, std::weak_ptr<grpc::ClientContext>()));
  }
  in_flight.Stop();
  InFlight::Place late;
  CHECK_FALSE(in_flight.Enter(&late, std::weak_ptr<grpc::ClientContext>()));
}

}  // namespace
}  // namespace mo::edge

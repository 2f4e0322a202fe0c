// All doubles, and the way from a request to its double.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tools/simulator/doubles/double.h"

namespace mo::simulator {

// Thread-safe.
class Doubles {
 public:
  explicit Doubles(World& world);
  ~Doubles();

  // "http://host:port" under which the simulator is reached; for links to files.
  void SetOrigin(std::string origin);

  // What a provider allows if nothing else is said; NotFound for no provider's driver.
  static absl::StatusOr<DoubleSettings> Defaults(absl::string_view driver);
  // The network of a driver.
  static common::Network NetworkOf(absl::string_view driver);

  // AlreadyExists if the SIM has one, or if another SIM is the same to the provider.
  absl::Status Add(uint32_t id, DoubleSpec spec, const DoubleSettings& settings);
  bool Remove(common::Network network, absl::string_view address);
  // Null if there is none.
  std::shared_ptr<Double> Find(common::Network network, absl::string_view address) const;
  std::vector<std::shared_ptr<Double>> List() const;

  // Answers the request if its path is a provider's ("/whatsapp/…"); false if not.
  bool Serve(http::Request& request, http::Responder& responder);
  void Tick(int64_t now_ms);

 private:
  struct Entry {
    std::string driver, sender_id;
    std::shared_ptr<Double> held;
  };

  std::shared_ptr<Double> FindSender(absl::string_view driver, absl::string_view sender_id) const;
  std::shared_ptr<Double> FindToken(absl::string_view driver, absl::string_view token) const;

  World& world_;
  http::Client client_;
  mutable std::mutex mutex_;
  std::string origin_ ABSL_GUARDED_BY(mutex_);
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::simulator

#include "libs/events/events.h"
#include "libs/events/reader.h"

namespace mo::events {

Consumer::Consumer(App& app, storage::Database& database, ConsumerOptions options, Handler handler)
    : locks_(std::make_shared<Locks>(database)) {
  for (const std::string& source : options.sources) {
    readers_.push_back(std::make_unique<Reader>(app, database, options, source, handler, locks_));
  }
}

Consumer::~Consumer() { Stop(); }

void Consumer::Start() {
  for (const auto& reader : readers_) reader->Start();
}

void Consumer::Stop() {
  for (const auto& reader : readers_) reader->RequestStop();
  for (const auto& reader : readers_) reader->Join();
  locks_->Close();
}

absl::Status Consumer::Retire() {
  absl::Status first;
  for (const auto& reader : readers_) first.Update(reader->Retire());
  return first;
}

Consumer& InstallConsumer(App& app, storage::Database& database, ConsumerOptions options,
                          Handler handler) {
  Consumer& consumer = app.Own<Consumer>(app, database, std::move(options), std::move(handler));
  app.OnRun(
      [&consumer] {
        consumer.Start();
        return absl::OkStatus();
      },
      [&consumer] { consumer.Stop(); });
  return consumer;
}

}  // namespace mo::events

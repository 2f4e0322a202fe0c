// What the relay does for consumers beside publishing: replays, and knowing how far they are.
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/events/keys.h"
#include "libs/events/relay.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

constexpr absl::Duration kTick = absl::Seconds(2);
// A replay stream is filled up when it is shorter.
constexpr int64_t kReplayWindow = 512;

}  // namespace

// Brings consumers what their stream no longer has. True if something was brought.
absl::StatusOr<bool> Relay::ServeReplays() {
  MO_ASSIGN_OR_RETURN(const redis::Reply requests,
                      redis_.Command({"HGETALL", ReplaysKey(service_)}));
  std::vector<Batch> batches;
  std::vector<Cursor> cursors;
  for (size_t i = 0; i + 1 < requests.size(); i += 2) {
    const int partition = PartitionOfField(requests[i].string);
    const std::optional<Position> from = ParseStreamId(requests[i + 1].string);
    if (partition < 0 || !from) continue;
    batches.push_back({ReplayKey(service_, requests[i].string), "?"});
    cursors.push_back({partition, *from});
  }
  if (batches.empty()) return false;
  MO_ASSIGN_OR_RETURN(const std::vector<Answer> answers, RunScript(batches));
  std::vector<Batch> open;
  std::vector<Cursor> after;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].length >= kReplayWindow) continue;
    const bool missing = answers[i].last == 0;
    if (!missing) cursors[i].after = answers[i].last;
    open.push_back({batches[i].stream, StreamId(cursors[i].after), missing});
    after.push_back(cursors[i]);
  }
  if (open.empty()) return false;
  MO_ASSIGN_OR_RETURN(Backlog backlog, store_.Read(after));
  bool any = false;
  for (size_t i = 0; i < open.size(); ++i) {
    // Nothing is left of what the stream has had: an entry without an event tells that there is
    // nothing to wait for.
    const Position published = partitions_[static_cast<size_t>(after[i].partition)].cursor;
    if (backlog.rows[i].empty() && published > after[i].after)
      backlog.rows[i].push_back({published, ""});
    open[i].rows = &backlog.rows[i];
    any |= !backlog.rows[i].empty();
  }
  MO_RETURN_IF_ERROR(RunScript(open).status());
  return any;
}

// Keeps what consumers have acknowledged, and trims the streams to what is still needed.
absl::Status Relay::Tick() {
  next_tick_ = absl::Now() + kTick;
  MO_ASSIGN_OR_RETURN(const redis::Reply reply, redis_.Command({"HGETALL", AcksKey(service_)}));
  std::vector<Ack> acks;
  for (size_t i = 0; i + 1 < reply.size(); i += 2) {
    const int partition = PartitionOfField(reply[i].string);
    const std::optional<Position> position = ParseStreamId(reply[i + 1].string);
    if (partition < 0 || !position) continue;
    // Of a database that was made anew since.
    if (*position > store_.newest() && *position != kRetired) continue;
    acks.push_back({std::string(ConsumerOfField(reply[i].string)), partition, *position});
  }
  MO_RETURN_IF_ERROR(store_.Save(acks));
  return Trim();
}

absl::Status Relay::Trim() {
  MO_ASSIGN_OR_RETURN(const auto floors, store_.Floors());
  const std::string limit = absl::StrCat(options_.stream_limit);
  std::vector<std::string> streams, ids;
  for (size_t i = 0; i < floors.size(); ++i) {
    streams.push_back(StreamKey(service_, static_cast<int>(i)));
    ids.push_back(StreamId(floors[i]));
  }
  std::vector<redis::Arguments> commands;
  for (size_t i = 0; i < floors.size(); ++i) {
    commands.push_back({"XTRIM", streams[i], "MINID", "~", ids[i]});
    commands.push_back({"XTRIM", streams[i], "MAXLEN", "~", limit});
  }
  return redis_.Pipeline(commands).status();
}

}  // namespace mo::events

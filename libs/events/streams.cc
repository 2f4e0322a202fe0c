#include "libs/events/streams.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/events/keys.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

// How much longer than asked Redis may take to answer a blocking read.
constexpr absl::Duration kGrace = absl::Milliseconds(700);

// The last id of a stream, from XINFO STREAM; 0 if there is none.
Position LastId(const redis::Reply& info) {
  for (size_t i = 0; i + 1 < info.size(); i += 2) {
    if (info[i].string == "last-generated-id") {
      return ParseStreamId(info[i + 1].string).value_or(0);
    }
  }
  return {};
}

}  // namespace

Streams::Streams(redis::ConnectionOptions options, std::string consumer, std::string source)
    : consumer_(std::move(consumer)), source_(std::move(source)), redis_(std::move(options)) {}

std::string Streams::Key(const Place& place) const {
  return place.replay ? ReplayKey(source_, ConsumerField(consumer_, place.partition))
                      : StreamKey(source_, place.partition);
}

std::vector<Entry> Streams::ParseEntries(const redis::Reply& entries, int partition) const {
  std::vector<Entry> parsed;
  parsed.reserve(entries.size());
  for (const redis::Reply& raw : entries.elements) {
    if (raw.size() != 2 || raw[1].size() != 4) continue;
    Entry entry;
    entry.position = ParseStreamId(raw[0].string).value_or(0);
    entry.previous = ParseStreamId(raw[1][1].string).value_or(0);
    entry.event.source = source_;
    entry.event.partition = partition;
    entry.event.id = entry.position;
    if (!entry.event.envelope.ParseFromString(raw[1][3].string)) {
      Log(LogLevel::kError, "event is not an envelope",
          {{"source", source_}, {"event", entry.position}});
    }
    parsed.push_back(std::move(entry));
  }
  return parsed;
}

absl::StatusOr<std::map<int, std::vector<Entry>>> Streams::Read(const std::vector<Place>& places,
                                                                size_t count,
                                                                absl::Duration timeout,
                                                                const Signal& stop) {
  std::map<int, std::vector<Entry>> entries;
  const std::string limit = absl::StrCat(count);
  const std::string block = absl::StrCat(std::max<int64_t>(1, absl::ToInt64Milliseconds(timeout)));
  redis::Arguments command = {"XREAD", "COUNT", limit};
  if (timeout > absl::ZeroDuration()) command.insert(command.end(), {"BLOCK", block});
  command.push_back("STREAMS");
  std::vector<std::string> keys, ids;
  for (const Place& place : places) {
    keys.push_back(Key(place));
    ids.push_back(StreamId(place.after));
  }
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), ids.begin(), ids.end());
  MO_RETURN_IF_ERROR(redis_.Send(command));
  const bool answered =
      WaitReadable({redis_.fd(), stop.fd()}, std::max(timeout, absl::ZeroDuration()) + kGrace);
  if (stop.IsSet() || !answered) {
    redis_.Close();
    if (stop.IsSet()) return entries;
    return absl::UnavailableError("Redis: no answer to XREAD");
  }
  MO_ASSIGN_OR_RETURN(const redis::Reply reply, redis_.Receive());
  if (reply.error()) return absl::UnavailableError(absl::StrCat("Redis: ", reply.string));
  for (const redis::Reply& stream : reply.elements) {
    const auto key = std::find(keys.begin(), keys.end(), stream[0].string);
    if (stream.size() != 2 || key == keys.end()) continue;
    const int partition = places[static_cast<size_t>(key - keys.begin())].partition;
    entries[partition] = ParseEntries(stream[1], partition);
  }
  return entries;
}

absl::StatusOr<std::vector<bool>> Streams::Lacks(const std::vector<Place>& places) {
  std::vector<bool> lacks;
  if (places.empty()) return lacks;
  std::vector<std::string> keys, after;
  for (const Place& place : places) {
    keys.push_back(StreamKey(source_, place.partition));
    after.push_back(absl::StrCat("(", StreamId(place.after)));
  }
  std::vector<redis::Arguments> commands;
  for (size_t i = 0; i < places.size(); ++i) {
    // In this order: an entry that comes between the two is no gap.
    commands.push_back({"XINFO", "STREAM", keys[i]});
    commands.push_back({"XRANGE", keys[i], after[i], "+", "COUNT", "1"});
  }
  MO_ASSIGN_OR_RETURN(const std::vector<redis::Reply> replies, redis_.Pipeline(commands));
  for (size_t i = 0; i < places.size(); ++i) {
    const std::vector<Entry> next = ParseEntries(replies[2 * i + 1], places[i].partition);
    lacks.push_back(next.empty() ? LastId(replies[2 * i]) > places[i].after
                                 : next[0].previous > places[i].after);
  }
  return lacks;
}

absl::Status Streams::Run(const std::vector<redis::Arguments>& commands) {
  MO_ASSIGN_OR_RETURN(const std::vector<redis::Reply> replies, redis_.Pipeline(commands));
  for (const redis::Reply& reply : replies) {
    if (reply.error()) return absl::UnavailableError(absl::StrCat("Redis: ", reply.string));
  }
  return absl::OkStatus();
}

absl::Status Streams::RequestReplay(const Place& place) {
  const std::string field = ConsumerField(consumer_, place.partition);
  // What is left of an earlier replay may not begin where this one must.
  return Run({{"DEL", ReplayKey(source_, field)},
              {"HSET", ReplaysKey(source_), field, StreamId(place.after)},
              {"PUBLISH", KickChannel(source_), ""}});
}

absl::Status Streams::AdvanceReplay(const Place& place) {
  return Run({{"XTRIM", ReplayKey(source_, ConsumerField(consumer_, place.partition)), "MINID",
               StreamId(place.after)},
              {"PUBLISH", KickChannel(source_), ""}});
}

absl::Status Streams::EndReplay(int partition) {
  const std::string field = ConsumerField(consumer_, partition);
  return Run({{"HDEL", ReplaysKey(source_), field}, {"DEL", ReplayKey(source_, field)}});
}

absl::Status Streams::Acknowledge(const std::vector<Place>& places) {
  if (places.empty()) return absl::OkStatus();
  const std::string key = AcksKey(source_);
  std::vector<std::string> texts;
  for (const Place& place : places) {
    texts.push_back(ConsumerField(consumer_, place.partition));
    texts.push_back(StreamId(place.after));
  }
  redis::Arguments command = {"HSET", key};
  command.insert(command.end(), texts.begin(), texts.end());
  return Run({command});
}

}  // namespace mo::events

#include "libs/redis/connection.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/status.h"

namespace mo::redis {
namespace {

// hiredis writes without MSG_NOSIGNAL.
void IgnoreSigpipe() {
  static const bool done = [] {
    struct sigaction current = {};
    sigaction(SIGPIPE, nullptr, &current);
    if (current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)done;
}

struct Address {
  std::string path;  // of a unix socket
  std::string host;
  int port = 6379;
  std::string password;
};

absl::StatusOr<Address> ParseUrl(absl::string_view url) {
  Address address;
  if (absl::ConsumePrefix(&url, "unix:")) {
    address.path = std::string(url);
    return address;
  }
  if (!absl::ConsumePrefix(&url, "tcp://")) {
    return absl::UnavailableError("the Redis URL is neither unix:/path nor tcp://host:port");
  }
  if (const size_t at = url.rfind('@'); at != absl::string_view::npos) {
    absl::string_view password = url.substr(0, at);
    absl::ConsumePrefix(&password, ":");
    address.password = std::string(password);
    url.remove_prefix(at + 1);
  }
  const size_t colon = url.rfind(':');
  address.host = std::string(url.substr(0, colon));
  if (colon != absl::string_view::npos && !absl::SimpleAtoi(url.substr(colon + 1), &address.port)) {
    return absl::UnavailableError("the Redis URL has no valid port");
  }
  return address;
}

Reply Convert(const redisReply& raw) {
  Reply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.type = Reply::Type::kInteger;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.type = Reply::Type::kString;
      reply.string.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.type = Reply::Type::kError;
      reply.string.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.type = Reply::Type::kArray;
      reply.elements.reserve(raw.elements);
      for (size_t i = 0; i < raw.elements; ++i) reply.elements.push_back(Convert(*raw.element[i]));
      break;
    default:
      break;
  }
  return reply;
}

Reply TakeReply(void* raw) {
  auto* reply = static_cast<redisReply*>(raw);
  Reply converted = Convert(*reply);
  freeReplyObject(reply);
  return converted;
}

}  // namespace

void Connection::Free::operator()(redisContext* context) const { redisFree(context); }

Connection::Connection(ConnectionOptions options, std::shared_ptr<Breaker> breaker)
    : options_(std::move(options)), breaker_(std::move(breaker)) {
  IgnoreSigpipe();
}

Connection::~Connection() = default;

int Connection::fd() const { return context_ ? context_->fd : -1; }

void Connection::Close() { context_.reset(); }

absl::Status Connection::Lost() {
  absl::Status status = absl::UnavailableError(
      absl::StrCat("Redis: ", context_ && context_->err != 0 ? context_->errstr : "no connection"));
  context_.reset();
  breaker_->Failed();
  return status;
}

absl::Status Connection::Ensure() {
  if (context_) {
    // Readable while nothing is asked: Redis has hung up (it was restarted), or the replies are out
    // of step.
    char byte;
    if (recv(context_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
        (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return absl::OkStatus();
    }
    context_.reset();
  }
  if (!breaker_->Allow()) return absl::UnavailableError("Redis is away");
  MO_ASSIGN_OR_RETURN(const Address address, ParseUrl(options_.url));
  const timeval connect = absl::ToTimeval(options_.connect_timeout);
  context_.reset(address.path.empty()
                     ? redisConnectWithTimeout(address.host.c_str(), address.port, connect)
                     : redisConnectUnixWithTimeout(address.path.c_str(), connect));
  if (!context_ || context_->err != 0) return Lost();
  if (redisSetTimeout(context_.get(), absl::ToTimeval(options_.timeout)) != REDIS_OK) return Lost();
  if (!address.password.empty()) MO_RETURN_IF_ERROR(Authenticate(address.password));
  return absl::OkStatus();
}

absl::Status Connection::Authenticate(absl::string_view password) {
  MO_RETURN_IF_ERROR(Append({"AUTH", password}));
  MO_RETURN_IF_ERROR(Flush());
  MO_ASSIGN_OR_RETURN(Reply reply, Receive());
  if (!reply.error()) return absl::OkStatus();
  context_.reset();
  breaker_->Failed();
  return absl::UnavailableError("Redis refuses the password");
}

absl::Status Connection::Append(const Arguments& arguments) {
  std::vector<const char*> data;
  std::vector<size_t> sizes;
  data.reserve(arguments.size());
  sizes.reserve(arguments.size());
  for (absl::string_view argument : arguments) {
    // hiredis copies with memcpy, which must not get a null pointer.
    data.push_back(argument.data() != nullptr ? argument.data() : "");
    sizes.push_back(argument.size());
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(data.size()), data.data(),
                             sizes.data()) != REDIS_OK) {
    return Lost();
  }
  return absl::OkStatus();
}

absl::Status Connection::Flush() {
  for (int done = 0; done == 0;) {
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) return Lost();
  }
  return absl::OkStatus();
}

absl::StatusOr<Reply> Connection::Receive() {
  void* raw = nullptr;
  if (!context_ || redisGetReply(context_.get(), &raw) != REDIS_OK || raw == nullptr) return Lost();
  breaker_->Succeeded();
  return TakeReply(raw);
}

absl::StatusOr<std::vector<Reply>> Connection::Drain() {
  if (!context_ || redisBufferRead(context_.get()) != REDIS_OK) return Lost();
  std::vector<Reply> replies;
  for (;;) {
    void* raw = nullptr;
    if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) return Lost();
    if (raw == nullptr) return replies;
    replies.push_back(TakeReply(raw));
  }
}

absl::Status Connection::Send(const Arguments& arguments) {
  MO_RETURN_IF_ERROR(Ensure());
  MO_RETURN_IF_ERROR(Append(arguments));
  return Flush();
}

absl::StatusOr<Reply> Connection::Command(const Arguments& arguments) {
  MO_RETURN_IF_ERROR(Send(arguments));
  MO_ASSIGN_OR_RETURN(Reply reply, Receive());
  if (reply.error()) return absl::UnavailableError(absl::StrCat("Redis: ", reply.string));
  return reply;
}

absl::StatusOr<std::vector<Reply>> Connection::Pipeline(const std::vector<Arguments>& commands) {
  MO_RETURN_IF_ERROR(Ensure());
  for (const Arguments& command : commands) MO_RETURN_IF_ERROR(Append(command));
  MO_RETURN_IF_ERROR(Flush());
  std::vector<Reply> replies;
  replies.reserve(commands.size());
  for (size_t i = 0; i < commands.size(); ++i) {
    MO_ASSIGN_OR_RETURN(Reply reply, Receive());
    replies.push_back(std::move(reply));
  }
  return replies;
}

}  // namespace mo::redis

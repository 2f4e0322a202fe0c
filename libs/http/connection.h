// Internal to server.cc: one client's connection, read with Beast's parser.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_CONNECTION_H_
#define MESSAGEORGANIZER_LIBS_HTTP_CONNECTION_H_

#include "libs/http/loop.h"
// Asio and Beast after loop.h, which includes <utility> for them.
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "libs/http/stream_state.h"

namespace mo::http::internal {

namespace beast = boost::beast;
using Socket = net::basic_stream_socket<net::ip::tcp, net::io_context::executor_type>;
using ErrorCode = boost::system::error_code;

// Reads one request at a time, has it answered, and reads the next. Lives on its loop's thread:
// every method is called there. Time is bounded by one deadline, which the loop checks.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, Socket socket, std::string peer)
      : loop_(loop), socket_(std::move(socket)), peer_(std::move(peer)) {}

  // Waits for the next request, which may be in the buffer already.
  void Next();
  // Answers the running request; ignored when there is none.
  void Send(Response response);
  // Begins to answer the running request by a stream; false when there is none.
  bool StartStream(int status, const Headers& headers, std::shared_ptr<StreamState> stream);
  // Sends what the stream has queued.
  void Flush();
  // Closes now unless a request is running, else after it.
  void Finish();
  // Closes now.
  void Close();
  // Acts on a deadline that has passed.
  void CheckDeadline(SteadyTime now);

 private:
  enum class State { kIdle, kReading, kHandling, kWriting, kStreaming, kLingering, kClosed };

  void Read();
  void OnRead(ErrorCode error, size_t n);
  // Answers what it can of the buffer at once; false when there is something for Parse.
  bool AnswerQuickly();
  void Parse();
  bool OnHead();
  bool AwaitBody(size_t limit);
  void ReadHead();
  bool IsFramedSafely() const;
  void Dispatch();
  void Reject(int status, absl::string_view reason);
  void RejectParse(ErrorCode error);
  void OnSent(ErrorCode error);
  void Linger();
  void Watch();
  void WriteChunk();
  void OnChunkSent(ErrorCode error);
  // The deadline of sending or reading `bytes`, from now.
  void Expect(size_t bytes);
  void ExpectNothing() { deadline_ = SteadyTime::max(); }

  Loop& loop_;
  Socket socket_;
  const std::string peer_;
  State state_ = State::kIdle;
  SteadyTime deadline_ = SteadyTime::max();
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  Request request_;
  bool touched_ = true;  // the parser has seen a part of the request
  bool head_done_ = false;
  bool head_only_ = false;  // HEAD: no body in the answer
  bool http10_ = false;
  bool keep_alive_ = true;
  bool rejected_ = false;
  bool timed_out_ = false;
  bool sending_ = false;  // a chunk of the stream is under way
  bool chunked_ = false;
  bool last_chunk_ = false;
  QuickRequest quick_;
  std::string out_head_;
  std::string out_body_;
  std::shared_ptr<StreamState> stream_;
};

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_CONNECTION_H_

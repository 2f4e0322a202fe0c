// Internal to the client: one request on its way through libcurl, with its limits.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_TRANSFER_H_
#define MESSAGEORGANIZER_LIBS_HTTP_TRANSFER_H_

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "libs/http/client.h"

namespace mo::http::internal {

// One request over all its hops. Used on the client's thread only.
class Transfer {
 public:
  Transfer(ClientRequest request, Client::Callback done, std::string user_agent);

  // Sets `easy` up for the next hop. The transfer must outlive its use.
  absl::Status Prepare(CURL* easy);

  // What came of the hop that has just ended.
  absl::StatusOr<Response> Result(CURL* easy, CURLcode code);

  // After a hop that ended with `status`: true if another one follows, for which the request is now
  // rewritten. An error where the next hop is not allowed.
  absl::StatusOr<bool> Redirect(CURL* easy, int status);

  // Calls back. Once.
  void Finish(absl::StatusOr<Response> result) { done_(std::move(result)); }

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static curl_socket_t OnSocket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int OnConnected(void* self, char* peer, char* local, int peer_port, int local_port);

  absl::Status SetHeaders(CURL* easy);
  void SetMethod(CURL* easy);

  ClientRequest request_;
  const Client::Callback done_;
  const std::string user_agent_;
  const absl::Time deadline_;
  int redirects_ = 0;
  Response response_;
  size_t header_bytes_ = 0;
  bool refused_ = false;    // by the guard
  bool too_large_ = false;  // the response
  bool cut_ = false;        // its body
  std::unique_ptr<curl_slist, FreeList> header_list_;
};

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_TRANSFER_H_

// An SMTP server for tests: loopback, strict about the order of commands, with scripted replies.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace mo::mail::testing {

// What a server saw of one mail.
struct Received {
  std::string from;
  std::vector<std::string> to;
  std::string raw;   // as sent, dots stuffed, with the last line ".\r\n"
  std::string data;  // as meant
};

// Serves one connection after the other until it is destroyed.
class SmtpTestServer {
 public:
  // Replies by the start of the command's line ("RCPT TO:<b@", "DATA"), or "." for the mail's end;
  // the longest match wins. "drop" closes the connection, "hang" answers nothing.
  explicit SmtpTestServer(std::map<std::string, std::string> replies = {})
      : replies_(std::move(replies)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 8);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~SmtpTestServer() {
    stopped_ = true;
    thread_.join();
    close(listener_);
  }

  int port() const { return port_; }
  int connections() const { return connections_; }
  std::vector<Received> mails() const {
    absl::MutexLock lock(&mutex_);
    return mails_;
  }
  std::vector<std::string> commands() const {
    absl::MutexLock lock(&mutex_);
    return commands_;
  }

 private:
  bool Readable(int fd) const {
    pollfd waiting{fd, POLLIN, 0};
    while (!stopped_) {
      if (poll(&waiting, 1, 10) > 0) return true;
    }
    return false;
  }

  void Run() {
    while (Readable(listener_)) {
      const int peer = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      ++connections_;
      Talk(peer);
      close(peer);
    }
  }

  bool ReadLine(int peer, std::string& buffer, std::string& line) const {
    size_t end;
    while ((end = buffer.find("\r\n")) == std::string::npos) {
      char bytes[4096];
      if (!Readable(peer)) return false;
      const ssize_t got = read(peer, bytes, sizeof(bytes));
      if (got <= 0) return false;
      buffer.append(bytes, static_cast<size_t>(got));
    }
    line = buffer.substr(0, end);
    buffer.erase(0, end + 2);
    return true;
  }

  // The reply to a line, sent; empty if the connection is to end.
  std::string Reply(int peer, const std::string& line, std::string reply) const {
    size_t longest = 0;
    for (const auto& [start, scripted] : replies_) {
      if (absl::StartsWith(line, start) && start.size() > longest) {
        longest = start.size();
        reply = scripted;
      }
    }
    if (reply == "drop") return "";
    if (reply == "hang") {
      char byte;
      while (Readable(peer) && read(peer, &byte, 1) > 0) {
      }
      return "";
    }
    const std::string bytes = absl::StrCat(reply, "\r\n");
    if (send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return "";
    return reply;
  }

  bool ReadData(int peer, std::string& buffer, Received& mail) const {
    std::string line;
    while (ReadLine(peer, buffer, line)) {
      absl::StrAppend(&mail.raw, line, "\r\n");
      if (line == ".") return true;
      absl::StrAppend(&mail.data, line[0] == '.' ? line.substr(1) : line, "\r\n");
    }
    return false;
  }

  void Talk(int peer) {
    std::string buffer, line;
    Received mail;
    if (Reply(peer, "CONNECT", "220 test ready").empty()) return;
    while (ReadLine(peer, buffer, line)) {
      {
        absl::MutexLock lock(&mutex_);
        commands_.push_back(line);
      }
      std::string usual = "502 unknown";
      if (absl::StartsWith(line, "EHLO ")) usual = "250 test";
      if (absl::StartsWith(line, "MAIL FROM:")) usual = mail.from.empty() ? "250 ok" : "503 order";
      if (absl::StartsWith(line, "RCPT TO:")) usual = mail.from.empty() ? "503 order" : "250 ok";
      if (line == "DATA") usual = mail.to.empty() ? "503 order" : "354 go on";
      if (line == "QUIT") usual = "221 bye";
      const std::string reply = Reply(peer, line, usual);
      if (reply.empty()) return;
      if (absl::StartsWith(line, "MAIL FROM:") && reply[0] == '2') mail.from = line.substr(10);
      if (absl::StartsWith(line, "RCPT TO:") && reply[0] == '2') mail.to.push_back(line.substr(8));
      if (line != "DATA" || reply[0] != '3') continue;
      if (!ReadData(peer, buffer, mail)) return;
      {
        absl::MutexLock lock(&mutex_);
        mails_.push_back(mail);
      }
      mail = {};
      if (Reply(peer, ".", "250 queued as 7").empty()) return;
    }
  }

  const std::map<std::string, std::string> replies_;
  const int listener_;
  int port_ = 0;
  std::atomic<bool> stopped_{false};
  std::atomic<int> connections_{0};
  mutable absl::Mutex mutex_;
  std::vector<Received> mails_;
  std::vector<std::string> commands_;
  std::thread thread_;
};

}  // namespace mo::mail::testing

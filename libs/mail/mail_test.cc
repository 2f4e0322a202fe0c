#include "libs/mail/mail.h"

#include <catch2/catch.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "libs/mail/sender.h"
#include "libs/mail/test_smtp_server.h"

namespace mo::mail {
namespace {

using Kind = Outcome::Kind;
using testing::SmtpTestServer;
using Replies = std::map<std::string, std::string>;

Mail Simple() {
  Mail mail;
  mail.from = {"desk@example.org", "Desk"};
  mail.to = {{"a@example.com"}};
  mail.subject = "Hello";
  mail.text = "one\ntwo";
  mail.message_id = MessageId("fwd_1", "example.org");
  mail.date = absl::FromUnixSeconds(1795435200);
  return mail;
}

SmtpServer At(const SmtpTestServer& server) {
  SmtpServer to;
  to.host = "127.0.0.1";
  to.port = server.port();
  to.tls = Tls::kNone;
  to.timeout = absl::Seconds(20);
  to.allow_private = true;
  return to;
}

// The bytes of the base64 part that follows `marker`.
std::string DecodedAfter(const std::string& data, const std::string& marker) {
  size_t start = data.find(marker);
  REQUIRE(start != std::string::npos);
  start = data.find("\r\n\r\n", start) + 4;
  std::string bytes;
  REQUIRE(absl::Base64Unescape(data.substr(start, data.find("\r\n--", start) - start), &bytes));
  return bytes;
}

TEST_CASE("a mail arrives with its headers, text and files", "[mail]") {
  SmtpTestServer server;
  Mail mail = Simple();
  mail.to = {{"a@example.com", "Ann \"A\""}, {"b@example.com"}};
  mail.subject = "Grüße \xF0\x9F\x98\x80";
  mail.text = ".\n..two\n.end\nü";
  mail.reply_to = "r@example.org";
  mail.headers = {{"Auto-Submitted", "auto-generated"}};
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * 7);
  mail.attachments = {{"plain \"x\".bin", "application/octet-stream", bytes},
                      {"gr\xC3\xBC.mp3", "audio/mpeg", ""}};
  PutInThread(mail, "con_5", "example.org");
  const Outcome outcome = Sender().Send(At(server), mail);
  CHECK(outcome.kind == Kind::kAccepted);
  CHECK(outcome.refused.empty());
  REQUIRE(server.mails().size() == 1);
  const testing::Received got = server.mails()[0];
  CHECK(got.from == "<desk@example.org>");
  CHECK(got.to == std::vector<std::string>{"<a@example.com>", "<b@example.com>"});
  for (const char* line :
       {"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n", "From: \"Desk\" <desk@example.org>\r\n",
        "To: \"Ann \\\"A\\\"\" <a@example.com>,\r\n <b@example.com>\r\n",
        "Message-ID: <fwd_1@example.org>\r\n", "Subject: =?UTF-8?B?R3LDvMOfZSDwn5iA?=\r\n",
        "Reply-To: <r@example.org>\r\n", "In-Reply-To: <dialog.con_5@example.org>\r\n",
        "References: <dialog.con_5@example.org>\r\n", "Auto-Submitted: auto-generated\r\n",
        "filename=\"plain \\\"x\\\".bin\"\r\n", "filename*=UTF-8''gr%C3%BC.mp3\r\n"}) {
    INFO(line << "\nin\n" << got.data);
    CHECK(absl::StrContains(got.data, line));
  }
  // Dots at line starts: stuffed on the wire, as they were in what is meant.
  CHECK(absl::StrContains(got.data, "\r\n\r\n.\r\n..two\r\n.end\r\n=C3=BC\r\n--"));
  CHECK(absl::StrContains(got.raw, "\r\n\r\n..\r\n...two\r\n..end\r\n"));
  CHECK(DecodedAfter(got.data, "plain ") == bytes);
  CHECK(server.commands().front() == "EHLO example.org");
}

TEST_CASE("a subject becomes encoded words of whole characters", "[mail]") {
  std::string subject, decoded;
  for (int i = 0; i < 60; ++i)
    subject += i % 3 == 0 ? "a" : i % 3 == 1 ? "\xC3\xBC" : "\xF0\x9F\x98\x80";
  const std::string text = absl::StrReplaceAll(EncodeHeaderText(subject), {{"\r\n ", "|"}});
  for (absl::string_view word : absl::StrSplit(text, '|')) {
    CHECK(word.size() <= 75);
    std::string part;
    REQUIRE(absl::Base64Unescape(word.substr(10, word.size() - 12), &part));
    CHECK((part[0] & 0xC0) != 0x80);
    decoded += part;
  }
  CHECK(decoded == subject);
  CHECK(EncodeHeaderText("plain") == "plain");
  CHECK(EncodeHeaderText("=?x?=") != "=?x?=");
}

TEST_CASE("what the server says decides", "[mail]") {
  struct Case {
    const char* at;
    const char* reply;
    Kind kind;
    int code;
  };
  for (const Case& c : std::vector<Case>{{"CONNECT", "554 no service", Kind::kTemporary, 554},
                                         {"MAIL", "550 not you", Kind::kPermanent, 550},
                                         {"MAIL", "451 later", Kind::kTemporary, 451},
                                         {"RCPT", "550 no such", Kind::kPermanent, 550},
                                         {"RCPT", "450 busy", Kind::kTemporary, 450},
                                         {"DATA", "554 no", Kind::kPermanent, 554},
                                         {".", "554 spam", Kind::kPermanent, 554},
                                         {".", "452 full", Kind::kTemporary, 452},
                                         {".", "drop", Kind::kTemporary, 0},
                                         {"DATA", "drop", Kind::kTemporary, 0}}) {
    INFO(c.at << " " << c.reply);
    SmtpTestServer server(Replies{{c.at, c.reply}});
    const Outcome outcome = Sender().Send(At(server), Simple());
    CHECK(outcome.kind == c.kind);
    CHECK(outcome.code == c.code);
    if (c.code != 0) CHECK(outcome.words == std::string(c.reply).substr(4));
  }
}

TEST_CASE("one recipient refused is told, the others get the mail", "[mail]") {
  SmtpTestServer server(Replies{{"RCPT TO:<b@", "550-no such\r\n550 user"}});
  Mail mail = Simple();
  mail.to = {{"a@example.com"}, {"b@example.com"}, {"c@example.com"}};
  const Outcome outcome = Sender().Send(At(server), mail);
  CHECK(outcome.kind == Kind::kAccepted);
  REQUIRE(outcome.refused.size() == 1);
  CHECK(outcome.refused[0].address == "b@example.com");
  CHECK(outcome.refused[0].code == 550);
  CHECK(outcome.refused[0].words == "no such user");
  REQUIRE(server.mails().size() == 1);
  CHECK(server.mails()[0].to.size() == 2);
}

TEST_CASE("a server that hangs costs the time-out, not more", "[mail]") {
  for (const char* at : {"CONNECT", "MAIL", ".", "QUIT"}) {
    INFO(at);
    SmtpTestServer server(Replies{{at, "hang"}});
    SmtpServer to = At(server);
    to.timeout = absl::Seconds(1);
    const absl::Time start = absl::Now();
    const Outcome outcome = Sender().Send(to, Simple());
    CHECK(outcome.kind == (std::string(at) == "QUIT" ? Kind::kAccepted : Kind::kTemporary));
    CHECK(absl::Now() - start < absl::Seconds(10));
  }
}

TEST_CASE("no TLS where it is required: nothing is sent", "[mail]") {
  SmtpTestServer server;
  SmtpServer to = At(server);
  to.tls = Tls::kStartTls;
  to.username = "u";
  to.password = "p";
  CHECK(Sender().Send(to, Simple()).kind == Kind::kTemporary);
  CHECK(server.mails().empty());
  for (const std::string& line : server.commands()) CHECK_FALSE(absl::StartsWith(line, "AUTH"));
}

TEST_CASE("a refused password is final", "[mail]") {
  SmtpTestServer server(Replies{{"EHLO", "250-test\r\n250 AUTH PLAIN"}, {"AUTH", "535 wrong"}});
  SmtpServer to = At(server);
  to.username = "u";
  to.password = "p";
  const Outcome outcome = Sender().Send(to, Simple());
  CHECK(outcome.kind == Kind::kPermanent);
  CHECK(outcome.code == 535);
}

TEST_CASE("the guard keeps away from our own network", "[mail]") {
  SmtpTestServer server;
  for (const char* host : {"127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"}) {
    INFO(host);
    SmtpServer to = At(server);
    to.host = host;
    to.port = 587;
    to.allow_private = false;
    CHECK(Sender().Send(to, Simple()).kind == Kind::kPermanent);
  }
  SmtpServer other = At(server);
  other.allow_private = false;
  CHECK(Sender().Send(other, Simple()).words == "not a port for mail");
  CHECK(server.connections() == 0);
}

TEST_CASE("headers cannot be injected, addresses are addresses", "[mail]") {
  CHECK(CheckMail(Simple()).ok());
  const auto bad = [](auto change) {
    Mail mail = Simple();
    change(mail);
    return !CheckMail(mail).ok();
  };
  CHECK(bad([](Mail& m) { m.subject = "a\r\nBcc: x@example.com"; }));
  CHECK(bad([](Mail& m) { m.subject = "a\nb"; }));
  CHECK(bad([](Mail& m) { m.from.name = "a\rb"; }));
  CHECK(bad([](Mail& m) { m.to[0].address = "a@example.com>\r\nDATA"; }));
  CHECK(bad([](Mail& m) { m.reply_to = "a b@example.com"; }));
  CHECK(bad([](Mail& m) { m.message_id = "<a@b>\r\nX: y"; }));
  CHECK(bad([](Mail& m) { m.references = {"<a@b> <c@d>"}; }));
  CHECK(bad([](Mail& m) { m.headers = {{"X", "a\r\nb"}}; }));
  CHECK(bad([](Mail& m) { m.headers = {{"X: y", "a"}}; }));
  CHECK(bad([](Mail& m) { m.headers = {{"Bcc", "x@example.com"}}; }));
  CHECK(bad([](Mail& m) { m.attachments = {{"a\r\nb", "a/b", ""}}; }));
  CHECK(bad([](Mail& m) { m.attachments = {{"a", "a/b\r\nX: y", ""}}; }));
  CHECK(bad([](Mail& m) { m.to.clear(); }));
  CHECK(bad([](Mail& m) { m.to.assign(21, {"a@example.com"}); }));
  for (const char* good : {"a@b", "a.b+c@x-y.example", "o'x@example.com"}) CHECK(IsAddress(good));
  for (const char* wrong :
       {"", "a", "@b", "a@", "a..b@c", ".a@b", "a@-b", "a@b..c", "a@b@c", "\xC3\xBC@b", "a@b c"}) {
    CHECK_FALSE(IsAddress(wrong));
  }
  CHECK_FALSE(IsAddress(std::string(65, 'a') + "@b"));
}

}  // namespace
}  // namespace mo::mail

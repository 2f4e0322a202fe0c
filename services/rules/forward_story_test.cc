// Messages that go to other systems, from the phone to the endpoint.
#include <atomic>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/http/server.h"
#include "libs/mail/test_smtp_server.h"
#include "messageorganizer/rules/v1/forwards.grpc.pb.h"
#include "messageorganizer/rules/v1/webhooks.grpc.pb.h"
#include "services/rules/signing.h"
#include "services/rules/test_story.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_forward_hosts);
ABSL_DECLARE_FLAG(std::string, smtp_host);
ABSL_DECLARE_FLAG(int, smtp_port);
ABSL_DECLARE_FLAG(std::string, smtp_tls);
ABSL_DECLARE_FLAG(std::string, mail_from);

namespace mo::rules {
namespace {

using ForwardStub = v1::ForwardService::Stub;
using WebhookStub = v1::WebhookService::Stub;

using Replies = std::map<std::string, std::string>;

constexpr char kPhone[] = "+436641000001";

// An endpoint that keeps what it gets and answers as it is told, then 200.
class Endpoint {
 public:
  explicit Endpoint(std::deque<http::Response> answers = {})
      : answers_(std::move(answers)),
        server_(http::ServerOptions(), [this](http::Request request, http::Responder responder) {
          absl::MutexLock lock(&mutex_);
          requests_.push_back(std::move(request));
          http::Response answer;
          if (!answers_.empty()) {
            answer = answers_.front();
            answers_.pop_front();
          }
          responder.Send(std::move(answer));
        }) {
    REQUIRE(server_.Start().ok());
  }
  std::string url(const std::string& path = "/in") const {
    return absl::StrCat("http://127.0.0.1:", server_.port(), path);
  }
  std::vector<http::Request> requests() const {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }
  std::vector<http::Request> WaitFor(size_t count) const {
    testing::WaitFor([&] { return requests().size() >= count; }, "requests");
    return requests();
  }

 private:
  mutable absl::Mutex mutex_;
  std::deque<http::Response> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<http::Request> requests_ ABSL_GUARDED_BY(mutex_);
  http::Server server_;
};

// The flags as they were, afterwards.
struct Trusting {
  Trusting() { absl::SetFlag(&FLAGS_trusted_forward_hosts, {"127.0.0.1"}); }
  absl::FlagSaver saver;
};

struct ForwardStory : Trusting, TestStory {
  ForwardStory() {
    v1::StandardAnswers answers = ShortAnswers();
    answers.set_welcome_text("");
    REQUIRE(SetAnswers(answers).ok());
  }
  void Do(const v1::RuleAction& action) {
    v1::CreateRuleRequest request;
    request.mutable_rule()->set_display_name("forward");
    request.mutable_rule()->set_trigger(v1::RULE_TRIGGER_ALWAYS);
    *request.mutable_rule()->add_actions() = action;
    auto added = rules.Call(&v1::RuleService::Stub::CreateRule, caller, request);
    INFO(added.status());
    REQUIRE(added.ok());
  }
  void Post(const std::string& url) {
    v1::RuleAction action;
    action.mutable_http()->set_url(url);
    Do(action);
  }
  std::vector<v1::Forward> List(v1::ForwardState state = v1::FORWARD_STATE_UNSPECIFIED) {
    v1::ListForwardsRequest request;
    request.set_state(state);
    auto list = forwards.Call(&ForwardStub::ListForwards, caller, request);
    REQUIRE(list.ok());
    return {list->forwards().begin(), list->forwards().end()};
  }
  // The only forward, once it is in this state.
  v1::Forward WaitForState(v1::ForwardState state) {
    WaitFor([&] { return List(state).size() == 1; }, "a forward's state");
    v1::GetForwardRequest request;
    request.set_id(List(state)[0].id());
    return *forwards.Call(&ForwardStub::GetForward, caller, request);
  }
  // The only forward, once it has failed so often.
  v1::Forward WaitForAttempts(int count) {
    WaitFor([&] { return List().size() == 1 && List()[0].attempt_count() >= count; }, "attempts");
    v1::GetForwardRequest request;
    request.set_id(List()[0].id());
    return *forwards.Call(&ForwardStub::GetForward, caller, request);
  }
  absl::StatusOr<v1::Forward> Retry(const std::string& id) {
    v1::RetryForwardRequest request;
    request.set_id(id);
    return forwards.Call(&ForwardStub::RetryForward, caller, request);
  }

  Client<v1::ForwardService> forwards{env.app()};
  Client<v1::WebhookService> webhooks{env.app()};
};

TEST_CASE("A message is posted, signed, once", "[forwards]") {
  const Endpoint endpoint;
  ForwardStory story;
  auto secret = story.forwards.Call(&ForwardStub::RotateForwardSecret, story.caller,
                                    v1::RotateForwardSecretRequest());
  REQUIRE(secret.ok());
  story.Post(endpoint.url("/in?from={{contact.phone}}"));
  story.Write(kPhone, "Grüß „Gott“");
  const v1::Forward forward = story.WaitForState(v1::FORWARD_STATE_DELIVERED);
  CHECK(forward.kind() == v1::FORWARD_KIND_HTTP);
  CHECK(forward.attempt_count() == 1);
  REQUIRE(forward.attempts_size() == 1);
  CHECK(forward.attempts(0).code() == 200);
  CHECK(forward.attempts(0).error().empty());
  REQUIRE(endpoint.requests().size() == 1);
  const http::Request got = endpoint.requests()[0];
  CHECK(got.target == "/in?from=%2B436641000001");
  CHECK(absl::StrContains(got.body, "\"type\":\"message.received\""));
  CHECK(absl::StrContains(got.body, "Grüß „Gott“"));
  CHECK(absl::StrContains(got.body, forward.rule_id()));
  CHECK(got.headers.Get("webhook-id") == forward.id());
  std::string key;
  REQUIRE(absl::Base64Unescape(secret->secret().substr(6), &key));
  int64_t sent = 0;
  REQUIRE(absl::SimpleAtoi(got.headers.Get("webhook-timestamp"), &sent));
  CHECK(got.headers.Get("webhook-signature") ==
        SignatureHeaders(forward.id(), absl::FromUnixSeconds(sent), got.body, {key})
            .Get("webhook-signature"));
  // The evaluation names it.
  const v1::Evaluation evaluation = story.Evaluations().evaluations(0);
  REQUIRE(evaluation.actions_size() == 1);
  CHECK(evaluation.actions(0).forward_id() == forward.id());
  CHECK(ReasonOf(story.Retry(forward.id()).status()) == "FORWARD_DELIVERED");
}

TEST_CASE("What fails is tried again under the same id, also by hand", "[forwards]") {
  const Endpoint endpoint({{.status = 503, .headers = {{"Retry-After", "600"}}, .body = "later"}});
  ForwardStory story;
  story.Post(endpoint.url());
  story.Write(kPhone, "hello");
  const v1::Forward failed = story.WaitForAttempts(1);
  CHECK(failed.state() == v1::FORWARD_STATE_PENDING);
  CHECK(failed.attempts(0).code() == 503);
  CHECK(failed.attempts(0).error() == "later");
  CHECK(FromProto(failed.next_attempt_time()) >
        FromProto(failed.create_time()) + absl::Seconds(400));
  REQUIRE(story.Retry(failed.id()).ok());
  const v1::Forward delivered = story.WaitForState(v1::FORWARD_STATE_DELIVERED);
  CHECK(delivered.attempts_size() == 2);
  const auto requests = endpoint.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].headers.Get("webhook-id") == requests[1].headers.Get("webhook-id"));
  CHECK(requests[0].body == requests[1].body);
}

TEST_CASE("What is refused is given up, and can be retried", "[forwards]") {
  const Endpoint endpoint({{.status = 404, .headers = {}, .body = "no such thing"}});
  ForwardStory story;
  story.Post(endpoint.url());
  story.Write(kPhone, "hello");
  const v1::Forward dead = story.WaitForState(v1::FORWARD_STATE_DEAD);
  CHECK(dead.attempts(0).error() == "no such thing");
  REQUIRE(story.Retry(dead.id()).ok());
  story.WaitForState(v1::FORWARD_STATE_DELIVERED);
}

TEST_CASE("Redirects and hosts of our own network are refused when it is sent", "[forwards]") {
  const Endpoint inner;
  ForwardStory story;
  SECTION("a redirect") {
    for (const std::string& to :
         {inner.url(), std::string("http://169.254.169.254/"), std::string("http://[::1]/")}) {
      const Endpoint endpoint({{.status = 307, .headers = {{"Location", to}}, .body = ""}});
      ForwardStory another;
      another.Post(endpoint.url());
      another.Write(kPhone, "hello");
      CHECK(another.WaitForState(v1::FORWARD_STATE_DEAD).attempts(0).error() ==
            "redirects are not followed");
    }
  }
  SECTION("a host that is not trusted any more") {
    story.Post(inner.url());
    // As a name that leads elsewhere since the rule was saved.
    absl::SetFlag(&FLAGS_trusted_forward_hosts, {});
    story.Write(kPhone, "hello");
    const v1::Forward dead = story.WaitForState(v1::FORWARD_STATE_DEAD);
    CHECK(dead.attempts(0).code() == 0);
    CHECK_FALSE(dead.attempts(0).error().empty());
  }
  CHECK(inner.requests().empty());
}

TEST_CASE("An answer without end is not read to its end", "[forwards]") {
  std::atomic<int64_t> written{0};
  http::Server endless(http::ServerOptions(), [&](const http::Request&, http::Responder responder) {
    http::Stream stream = responder.StartStream(200, {{"Content-Type", "text/plain"}});
    // Writes for as long as somebody reads.
    const auto more = std::make_shared<std::function<void()>>();
    *more = [stream, &written, more]() mutable {
      if (!stream.Write(std::string(64 << 10, 'x'))) return;
      written += 64 << 10;
      stream.OnDrained([more] { (*more)(); });
    };
    (*more)();
  });
  REQUIRE(endless.Start().ok());
  ForwardStory story;
  story.Post(absl::StrCat("http://127.0.0.1:", endless.port(), "/"));
  story.Write(kPhone, "hello");
  CHECK(story.WaitForState(v1::FORWARD_STATE_DELIVERED).attempt_count() == 1);
  CHECK(written < int64_t{64} << 20);
}

TEST_CASE("A destination that never answers delays no other, and gets few at a time",
          "[forwards]") {
  absl::Mutex mutex;
  std::vector<http::Responder> held;
  http::Server silent(http::ServerOptions(), [&](const http::Request&, http::Responder responder) {
    absl::MutexLock lock(&mutex);
    held.push_back(std::move(responder));
  });
  REQUIRE(silent.Start().ok());
  const Endpoint other;
  ForwardStory story;
  story.Post(absl::StrCat("http://127.0.0.1:", silent.port(), "/"));
  story.Post(other.url());
  for (int i = 0; i < 30; ++i) story.Write(kPhone, absl::StrCat("message ", i));
  CHECK(other.WaitFor(30).size() == 30);
  absl::MutexLock lock(&mutex);
  CHECK(held.size() == 8);
  for (const http::Responder& responder : held) responder.Send({});
}

TEST_CASE("A bot's answer reaches the contact, once", "[forwards]") {
  const Endpoint bot({{.status = 200,
                       .headers = {{"Content-Type", "application/json"}},
                       .body = R"({"text":"42 {{degrees}}"})"}});
  ForwardStory story;
  v1::RuleAction action;
  action.mutable_bot()->set_url(bot.url());
  action.mutable_bot()->mutable_fallback()->mutable_text()->set_body("sorry");
  story.Do(action);
  story.Write(kPhone, "weather");
  story.Expect(kPhone, {"42 {{degrees}}"});
  story.WaitForState(v1::FORWARD_STATE_DELIVERED);
  CHECK(story.agent->texts(kPhone) == Texts{"42 {{degrees}}"});
}

TEST_CASE("A bot changes channels", "[forwards]") {
  ForwardStory story;
  const auto channel = story.AddChannel("News");
  const Endpoint bot(
      {{.status = 200,
        .headers = {{"Content-Type", "application/json"}},
        .body = absl::StrCat(R"({"add_to_channels":[")", channel.id(), R"(","chn_nonsense"]})")}});
  v1::RuleAction action;
  action.mutable_bot()->set_url(bot.url());
  story.Do(action);
  story.Write(kPhone, "me too");
  story.WaitForState(v1::FORWARD_STATE_DELIVERED);
  CHECK(story.Subscribers(channel) == 1);
}

TEST_CASE("A bot that fails or talks nonsense has its fallback said", "[forwards]") {
  std::deque<http::Response> answers;
  int64_t patience = 30;
  SECTION("nonsense") {
    answers = {{.status = 200, .headers = {{"Content-Type", "text/html"}}, .body = "<p>"}};
  }
  SECTION("refusal") { answers = {{.status = 404, .headers = {}, .body = ""}}; }
  SECTION("failure for as long as its patience") {
    patience = 1;
    answers.assign(20, {.status = 500, .headers = {}, .body = ""});
  }
  const Endpoint bot(std::move(answers));
  ForwardStory story;
  v1::RuleAction action;
  action.mutable_bot()->set_url(bot.url());
  action.mutable_bot()->mutable_patience()->set_seconds(patience);
  action.mutable_bot()->mutable_fallback()->mutable_text()->set_body("sorry, {{message}}");
  story.Do(action);
  story.Write(kPhone, "weather");
  story.Expect(kPhone, {"sorry, weather"});
  CHECK_FALSE(story.WaitForState(v1::FORWARD_STATE_DEAD).attempts(0).error().empty());
}

// A story whose installation has a mail server.
struct MailStory : ForwardStory {
  explicit MailStory(int port) {
    absl::SetFlag(&FLAGS_smtp_host, "127.0.0.1");
    absl::SetFlag(&FLAGS_smtp_port, port);
    absl::SetFlag(&FLAGS_smtp_tls, "none");
    absl::SetFlag(&FLAGS_mail_from, "desk@news.example");
    v1::RuleAction action;
    action.mutable_mail()->add_to("a@example.org");
    action.mutable_mail()->add_to("b@example.org");
    action.mutable_mail()->set_subject("From {{contact.phone}}");
    Do(action);
  }
};

TEST_CASE("A message is mailed, and a dialog is one thread", "[forwards]") {
  mail::testing::SmtpTestServer server;
  MailStory story(server.port());
  story.Write(kPhone, "Grüße");
  const v1::Forward forward = story.WaitForState(v1::FORWARD_STATE_DELIVERED);
  CHECK(forward.target() == "a@example.org, b@example.org");
  REQUIRE(server.mails().size() == 1);
  const std::string mail = server.mails()[0].data;
  CHECK(server.mails()[0].to.size() == 2);
  CHECK(absl::StrContains(mail, "Subject: From +436641000001\r\n"));
  CHECK(absl::StrContains(mail, absl::StrCat("Message-ID: <", forward.id(), "@news.example>")));
  CHECK(absl::StrContains(mail, "In-Reply-To: <"));
}

TEST_CASE("Recipients that are put off are tried again, alone; refused ones are told of",
          "[forwards]") {
  mail::testing::SmtpTestServer server(Replies{{"RCPT TO:<b@", "450 later"}});
  MailStory story(server.port());
  story.Write(kPhone, "hello");
  const v1::Forward put_off = story.WaitForAttempts(1);
  CHECK(put_off.state() == v1::FORWARD_STATE_PENDING);
  CHECK(absl::StrContains(put_off.attempts(0).error(), "b@example.org: 450 later"));
  REQUIRE(story.Retry(put_off.id()).ok());
  story.WaitForAttempts(2);
  REQUIRE(server.mails().size() == 1);
  CHECK(server.mails()[0].to.size() == 1);
}

TEST_CASE("A mail that is refused for good is given up with the server's words", "[forwards]") {
  mail::testing::SmtpTestServer server(Replies{{"MAIL FROM:", "550 we do not know you"}});
  MailStory story(server.port());
  story.Write(kPhone, "hello");
  const v1::Forward dead = story.WaitForState(v1::FORWARD_STATE_DEAD);
  CHECK(dead.attempts(0).code() == 550);
  CHECK(absl::StrContains(dead.attempts(0).error(), "we do not know you"));
}

TEST_CASE("An SMS goes to a contact of one's own only", "[forwards]") {
  ForwardStory story;
  v1::RuleAction action;
  action.mutable_sms()->set_to("+436769999999");
  story.Do(action);
  story.Write(kPhone, "hello");
  CHECK(absl::StrContains(story.WaitForState(v1::FORWARD_STATE_DEAD).attempts(0).error(),
                          "no contact"));

  sims_v1::CreateSimRequest sim;
  sim.mutable_sim()->set_network(common_v1::NETWORK_SMS);
  sim.mutable_sim()->set_address("+436640002");
  sim.mutable_sim()->set_capacity(100);
  auto created = story.sims.Call(&sims_v1::SimService::Stub::CreateSim, story.caller, sim);
  REQUIRE(created.ok());
  sims_v1::CreateAgentTokenRequest token;
  token.set_id(created->id());
  sims::TestAgent phones(
      story.env.app().grpc_port(),
      story.sims.Call(&sims_v1::SimService::Stub::CreateAgentToken, story.caller, token)->token());
  phones.WaitForAck(phones.Write("opt-in", "+436769999999", "hello"));
  WaitFor([&] { return phones.texts("+436769999999").size() == 1; }, "its own message, forwarded");
  REQUIRE(story.Retry(story.List(v1::FORWARD_STATE_DEAD)[0].id()).ok());
  WaitFor([&] { return phones.texts("+436769999999").size() == 2; }, "the SMS");
  CHECK(phones.texts("+436769999999")[1] == "+436641000001: hello");
}

struct WebhookStory : ForwardStory {
  v1::CreateWebhookResponse Hook(const std::string& url,
                                 const std::vector<std::string>& types = {"message.received"}) {
    v1::CreateWebhookRequest request;
    request.mutable_webhook()->set_url(url);
    for (const std::string& type : types) request.mutable_webhook()->add_event_types(type);
    auto hook = webhooks.Call(&WebhookStub::CreateWebhook, caller, request);
    INFO(hook.status());
    REQUIRE(hook.ok());
    return *hook;
  }
  v1::Webhook Get(const std::string& id) {
    v1::GetWebhookRequest request;
    request.set_id(id);
    return *webhooks.Call(&WebhookStub::GetWebhook, caller, request);
  }
  absl::StatusOr<v1::Webhook> SetState(const std::string& id, v1::WebhookState state) {
    v1::UpdateWebhookRequest request;
    request.mutable_webhook()->set_id(id);
    request.mutable_webhook()->set_state(state);
    return webhooks.Call(&WebhookStub::UpdateWebhook, caller, request);
  }
  std::vector<v1::Forward> Deliveries(const std::string& id) {
    v1::ListDeliveriesRequest request;
    request.set_id(id);
    auto list = webhooks.Call(&WebhookStub::ListDeliveries, caller, request);
    REQUIRE(list.ok());
    return {list->deliveries().begin(), list->deliveries().end()};
  }
};

std::vector<std::string> SequencesOf(const std::vector<http::Request>& requests) {
  std::vector<std::string> sequences;
  for (const http::Request& request : requests)
    sequences.emplace_back(request.headers.Get("webhook-sequence"));
  std::sort(sequences.begin(), sequences.end());
  return sequences;
}

TEST_CASE("A webhook gets the events that it wants, numbered, and again when asked", "[webhooks]") {
  const Endpoint endpoint, all;
  WebhookStory story;
  const std::string id = story.Hook(endpoint.url()).webhook().id();
  story.Hook(all.url(), {"contact.*", "message.*"});
  for (const char* text : {"one", "two", "three"}) story.Write(kPhone, text);
  CHECK(SequencesOf(endpoint.WaitFor(3)) == Texts{"1", "2", "3"});
  all.WaitFor(4);  // and the contact that was activated
  WaitFor([&] { return story.Deliveries(id).front().state() == v1::FORWARD_STATE_DELIVERED; },
          "deliveries");
  CHECK(story.Deliveries(id).size() == 3);
  CHECK(story.Deliveries(id)[0].sequence() == 3);
  CHECK(story.Get(id).last_sequence() == 3);
  CHECK(story.List().size() == 3 + all.requests().size());

  WaitFor([&] { return story.List(v1::FORWARD_STATE_PENDING).empty(); }, "all delivered");
  v1::ReplayWebhookRequest replay;
  replay.set_id(id);
  replay.set_from_sequence(2);
  auto again = story.webhooks.Call(&WebhookStub::ReplayWebhook, story.caller, replay);
  REQUIRE(again.ok());
  CHECK(again->count() == 2);
  CHECK(again->next_sequence() == 0);
  const auto requests = endpoint.WaitFor(5);
  CHECK(SequencesOf(requests) == Texts{"1", "2", "2", "3", "3"});
  std::set<std::string> ids;
  for (const http::Request& request : requests) ids.emplace(request.headers.Get("webhook-id"));
  CHECK(ids.size() == 3);
}

TEST_CASE("A webhook that is paused gets later what it has missed", "[webhooks]") {
  const Endpoint endpoint;
  WebhookStory story;
  const std::string id = story.Hook(endpoint.url()).webhook().id();
  auto paused = story.SetState(id, v1::WEBHOOK_STATE_PAUSED);
  REQUIRE(paused.ok());
  CHECK(paused->pause_reason() == "USER");
  story.Write(kPhone, "one");
  WaitFor([&] { return story.Deliveries(id).size() == 1; }, "a delivery that waits");
  CHECK(endpoint.requests().empty());
  REQUIRE(story.SetState(id, v1::WEBHOOK_STATE_ENABLED).ok());
  CHECK(SequencesOf(endpoint.WaitFor(1)) == Texts{"1"});
}

TEST_CASE("A webhook that is gone is paused, and the others are told", "[webhooks]") {
  const Endpoint gone({{.status = 410, .headers = {}, .body = ""}}), other;
  WebhookStory story;
  const std::string id = story.Hook(gone.url()).webhook().id();
  story.Hook(other.url(), {"webhook.paused"});
  story.Write(kPhone, "one");
  const auto told = other.WaitFor(1);
  CHECK(absl::StrContains(told[0].body, "\"type\":\"webhook.paused\""));
  CHECK(absl::StrContains(told[0].body, id));
  CHECK(story.Get(id).pause_reason() == "GONE");
  CHECK(story.Get(id).state() == v1::WEBHOOK_STATE_PAUSED);
  // What it has refused is still there for it.
  REQUIRE(story.SetState(id, v1::WEBHOOK_STATE_ENABLED).ok());
  const std::string waiting = story.Deliveries(id)[0].id();
  REQUIRE(story.Retry(waiting).ok());
  CHECK(gone.WaitFor(2)[1].headers.Get("webhook-id") == waiting);
}

TEST_CASE("Secrets overlap when they are rotated, and are told once", "[webhooks]") {
  const Endpoint endpoint;
  WebhookStory story;
  const auto hook = story.Hook(endpoint.url());
  CHECK(absl::StartsWith(hook.secret(), "whsec_"));
  v1::RotateWebhookSecretRequest rotate;
  rotate.set_id(hook.webhook().id());
  auto rotated = story.webhooks.Call(&WebhookStub::RotateWebhookSecret, story.caller, rotate);
  REQUIRE(rotated.ok());
  CHECK(rotated->secret() != hook.secret());
  story.Write(kPhone, "one");
  const http::Request got = endpoint.WaitFor(1)[0];
  std::string first, second;
  REQUIRE(absl::Base64Unescape(hook.secret().substr(6), &first));
  REQUIRE(absl::Base64Unescape(rotated->secret().substr(6), &second));
  int64_t sent = 0;
  REQUIRE(absl::SimpleAtoi(got.headers.Get("webhook-timestamp"), &sent));
  CHECK(got.headers.Get("webhook-signature") ==
        SignatureHeaders(std::string(got.headers.Get("webhook-id")), absl::FromUnixSeconds(sent),
                         got.body, {second, first})
            .Get("webhook-signature"));
}

TEST_CASE("Webhooks are checked, listed, changed and deleted", "[webhooks]") {
  WebhookStory story;
  v1::CreateWebhookRequest bad;
  bad.mutable_webhook()->set_url("http://10.0.0.1/");
  bad.mutable_webhook()->add_event_types("message.recieved");
  const auto refused = story.webhooks.Call(&WebhookStub::CreateWebhook, story.caller, bad);
  std::vector<std::string> fields;
  for (const FieldProblem& problem : FieldProblemsOf(refused.status()))
    fields.push_back(problem.field);
  CHECK(fields == Texts{"webhook.url", "webhook.event_types[0]"});

  const Endpoint endpoint;
  const v1::Webhook hook = story.Hook(endpoint.url()).webhook();
  v1::UpdateWebhookRequest update;
  update.mutable_webhook()->set_id(hook.id());
  update.mutable_webhook()->set_etag("7");
  update.mutable_webhook()->set_url(endpoint.url("/new"));
  CHECK(ReasonOf(story.webhooks.Call(&WebhookStub::UpdateWebhook, story.caller, update).status()) ==
        "ETAG_MISMATCH");
  update.mutable_webhook()->set_etag(hook.etag());
  auto updated = story.webhooks.Call(&WebhookStub::UpdateWebhook, story.caller, update);
  REQUIRE(updated.ok());
  CHECK(updated->url() == endpoint.url("/new"));
  story.Write(kPhone, "one");
  CHECK(endpoint.WaitFor(1)[0].target == "/new");

  v1::DeleteWebhookRequest gone;
  gone.set_id(hook.id());
  REQUIRE(story.webhooks.Call(&WebhookStub::DeleteWebhook, story.caller, gone).ok());
  auto list =
      story.webhooks.Call(&WebhookStub::ListWebhooks, story.caller, v1::ListWebhooksRequest());
  CHECK(list->webhooks().empty());
  CHECK(story.List().empty());
  v1::GetWebhookRequest get;
  get.set_id(hook.id());
  CHECK(
      ReasonOf(story.webhooks.Call(&WebhookStub::GetWebhook, story.env.caller(2), get).status()) ==
      "WEBHOOK_NOT_FOUND");
}

}  // namespace
}  // namespace mo::rules

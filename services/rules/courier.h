// Brings forwards to where they go, one attempt each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libs/http/client.h"
#include "libs/http/url_policy.h"
#include "libs/runtime/app.h"
#include "libs/runtime/executor.h"
#include "services/rules/bot_courier.h"
#include "services/rules/forward_store.h"
#include "services/rules/mail_courier.h"
#include "services/rules/outcome.h"
#include "services/rules/sms_courier.h"

namespace mo::rules {

// A forward with what it is signed with.
struct Parcel {
  Forward forward;
  std::vector<std::string> secrets;
};

// Thread-safe.
class Courier {
 public:
  using Done = std::function<void(Outcome)>;

  Courier(App& app, int in_flight);
  ~Courier() { Stop(); }

  // Makes an attempt of at most two minutes. `done` runs once, on a thread of the courier's.
  void Send(const Parcel& parcel, Done done);
  // Tells the contact what a bot did not; kDelivered when that is done.
  void GiveUp(const Forward& forward, Done done);
  // Waits for the attempts under way, or ends them. Idempotent.
  void Stop();

 private:
  void Post(const Parcel& parcel, Done done);
  void Run(std::function<Outcome()> work, const Done& done);

  App& app_;
  BotCourier bots_;
  MailCourier mails_;
  SmsCourier texts_;
  Executor executor_;
  http::Client client_;
};

// Where forwards may be posted to: public hosts at port 80, 443, 8080 or 8443, and the hosts of
// --trusted_forward_hosts.
http::UrlPolicy ForwardPolicy();

// The body that is posted.
std::string BodyOf(const Forward& forward);

}  // namespace mo::rules

#include "services/sims/provider_session.h"

#include <catch2/catch.hpp>
#include <map>
#include <mutex>

#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "services/media/install.h"
#include "services/sims/drivers/json.h"
#include "services/sims/test_provider.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

TEST_CASE("A provider's SIM sends everything once, in each recipient's own words", "[provider]") {
  ProviderPool pool;
  REQUIRE(pool.Submit(pool.To("d1", 100, 700)).ok());
  REQUIRE(pool.Submit(pool.To("m1", 5, 1, v1::LANE_INTERACTIVE)).ok());
  WaitFor([&] { return pool.Counts("d1").accepted() == 700; }, "the broadcast");
  WaitFor([&] { return pool.Counts("m1").accepted() == 1; }, "the answer");
  CHECK(pool.meta.messages() == 701);
  const auto attempts = pool.meta.attempts();
  CHECK(attempts.size() == 701);
  for (const auto& [to, times] : attempts) CHECK(times == 1);
  const std::string name = "\"Hello N5\"";
  const auto bodies = pool.meta.bodies();
  CHECK(std::count_if(bodies.begin(), bodies.end(), [&](const std::string& body) {
          return body.find(name) != std::string::npos;
        }) == 1);
}

TEST_CASE("What a provider refuses has its consequence", "[provider]") {
  ProviderPool pool;
  pool.meta.Set([](const std::string& to, int attempt, const http::Responder& responder) {
    if (to == "+431") return TestMeta::Refuse(responder, 400, 131026);
    if (to == "+432") return TestMeta::Refuse(responder, 400, 131047);
    if (to == "+433") return TestMeta::Refuse(responder, 400, 131050);
    if (to == "+434" && attempt == 1) return TestMeta::Refuse(responder, 429, 130429);
    if (to == "+435" && attempt <= 2) return TestMeta::Refuse(responder, 500, 131000);
    TestMeta::Take(responder);
  });
  REQUIRE(pool.Submit(pool.To("d1", 1, 6)).ok());
  WaitFor([&] { return pool.Counts("d1").accepted() == 3; }, "those that are taken in the end");
  const auto counts = pool.Counts("d1");
  CHECK(counts.failed() == 3);
  std::map<common::DeliveryReason, int64_t> reasons;
  for (const auto& entry : counts.reasons()) reasons[entry.reason()] = entry.count();
  CHECK(reasons[common::DELIVERY_REASON_ADDRESS_INVALID] == 1);
  CHECK(reasons[common::DELIVERY_REASON_WINDOW_CLOSED] == 1);
  CHECK(reasons[common::DELIVERY_REASON_BLOCKED] == 1);
  const auto attempts = pool.meta.attempts();
  CHECK(attempts.at("+431") == 1);
  CHECK(attempts.at("+434") == 2);
  CHECK(attempts.at("+435") == 3);
  CHECK(attempts.at("+436") == 1);
}

TEST_CASE("What was lost after it may have been taken is never sent again", "[provider]") {
  ProviderPool pool;
  pool.meta.Set([](const std::string& to, int, const http::Responder& responder) {
    if (to == "+431") return responder.Drop();
    if (to == "+432") return responder.Send({502, {}, "Bad Gateway"});
    TestMeta::Take(responder);
  });
  REQUIRE(pool.Submit(pool.To("d1", 1, 4)).ok());
  WaitFor([&] { return pool.Counts("d1").uncertain() == 2; }, "doubt");
  WaitFor([&] { return pool.Counts("d1").accepted() == 2; }, "the others");
  CHECK(pool.meta.messages() == 4);
}

TEST_CASE("Whoever has not written is not written to where the network forbids it", "[provider]") {
  ProviderPool pool;
  REQUIRE(pool.Submit(pool.To("d1", 1998, 4)).ok());
  WaitFor([&] { return pool.Counts("d1").accepted() == 2; }, "those who have");
  const auto counts = pool.Counts("d1");
  CHECK(counts.skipped() == 2);
  REQUIRE(counts.reasons_size() == 1);
  CHECK(counts.reasons(0).reason() == common::DELIVERY_REASON_WINDOW_CLOSED);
  CHECK(pool.meta.messages() == 2);
}

TEST_CASE("What one contact is sent is spaced as the network wants it", "[provider]") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  ProviderPool pool(std::move(options));
  pool.AwaitLimiter(clock);
  // WhatsApp: 45 at once, borrowed from one each six seconds.
  for (int i = 0; i < 47; ++i)
    REQUIRE(pool.Submit(pool.To(absl::StrCat("m", i), 1, 1, v1::LANE_INTERACTIVE)).ok());
  WaitFor([&] { return pool.meta.messages() == 46; }, "the burst");
  REQUIRE(pool.Submit(pool.To("other", 2, 1)).ok());
  WaitFor([&] { return pool.Counts("other").accepted() == 1; }, "another contact's");
  CHECK(pool.meta.attempts().at("+431") == 45);
  clock.Advance(absl::Seconds(6));
  WaitFor([&] { return pool.meta.attempts().at("+431") == 46; }, "the next one");
  clock.Advance(absl::Seconds(6));
  WaitFor([&] { return pool.meta.attempts().at("+431") == 47; }, "the last one");
}

TEST_CASE("One recipient's limit delays nobody else", "[provider]") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  ProviderPool pool(std::move(options));
  pool.AwaitLimiter(clock);
  pool.meta.Set([](const std::string& to, int attempt, const http::Responder& responder) {
    if (to == "+431" && attempt == 1) return TestMeta::Refuse(responder, 400, 131056);
    TestMeta::Take(responder);
  });
  REQUIRE(pool.Submit(pool.To("d1", 1, 1)).ok());
  WaitFor([&] { return pool.Counts("d1").queued() == 1 && pool.meta.messages() == 2; },
          "the refusal");
  // Another message to the same one waits, too; others do not.
  REQUIRE(pool.Submit(pool.To("d2", 1, 3)).ok());
  WaitFor([&] { return pool.Counts("d2").accepted() == 2; }, "the others");
  CHECK(pool.meta.attempts().at("+431") == 1);
  clock.Advance(absl::Seconds(6));
  WaitFor([&] { return pool.Counts("d1").accepted() + pool.Counts("d2").accepted() == 4; },
          "the first one");
}

TEST_CASE("A SIM whose token is refused leaves the pool, and goes on when it is resumed",
          "[provider]") {
  ProviderPool pool;
  pool.meta.Set([](const std::string&, int, const http::Responder& responder) {
    TestMeta::Refuse(responder, 401, 190);
  });
  REQUIRE(pool.Submit(pool.To("d1", 1, 1)).ok());
  WaitFor([&] { return pool.State() == v1::SIM_STATE_PAUSED; }, "the pause");
  WaitFor([&] { return pool.Counts("d1").queued() == 1; }, "the message back in the queue");
  pool.meta.Set(nullptr);
  // With a new token a new session begins, with nothing in doubt.
  v1::UpdateSimRequest update;
  update.mutable_sim()->set_id(pool.sim.id());
  update.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud()->set_access_token("T2");
  update.mutable_update_mask()->add_paths("driver.whatsapp_cloud.access_token");
  REQUIRE(pool.sims.Call(&v1::SimService::Stub::UpdateSim, pool.caller, update).ok());
  v1::ResumeSimRequest resume;
  resume.set_id(pool.sim.id());
  REQUIRE(pool.sims.Call(&v1::SimService::Stub::ResumeSim, pool.caller, resume).ok());
  WaitFor([&] { return pool.Counts("d1").accepted() == 1; }, "the message");
  CHECK(pool.meta.tokens().back() == "Bearer T2");
}

TEST_CASE("When another process takes the SIM over, this one sends nothing more of it",
          "[provider]") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  ProviderPool pool(std::move(options));
  pool.AwaitLimiter(clock);
  std::mutex mutex;
  std::vector<http::Responder> held;
  pool.meta.Set([&](const std::string&, int, http::Responder responder) {
    std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
  });
  const auto waiting = [&] {
    std::lock_guard lock(mutex);
    return held.size();
  };
  // More than may be in flight: the connections are busy, the rest is opened or queued.
  REQUIRE(pool.Submit(pool.To("d1", 1000, 900)).ok());
  WaitFor([&] { return waiting() > 0; }, "requests");
  WaitFor([&] { return pool.Counts("d1").attempting() > 400; }, "windows");
  pool.Execute("UPDATE sims.leases SET epoch = epoch + 1, expire_time = now() + interval '1 day'");
  pool.meta.Set(nullptr);
  {
    std::lock_guard lock(mutex);
    for (const auto& responder : held) TestMeta::Take(responder);
  }
  // The old session notices it with the first result; what had left stays in doubt for the other.
  WaitFor([&] { return pool.Count("SELECT count(*) FROM sims.leases WHERE epoch = 2") == 1; },
          "the other's lease");
  pool.Execute("UPDATE sims.leases SET expire_time = 'epoch'");
  WaitFor(
      [&] {
        const auto now = pool.Counts("d1");
        return now.uncertain() + now.accepted() == 900;
      },
      "the next session");
  const auto counts = pool.Counts("d1");
  // Each was sent at most once, and those that the old one could not report are uncertain.
  CHECK(counts.uncertain() > 0);
  CHECK(counts.accepted() > 0);
  for (const auto& [to, times] : pool.meta.attempts()) CHECK(times == 1);
}

TEST_CASE("A change of the driver ends its session without doubt", "[provider]") {
  ProviderPool pool;
  std::mutex mutex;
  std::vector<http::Responder> held;
  pool.meta.Set([&](const std::string&, int, http::Responder responder) {
    std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
  });
  REQUIRE(pool.Submit(pool.To("d1", 1, 10)).ok());
  WaitFor(
      [&] {
        std::lock_guard lock(mutex);
        return held.size() == 10;
      },
      "requests");
  pool.meta.Set(nullptr);
  v1::UpdateSimRequest update;
  update.mutable_sim()->set_id(pool.sim.id());
  update.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud()->set_access_token("T2");
  update.mutable_update_mask()->add_paths("driver.whatsapp_cloud.access_token");
  REQUIRE(pool.sims.Call(&v1::SimService::Stub::UpdateSim, pool.caller, update).ok());
  REQUIRE(pool.Submit(pool.To("d2", 100, 1)).ok());
  {
    std::lock_guard lock(mutex);
    for (const auto& responder : held) TestMeta::Take(responder);
  }
  WaitFor([&] { return pool.Counts("d1").accepted() == 10; }, "results");
  WaitFor([&] { return pool.Counts("d2").accepted() == 1; }, "the new session");
  CHECK(pool.Counts("d1").uncertain() == 0);
}

TEST_CASE("A file goes to the provider once, whoever gets it", "[provider]") {
  ProviderPool pool({}, {media::Install, Install});
  Client<messageorganizer::media::v1::MediaService> files(pool.env.app());
  messageorganizer::media::v1::UploadMediaRequest upload;
  upload.set_data("%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n");
  upload.set_filename("a.pdf");
  auto file = files.Call(&messageorganizer::media::v1::MediaService::Stub::UploadMedia, pool.caller,
                         upload);
  REQUIRE(file.ok());
  v1::SubmitRequest request = pool.To("d1", 1, 50);
  auto* content = request.mutable_dispatches(0)->mutable_content()->mutable_media();
  content->set_kind(common::MEDIA_KIND_DOCUMENT);
  content->set_media_id(file->id());
  content->set_caption("For {{name}}");
  REQUIRE(pool.Submit(request).ok());
  WaitFor([&] { return pool.Counts("d1").accepted() == 50; }, "the files");
  CHECK(pool.meta.uploads() == 1);
  CHECK(pool.meta.bodies()[0].find(R"("document":{"id":"900","caption":"For N)") !=
        std::string::npos);
  // A file that is not there.
  request = pool.To("d2", 100, 2);
  content = request.mutable_dispatches(0)->mutable_content()->mutable_media();
  content->set_kind(common::MEDIA_KIND_IMAGE);
  content->set_media_id(FormatId("med", 999));
  REQUIRE(pool.Submit(request).ok());
  WaitFor([&] { return pool.Counts("d2").failed() == 2; }, "the refusal");
}

TEST_CASE("A SIM is online while its lease is held, and offline when its driver is gone",
          "[provider]") {
  ProviderPool pool;
  WaitFor([&] { return pool.Online(); }, "the lease");
  pool.Execute("DELETE FROM sims.drivers");
  WaitFor([&] { return !pool.Online(); }, "its end");
}

}  // namespace
}  // namespace mo::sims

#include "services/statistics/reports.h"

#include <google/protobuf/descriptor.h>

#include "services/statistics/test_numbers.h"

namespace mo::statistics {
namespace {

void Occupy(Numbers& f, const std::string& sim, common::Network network, int64_t change) {
  sims::OccupancyChanged occupied;
  occupied.set_sim_id(sim);
  occupied.set_network(network);
  occupied.set_occupancy_change(change);
  occupied.set_capacity_change(100);
  f.Append("sims", 1, occupied);
}

sims::DeliveriesCounted Counted(const std::string& sim, int64_t audience, int64_t delivered,
                                int64_t seconds) {
  sims::DeliveriesCounted counted;
  sims::DeliveryTally& tally = *counted.add_tallies();
  tally.set_sim_id(sim);
  tally.set_broadcast_id(kBroadcast);
  tally.set_message_class(common::MESSAGE_CLASS_MARKETING);
  tally.mutable_change()->set_audience(audience);
  tally.mutable_change()->set_delivered(delivered);
  tally.mutable_change()->set_failed(audience - delivered);
  auto& reason = *tally.mutable_change()->add_reasons();
  reason.set_state(common::DELIVERY_STATE_FAILED);
  reason.set_reason(common::DELIVERY_REASON_BLOCKED);
  reason.set_count(audience - delivered);
  auto& age = *tally.add_delivered();
  age.set_seconds(seconds);
  age.set_count(delivered);
  return counted;
}

TEST_CASE("Deliveries by SIM, network, broadcast, channel and reason") {
  Numbers f;
  Occupy(f, kSim, common::NETWORK_WHATSAPP, 1);
  Occupy(f, kOther, common::NETWORK_SMS, 1);
  channels::BroadcastChanged changed;
  changed.set_broadcast_id(kBroadcast);
  // What a draft was once meant for is no channel of the broadcast.
  changed.add_channel_ids(FormatId("chn", 9));
  changed.set_state(channels::BROADCAST_STATE_DRAFT);
  f.Append("channels", 1, changed);
  changed.set_state(channels::BROADCAST_STATE_SENDING);
  changed.set_channel_ids(0, kChannel);
  f.Append("channels", 1, changed);
  f.Append("sims", 1, Counted(kSim, 10, 8, 3));
  f.Append("sims", 1, Counted(kOther, 5, 5, 20));
  auto ask = [&](v1::GroupBy group_by) {
    v1::GetDeliveriesRequest request;
    request.set_group_by(group_by);
    return f.Ask(&Stub::GetDeliveries, request);
  };
  auto groups = [&](v1::GroupBy group_by) {
    std::map<std::string, std::pair<int64_t, int64_t>> found;
    const auto response = ask(group_by);
    for (const auto& line : response.intervals())
      found[line.group()] = {line.delivered(), line.failed()};
    return found;
  };
  using Groups = std::map<std::string, std::pair<int64_t, int64_t>>;
  // The last one: what a broadcast's channels are is told by another service.
  WaitFor(
      [&] {
        return groups(v1::GROUP_BY_CHANNEL) == Groups{{kChannel, {13, 2}}};
      },
      "all is counted");
  WaitFor([&] { return groups(v1::GROUP_BY_NETWORK).size() == 2; }, "the networks are known");
  CHECK(groups(v1::GROUP_BY_UNSPECIFIED) == Groups{{"", {13, 2}}});
  CHECK(groups(v1::GROUP_BY_SIM) == Groups{{kSim, {8, 2}}, {kOther, {5, 0}}});
  CHECK(groups(v1::GROUP_BY_NETWORK) == Groups{{"WHATSAPP", {8, 2}}, {"SMS", {5, 0}}});
  CHECK(groups(v1::GROUP_BY_BROADCAST) == Groups{{kBroadcast, {13, 2}}});
  CHECK(groups(v1::GROUP_BY_CHANNEL) == Groups{{kChannel, {13, 2}}});
  CHECK(groups(v1::GROUP_BY_SOURCE) == Groups{{"BLOCKED", {0, 2}}});
  const auto total = ask(v1::GROUP_BY_UNSPECIFIED).total();
  CHECK(total.delivery_seconds() == Approx((8 * 3 + 5 * 20) / 13.0));
  CHECK(total.delivery_seconds_p50() == 3);
  CHECK(total.delivery_seconds_p95() == 22);

  // A second channel has the same broadcast, which was sent once.
  changed.set_channel_ids(0, FormatId("chn", 8));
  f.Append("channels", 1, changed);
  WaitFor([&] { return groups(v1::GROUP_BY_CHANNEL).size() == 2; }, "both channels are known");
  CHECK(groups(v1::GROUP_BY_CHANNEL) == Groups{{kChannel, {13, 2}}, {FormatId("chn", 8), {13, 2}}});
  CHECK(ask(v1::GROUP_BY_CHANNEL).total().submitted() == 15);

  v1::GetDeliveriesRequest only;
  only.set_network(common::NETWORK_SMS);
  CHECK(f.Ask(&Stub::GetDeliveries, only).total().submitted() == 5);
  only.clear_network();
  only.set_channel_id(kChannel);
  CHECK(f.Ask(&Stub::GetDeliveries, only).total().submitted() == 15);
  only.set_channel_id(FormatId("chn", 9));
  CHECK(f.Ask(&Stub::GetDeliveries, only).total().submitted() == 0);

  v1::GetUsageRequest usage;
  const auto months = f.Ask(&Stub::GetUsage, usage);
  REQUIRE(months.months_size() == 1);
  REQUIRE(months.months(0).messages_size() == 2);
  CHECK(months.months(0).messages(0).network() == common::NETWORK_WHATSAPP);
  CHECK(months.months(0).messages(0).message_class() == common::MESSAGE_CLASS_MARKETING);
  CHECK(months.months(0).messages(0).messages() == 8);
}

TEST_CASE("Levels are what was there at the end of each interval, from before too") {
  Numbers f;  // 2026-01-15 12:00
  Occupy(f, kSim, common::NETWORK_WHATSAPP, 40);
  f.WaitForMarks(2);
  f.clock.Advance(absl::Hours(24 * 10));
  Occupy(f, kSim, common::NETWORK_WHATSAPP, -15);
  auto ask = [&](const char* from, const char* to, v1::Step step) {
    v1::GetOccupancyRequest request;
    *request.mutable_from() = ToProto(Utc(from));
    *request.mutable_to() = ToProto(Utc(to));
    request.set_step(step);
    std::vector<int64_t> levels;
    const auto response = f.Ask(&Stub::GetOccupancy, request);
    for (const auto& line : response.intervals()) levels.push_back(line.occupancy());
    return levels;
  };
  using Levels = std::vector<int64_t>;
  WaitFor(
      [&] {
        return ask("2026-01-23 00:00:00", "2026-01-27 00:00:00", v1::STEP_DAY) ==
               Levels{40, 40, 25, 25};
      },
      "both are counted");
  CHECK(ask("2026-01-13 00:00:00", "2026-01-17 00:00:00", v1::STEP_DAY) == Levels{40, 40});
  CHECK(ask("2026-01-25 10:00:00", "2026-01-25 14:00:00", v1::STEP_HOUR) == Levels{40, 40, 25, 25});
  CHECK(ask("2026-01-25 12:00:00", "2026-01-25 12:02:00", v1::STEP_MINUTE) == Levels{25, 25});
  CHECK(ask("2026-01-01 00:00:00", "2026-02-01 00:00:00", v1::STEP_MONTH) == Levels{25});
  // Two days later the minutes of that day are being forgotten, but not what they came to.
  f.clock.Advance(absl::Hours(47));
  const auto database = f.OpenDatabase();
  REQUIRE(database
              ->AsSystem([&](storage::Transaction& tx) {
                return DeleteOldRollups(tx, f.clock.Now() + absl::Minutes(25 * 60 + 30)).status();
              })
              .ok());
  CHECK(ask("2026-01-25 12:46:00", "2026-01-25 12:48:00", v1::STEP_MINUTE) == Levels{25, 25});
}

TEST_CASE("Months count who was active when they began, and who became so") {
  Numbers f;
  contacts::ContactActivated activated;
  contacts::ContactStopped stopped;
  stopped.set_previous_state(contacts::CONTACT_STATE_ACTIVE);
  f.Append("contacts", 1, activated, 5);  // in January
  f.Append("contacts", 1, stopped, 2);
  f.clock.Advance(absl::Hours(24 * 20));  // February
  f.Append("contacts", 1, activated, 4);
  // Stopped in February and back: the same person.
  f.Append("contacts", 1, stopped);
  activated.set_outcome(contacts::INBOUND_OUTCOME_REACTIVATED);
  *activated.mutable_inactive_since() = ToProto(f.clock.Now());
  f.Append("contacts", 1, activated);
  v1::GetUsageRequest request;
  *request.mutable_from() = ToProto(Utc("2026-01-01 00:00:00"));
  WaitFor(
      [&] {
        const auto usage = f.Ask(&Stub::GetUsage, request);
        return usage.months_size() == 2 && usage.months(0).active_contacts() == 5 &&
               usage.months(1).active_contacts() == 3 + 4;
      },
      "both months are counted");
  v1::DownloadStatisticsRequest csv;
  csv.set_report("usage");
  *csv.mutable_from() = request.from();
  CHECK(f.Ask(&Stub::DownloadStatistics, csv).data() ==
        "month,active_contacts,received,network,message_class,messages,cost,currency\r\n"
        "2026-01,5,0,,,0,,\r\n2026-02,7,0,,,0,,\r\n");
}

TEST_CASE(
    "Days of 23 and 25 hours have that many hours' messages; the period before is like them") {
  Numbers f;
  f.clock.Advance(Utc("2026-03-27 23:00:00") - f.clock.Now());
  for (int hour = 0; hour < 3 * 24 - 1; ++hour) {
    f.Append("inbox", 1, inbox::MessageReceived());
    f.clock.Advance(absl::Hours(1));
  }
  v1::GetTrafficRequest request;
  request.set_time_zone("Europe/Vienna");
  *request.mutable_from() = ToProto(Utc("2026-03-28 23:00:00"));
  *request.mutable_to() = ToProto(Utc("2026-03-30 22:00:00"));
  request.set_compare(true);
  auto days = [&] {
    std::vector<int64_t> found;
    const auto response = f.Ask(&Stub::GetTraffic, request);
    for (const auto& line : response.intervals()) found.push_back(line.received());
    return found;
  };
  WaitFor([&] { return days() == std::vector<int64_t>{23, 24}; }, "all is counted");
  const auto compared = f.Ask(&Stub::GetTraffic, request);
  REQUIRE(compared.previous_intervals_size() == 1);  // nothing on the 27th
  CHECK(compared.previous_intervals(0).received() == 24);
  CHECK(compared.previous_total().received() == 24);
  CHECK(compared.total().received() == 47);
}

TEST_CASE("What messages cost is what they cost on their day") {
  Numbers f;  // 2026-01-15
  Occupy(f, kSim, common::NETWORK_WHATSAPP, 1);
  v1::UpdateMessagePricesRequest update;
  auto& price = *update.mutable_message_prices()->add_prices();
  price.set_network(common::NETWORK_WHATSAPP);
  price.set_message_class(common::MESSAGE_CLASS_MARKETING);
  price.set_micros(110000);
  auto refused = [&] {
    const auto answer = Client<v1::StatisticsService>(f.env.app())
                            .Call(&Stub::UpdateMessagePrices, f.env.caller(), update);
    const auto problems = FieldProblemsOf(answer.status());
    return problems.empty() ? "" : problems[0].field + " " + problems[0].reason;
  };
  CHECK(refused() == "message_prices.currency REQUIRED");
  update.mutable_message_prices()->set_currency("EUR");
  *update.mutable_message_prices()->add_prices() = v1::MessagePrice(price);
  CHECK(refused() == "message_prices.prices[1] DUPLICATE");
  update.mutable_message_prices()->mutable_prices()->RemoveLast();
  f.Append("sims", 1, Counted(kSim, 10, 10, 1));
  f.Ask(&Stub::UpdateMessagePrices, update);
  f.clock.Advance(absl::Hours(24 * 5));
  f.Append("sims", 1, Counted(kSim, 10, 10, 1));
  update.mutable_message_prices()->mutable_prices(0)->set_micros(50000);
  f.Ask(&Stub::UpdateMessagePrices, update);
  f.clock.Advance(absl::Hours(24));
  f.Append("sims", 1, Counted(kSim, 4, 4, 1));
  auto usage = [&] { return f.Ask(&Stub::GetUsage, v1::GetUsageRequest()).months(0); };
  WaitFor([&] { return usage().messages_size() == 1 && usage().messages(0).messages() == 24; },
          "all is counted");
  WaitFor([&] { return usage().messages(0).network() == common::NETWORK_WHATSAPP; },
          "the network is known");
  const v1::UsageMonth month = usage();
  REQUIRE(month.messages(0).costs_size() == 1);
  CHECK(month.messages(0).costs(0).currency() == "EUR");
  CHECK(month.messages(0).costs(0).micros() == 10 * 110000 + 14 * 50000);
  CHECK(f.Ask(&Stub::GetMessagePrices, v1::GetMessagePricesRequest()).prices(0).micros() == 50000);
  CHECK(f.Ask(&Stub::GetMessagePrices, v1::GetMessagePricesRequest(), 2).prices().empty());
}

TEST_CASE("Fine intervals are forgotten with time, days are not") {
  Numbers f;
  f.Append("inbox", 1, inbox::MessageReceived(), 3);
  f.WaitForMarks(2);
  WaitFor([&] { return f.Received(1) == 3; }, "they are counted");
  const auto database = f.OpenDatabase();
  auto kept = [&](absl::Duration later) {
    const absl::Status deleted = database->AsSystem([&](storage::Transaction& tx) {
      return DeleteOldRollups(tx, f.clock.Now() + later).status();
    });
    REQUIRE(deleted.ok());
    return f.Count("SELECT count(DISTINCT resolution) FROM statistics.rollups");
  };
  CHECK(kept(absl::Hours(71)) == 5);
  CHECK(kept(absl::Hours(73)) == 4);
  CHECK(kept(402 * absl::Hours(24)) == 3);
  CHECK(kept(1102 * absl::Hours(24)) == 2);
}

TEST_CASE("Clicks, and what share of those who got the message they are") {
  Numbers f;
  f.Append("sims", 1, Counted(kSim, 10, 8, 3));
  links::LinkClicked clicked;
  clicked.set_link_id(kLink);
  clicked.mutable_assignment()->set_broadcast_id(kBroadcast);
  *clicked.mutable_hour() = ToProto(Utc("2026-01-15 12:00:00"));
  clicked.mutable_counts()->set_clicks(6);
  clicked.mutable_counts()->set_bot_clicks(2);
  clicked.mutable_counts()->set_unique_clicks(4);
  f.Append("links", 1, clicked);
  v1::GetClicksRequest request;
  request.set_group_by(v1::GROUP_BY_BROADCAST);
  WaitFor(
      [&] {
        const auto total = f.Ask(&Stub::GetClicks, request).total();
        return total.clicks() == 6 && total.delivered() == 8;
      },
      "both are counted");
  const auto response = f.Ask(&Stub::GetClicks, request);
  REQUIRE(response.intervals_size() == 1);
  CHECK(response.intervals(0).group() == kBroadcast);
  CHECK(response.intervals(0).click_rate() == 0.5);
  CHECK(response.intervals(0).bot_share() == 0.25);
  v1::DownloadStatisticsRequest csv;
  csv.set_report("clicks");
  csv.set_group_by(v1::GROUP_BY_LINK);
  CHECK(f.Ask(&Stub::DownloadStatistics, csv).data() ==
        "start_time,group,clicks,bot_clicks,unique_clicks,delivered,click_rate,bot_share\r\n"
        "2026-01-15T00:00:00Z," +
            kLink + ",6,2,4,0,0,0.25\r\n");
  // In the zone's time, with what was before.
  csv.set_time_zone("Europe/Vienna");
  csv.set_step(v1::STEP_HOUR);
  csv.set_compare(true);
  *csv.mutable_from() = ToProto(Utc("2026-01-15 13:00:00"));
  *csv.mutable_to() = ToProto(Utc("2026-01-15 15:00:00"));
  CHECK(absl::EndsWith(f.Ask(&Stub::DownloadStatistics, csv).data(),
                       "bot_share\r\n2026-01-15T13:00:00+01:00," + kLink + ",6,2,4,0,0,0.25\r\n"));
  // Clicks of no broadcast are none of broadcasts'.
  clicked.clear_assignment();
  f.Append("links", 1, clicked);
  request.set_group_by(v1::GROUP_BY_LINK);
  WaitFor([&] { return f.Ask(&Stub::GetClicks, request).total().clicks() == 12; }, "they count");
  request.set_group_by(v1::GROUP_BY_BROADCAST);
  CHECK(f.Ask(&Stub::GetClicks, request).total().clicks() == 6);
  // Those of a broadcast to several channels are each one's.
  channels::BroadcastChanged changed;
  changed.set_broadcast_id(kBroadcast);
  changed.set_state(channels::BROADCAST_STATE_SENDING);
  changed.add_channel_ids(kChannel);
  changed.add_channel_ids(FormatId("chn", 8));
  f.Append("channels", 1, changed);
  request.set_group_by(v1::GROUP_BY_CHANNEL);
  std::map<std::string, int64_t> clicks;
  WaitFor(
      [&] {
        const auto by_channel = f.Ask(&Stub::GetClicks, request);
        clicks.clear();
        for (const auto& line : by_channel.intervals()) clicks[line.group()] = line.clicks();
        return clicks.size() == 3;
      },
      "the channels are known");
  CHECK(clicks == std::map<std::string, int64_t>{{"", 6}, {kChannel, 6}, {FormatId("chn", 8), 6}});
}

TEST_CASE("What a statistic is not kept apart by is refused") {
  Numbers f;
  auto problems = [&](const v1::DownloadStatisticsRequest& request) {
    std::vector<std::string> found;
    const auto refused = Client<v1::StatisticsService>(f.env.app())
                             .Call(&Stub::DownloadStatistics, f.env.caller(), request);
    for (const FieldProblem& problem : FieldProblemsOf(refused.status()))
      found.push_back(problem.field + " " + problem.reason);
    return found;
  };
  v1::DownloadStatisticsRequest request;
  request.set_report("answers");
  request.set_group_by(v1::GROUP_BY_LINK);
  request.set_broadcast_id(kBroadcast);
  CHECK(problems(request) ==
        std::vector<std::string>{"group_by NOT_AVAILABLE", "broadcast_id NOT_AVAILABLE"});
  request.Clear();
  request.set_report("nothing");
  CHECK(problems(request) == std::vector<std::string>{"report UNKNOWN_VALUE"});
  request.set_report("answers");
  request.set_time_zone("Mars/Phobos");
  CHECK(problems(request).size() == 1);
}

// A field that no metric fills, or a metric's field that does not exist, would go unnoticed.
TEST_CASE("Every field of every statistic is made of something") {
  for (const auto* message :
       {v1::SubscriberInterval::descriptor(), v1::TrafficInterval::descriptor(),
        v1::SignupInterval::descriptor(), v1::DeliveryInterval::descriptor(),
        v1::OccupancyInterval::descriptor(), v1::ChannelInterval::descriptor(),
        v1::ClickInterval::descriptor(), v1::AnswerInterval::descriptor()}) {
    const Report* report = nullptr;
    for (const char* name : {"subscribers", "traffic", "signups", "deliveries", "occupancy",
                             "channels", "clicks", "answers"}) {
      const Report* candidate = FindReport(name);
      REQUIRE(candidate != nullptr);
      size_t known = 0;
      for (const Field& field : candidate->fields)
        if (message->FindFieldByName(field.name) != nullptr) ++known;
      if (known == candidate->fields.size() && (report == nullptr || known > report->fields.size()))
        report = candidate;
    }
    INFO(message->name());
    REQUIRE(report != nullptr);
    for (int i = 0; i < message->field_count(); ++i) {
      const std::string name = message->field(i)->name();
      if (name == "start_time" || name == "group") continue;
      INFO(name);
      CHECK(std::any_of(report->fields.begin(), report->fields.end(),
                        [&](const Field& field) { return field.name == name; }));
    }
  }
}

}  // namespace
}  // namespace mo::statistics

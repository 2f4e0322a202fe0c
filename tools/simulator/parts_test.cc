// The parts without a network: outbox, key memories, templates, memory per phone.
#include <malloc.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tools/simulator/keys.h"
#include "tools/simulator/outbox.h"
#include "tools/simulator/phones.h"

namespace mo::simulator {
namespace {

sims::AgentFrame Next(Outbox& outbox) {
  sims::AgentFrame frame;
  outbox.Fill(&frame);
  return frame;
}

TEST_CASE("outbox: frames of at most 1,000 items, numbered, kept until acked") {
  Outbox outbox;
  for (int i = 0; i < 2500; ++i) outbox.Add(OutItem::Result(i, sims::SEND_OUTCOME_ACCEPTED));
  CHECK(Next(outbox).items_size() == 1000);
  const sims::AgentFrame second = Next(outbox);
  CHECK(second.seq() == 2);
  CHECK(second.items(0).result().client_message_id() == 1000);
  CHECK(Next(outbox).items_size() == 500);
  CHECK_FALSE(outbox.CanSend());
  CHECK(Next(outbox).items_size() == 0);  // a heartbeat has a number too
  CHECK(outbox.Ack(1));
  CHECK(outbox.unacked_items() == 1500);
  CHECK_FALSE(outbox.Ack(5));
  CHECK(outbox.Rewind() == 1500);
  const sims::AgentFrame again = Next(outbox);
  CHECK(again.seq() == 1);
  CHECK(again.items(0).result().client_message_id() == 1000);
  CHECK(again.items(999).result().client_message_id() == 1999);
}

TEST_CASE("outbox: a full window holds items back, an ack lets them go") {
  Outbox outbox(2);
  for (int frame = 0; frame < 3; ++frame) {
    outbox.Add(OutItem::Receipt(frame, sims::RECEIPT_STATE_SENT, 1));
    CHECK(outbox.CanSend() == (frame < 2));
    Next(outbox);
  }
  CHECK(outbox.queued() == 1);
  CHECK(outbox.Ack(1));
  CHECK(outbox.CanSend());
}

TEST_CASE("outbox: frames stay below a mebibyte; a stream's own items are not said again") {
  Outbox outbox;
  sims::AgentItem item;
  item.mutable_inbound()->mutable_content()->mutable_text()->set_body(std::string(4000, 'x'));
  for (int i = 0; i < 600; ++i) outbox.Add(OutItem::Message(item));
  outbox.Add(OutItem::Message(item, OutItem::Kind::kTransient));
  int items = 0;
  while (outbox.CanSend()) {
    const sims::AgentFrame frame = Next(outbox);
    CHECK(frame.ByteSizeLong() < 1 << 20);
    items += frame.items_size();
  }
  CHECK(items == 601);
  CHECK(outbox.Rewind() == 600);
}

TEST_CASE("answered keys: the last generation is remembered, old ones are forgotten") {
  AnsweredKeys keys(100);
  for (int64_t key = 0; key < 1000; ++key) keys.Remember(key, sims::SEND_OUTCOME_BLOCKED);
  for (int64_t key = 900; key < 1000; ++key) CHECK(keys.Find(key) == sims::SEND_OUTCOME_BLOCKED);
  CHECK_FALSE(keys.Find(700));
}

TEST_CASE("templates: parameters put in, unknown places left, nothing replaced twice") {
  google::protobuf::RepeatedPtrField<std::string> parameters;
  *parameters.Add() = "{{1}}";
  *parameters.Add() = "B";
  CHECK(RenderTemplate("{{0}} {{1}} {{2}} {{x}} {{", parameters) == "{{1}} B {{2}} {{x}} {{");
  CHECK(RenderTemplate("", parameters).empty());
}

TEST_CASE("a phone costs less than 300 bytes, with its index entry and one message's key") {
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  PhoneBook book(1);
  std::vector<PhoneSpec> specs(1, PhoneSpec{common::NETWORK_WHATSAPP, "", "", ""});
  Settings settings;
  settings.keep_messages = 0;
  constexpr int kPhones = 100000;
  for (int i = 0; i < kPhones; ++i) {
    specs[0].address = "49170" + std::to_string(1000000 + i);
    book.Create(specs);
  }
  for (int i = 0; i < kPhones; ++i) {
    auto phone = book.Find(common::NETWORK_WHATSAPP, "49170" + std::to_string(1000000 + i));
    Arriving arriving;
    arriving.key = arriving.once = i;
    book.Arrive(**phone, arriving, settings);
  }
  const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  WARN("bytes per phone: " << (after - before) / kPhones);
  CHECK((after - before) / kPhones < 300);
  CHECK(book.Totals().distinct == kPhones);
}

}  // namespace
}  // namespace mo::simulator

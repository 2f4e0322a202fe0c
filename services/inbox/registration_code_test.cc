#include "services/inbox/registration_code.h"

#include <catch2/catch.hpp>

#include "libs/runtime/ids.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "services/inbox/test_desk.h"

namespace mo::inbox {
namespace {

TEST_CASE("A registration's id is found wherever it stands in a text") {
  const std::string id = FormatId("reg", 0x0123456789abcdef), other = FormatId("reg", 2);
  struct Case {
    std::string words, found;
  };
  const Case cases[] = {
      {"", ""},
      {"Hello", ""},
      {id, id},
      {"/start " + id, id},
      {"Hello! My code: " + id + ".", id},
      {"Grüße 😀" + id + "😀", id},
      {id + " " + other, id},
      {"reg_ reg_reg_" + id, id},
      {"reg_" + id.substr(5), ""},               // a digit short
      {id.substr(0, 16) + "l " + other, other},  // l, i, o and u are no digits
      {id.substr(0, 16), ""},                    // cut off at the end
      {"reg_0000000000000", ""},                 // no id is 0
      {"REG_" + id.substr(4), ""},
      {FormatId("con", 2), ""},
      {"/start something-else", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.words);
    CHECK(RegistrationIn(c.words) == c.found);
  }
}

TEST_CASE("A WhatsApp text with the code of a registration activates its contact") {
  TestDesk desk;
  contacts_v1::RegisterRequest request;
  request.set_network(common_v1::NETWORK_WHATSAPP);
  auto registration =
      desk.contacts.Call(&contacts_v1::ContactService::Stub::Register, desk.env.caller(), request);
  REQUIRE(registration.ok());
  CHECK(desk.Write("+436641", "Please register me: " + registration->id()) ==
        registration->contact_id());
  CHECK(desk.Write("+436642", "Hello") != registration->contact_id());
}

}  // namespace
}  // namespace mo::inbox

// A bot as the tests of its driver have it.
#pragma once

#include "absl/strings/str_cat.h"
#include "services/sims/drivers/telegram.h"
#include "services/sims/drivers/test_text.h"

namespace mo::sims {

inline constexpr char kTelegramToken[] = "77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr";

inline DriverSettings TelegramSettings() {
  DriverSettings settings;
  settings.driver = "telegram";
  settings.address = "our_bot";
  settings.base_url = "https://tg.test";
  settings.callback_url = "https://mo.test/callbacks/telegram/sim_1";
  settings.access_token = kTelegramToken;
  settings.verify_token = "s3cret-token";
  return settings;
}

// A request as rows write it: method and JSON.
inline std::string TelegramCalled(absl::string_view method, absl::string_view json) {
  return absl::StrCat("POST https://tg.test/bot", kTelegramToken, "/", method,
                      "\nContent-Type: application/json\n", json);
}

}  // namespace mo::sims

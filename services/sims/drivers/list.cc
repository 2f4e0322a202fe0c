#include "services/sims/drivers/list.h"

#include "libs/runtime/errors.h"
#include "services/sims/drivers/driver.h"
#include "services/sims/drivers/messenger.h"
#include "services/sims/drivers/sms_kannel.h"
#include "services/sims/drivers/telegram.h"
#include "services/sims/drivers/whatsapp_cloud.h"

namespace mo::sims {
namespace {

template <class T>
std::unique_ptr<Driver> Make(DriverSettings settings) {
  return std::make_unique<T>(std::move(settings));
}

}  // namespace

const std::vector<DriverEntry>& Drivers() {
  static const std::vector<DriverEntry> drivers = {
      {"whatsapp_cloud", common::NETWORK_WHATSAPP, Make<WhatsAppCloud>},
      {"telegram", common::NETWORK_TELEGRAM, Make<Telegram>},
      {"messenger", common::NETWORK_MESSENGER, Make<Messenger>},
      {"sms_kannel", common::NETWORK_SMS, Make<SmsKannel>},
  };
  return drivers;
}

absl::StatusOr<std::unique_ptr<Driver>> MakeDriver(DriverSettings settings) {
  for (const DriverEntry& entry : Drivers()) {
    if (entry.name == settings.driver) return entry.make(std::move(settings));
  }
  return InvalidField("driver", "UNKNOWN_DRIVER", "there is no such driver");
}

}  // namespace mo::sims

#include "services/sims/driver_settings.h"

#include <google/protobuf/descriptor.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/runtime/secret_fields.h"
#include "services/sims/provider_hosts.h"

namespace mo::sims {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
namespace common = messageorganizer::common::v1;

const FieldDescriptor* KindOf(const v1::Driver& driver) {
  return driver.GetReflection()->GetOneofFieldDescriptor(
      driver, v1::Driver::descriptor()->FindOneofByName("settings"));
}

// What every driver is: its network, and the settings that it cannot work without.
struct Kind {
  common::Network network;
  std::vector<const char*> required;
};
const Kind& Rules(v1::Driver::SettingsCase kind) {
  static const auto& kinds = *new std::map<v1::Driver::SettingsCase, Kind>{
      {v1::Driver::kWhatsappCloud,
       {common::NETWORK_WHATSAPP,
        {"phone_number_id", "access_token", "app_secret", "verify_token"}}},
      {v1::Driver::kTelegram, {common::NETWORK_TELEGRAM, {"bot_token"}}},
      {v1::Driver::kMessenger,
       {common::NETWORK_MESSENGER, {"page_id", "page_token", "app_secret", "verify_token"}}},
      {v1::Driver::kSmsKannel,
       {common::NETWORK_SMS, {"base_url", "username", "password", "callback_token"}}},
  };
  return kinds.at(kind);
}

std::string TextOf(const Message& message, absl::string_view field) {
  const auto* found = message.GetDescriptor()->FindFieldByName(std::string(field));
  return message.GetReflection()->GetString(message, found);
}

// Credentials that `to` lacks and `from` has.
void KeepSecrets(const Message& from, Message& to) {
  std::unique_ptr<Message> old(from.New());
  old->CopyFrom(from);
  VisitSecrets(*old, [&](Message& inner, const FieldDescriptor& field) {
    if (TextOf(to, field.name()).empty()) {
      to.GetReflection()->SetString(&to, &field, inner.GetReflection()->GetString(inner, &field));
    }
  });
}

// Replaces one setting, "whatsapp_cloud.access_token".
void CopySetting(const v1::Driver& from, absl::string_view path, v1::Driver& to) {
  const std::pair<std::string, std::string> names = absl::StrSplit(path, '.');
  const FieldDescriptor* kind = v1::Driver::descriptor()->FindFieldByName(names.first);
  const FieldDescriptor* field = kind->message_type()->FindFieldByName(names.second);
  const Message& source = from.GetReflection()->GetMessage(from, kind);
  Message& target = *to.GetReflection()->MutableMessage(&to, kind);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    target.GetReflection()->SetBool(&target, field, source.GetReflection()->GetBool(source, field));
  } else {
    target.GetReflection()->SetString(&target, field,
                                      source.GetReflection()->GetString(source, field));
  }
}

}  // namespace

std::string DriverNameOf(const v1::Driver& driver) {
  const FieldDescriptor* kind = KindOf(driver);
  return kind == nullptr ? "" : kind->name();
}

DriverSettings ToSettings(const v1::Driver& driver, const std::string& address) {
  DriverSettings settings;
  settings.driver = DriverNameOf(driver);
  settings.address = address;
  settings.callback_url = driver.callback_url();
  const auto set_base = [&](const auto& given) {
    settings.base_url = std::string(absl::StripSuffix(given.base_url(), "/"));
  };
  if (driver.has_whatsapp_cloud()) {
    const v1::WhatsAppCloudSettings& whatsapp = driver.whatsapp_cloud();
    set_base(whatsapp);
    settings.api_version = whatsapp.api_version();
    settings.sender_id = whatsapp.phone_number_id();
    settings.business_id = whatsapp.business_account_id();
    settings.access_token = whatsapp.access_token();
    settings.app_secret = whatsapp.app_secret();
    settings.verify_token = whatsapp.verify_token();
  } else if (driver.has_telegram()) {
    const v1::TelegramSettings& telegram = driver.telegram();
    set_base(telegram);
    settings.access_token = telegram.bot_token();
    settings.verify_token = telegram.secret_token();
    if (telegram.polling()) settings.options["polling"] = "true";
  } else if (driver.has_messenger()) {
    const v1::MessengerSettings& messenger = driver.messenger();
    set_base(messenger);
    settings.api_version = messenger.api_version();
    settings.sender_id = messenger.page_id();
    settings.access_token = messenger.page_token();
    settings.app_secret = messenger.app_secret();
    settings.verify_token = messenger.verify_token();
  } else if (driver.has_sms_kannel()) {
    const v1::SmsKannelSettings& kannel = driver.sms_kannel();
    set_base(kannel);
    settings.username = kannel.username();
    settings.access_token = kannel.password();
    settings.verify_token = kannel.callback_token();
    if (!kannel.smsc().empty()) settings.options["smsc"] = kannel.smsc();
    if (!kannel.sender().empty()) settings.options["sender"] = kannel.sender();
    if (kannel.smart_encoding()) settings.options["smart_encoding"] = "true";
  }
  return settings;
}

void CheckDriver(const v1::Sim& sim, Problems& problems) {
  const FieldDescriptor* kind = KindOf(sim.driver());
  if (kind == nullptr) return;
  const Message& settings = sim.driver().GetReflection()->GetMessage(sim.driver(), kind);
  const Kind& rules = Rules(sim.driver().settings_case());
  const std::string path = absl::StrCat("sim.driver.", kind->name());
  if (sim.network() != rules.network) {
    problems.Add(path, "OTHER_NETWORK",
                 absl::StrCat("is a driver of ", common::Network_Name(rules.network)));
  }
  for (const char* field : rules.required) {
    if (TextOf(settings, field).empty())
      problems.Add(absl::StrCat(path, ".", field), "REQUIRED", "must not be empty");
  }
  if (sim.driver().has_telegram() && !sim.driver().telegram().polling() &&
      sim.driver().telegram().secret_token().empty()) {
    problems.Add(path + ".secret_token", "REQUIRED", "must not be empty unless polling is set");
  }
  const std::string url = TextOf(settings, "base_url");
  const std::string wrong = url.empty() ? "" : BadProviderUrl(url);
  if (!wrong.empty()) problems.Add(path + ".base_url", "URL_NOT_ALLOWED", wrong);
}

const std::vector<std::string>& DriverPaths() {
  static const auto& paths = *[] {
    auto* all = new std::vector<std::string>{"driver"};
    const auto* oneof = v1::Driver::descriptor()->FindOneofByName("settings");
    for (int i = 0; i < oneof->field_count(); ++i) {
      const auto* settings = oneof->field(i)->message_type();
      for (int f = 0; f < settings->field_count(); ++f) {
        all->push_back(
            absl::StrCat("driver.", oneof->field(i)->name(), ".", settings->field(f)->name()));
      }
    }
    return all;
  }();
  return paths;
}

void UpdateDriver(const v1::Driver& from, const std::set<std::string>& paths, bool merge,
                  v1::Sim& to) {
  if (paths.count("driver") != 0) {
    if (merge) {
      to.mutable_driver()->MergeFrom(from);
    } else {
      v1::Driver replaced = from;
      const FieldDescriptor* kind = KindOf(replaced);
      if (kind != nullptr && kind == KindOf(to.driver())) {
        KeepSecrets(to.driver().GetReflection()->GetMessage(to.driver(), kind),
                    *replaced.GetReflection()->MutableMessage(&replaced, kind));
      }
      *to.mutable_driver() = std::move(replaced);
    }
  }
  for (const std::string& path : paths) {
    absl::string_view rest = path;
    if (absl::ConsumePrefix(&rest, "driver.")) CopySetting(from, rest, *to.mutable_driver());
  }
}

}  // namespace mo::sims

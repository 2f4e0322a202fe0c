// What a driver needs to know to speak for one SIM.
#pragma once

#include <map>
#include <string>

namespace mo::sims {

// Plain values; where they are kept, and how they are kept secret, is not the drivers' business.
// What a field means to a driver, and which ones it needs, is said in the driver's header.
struct DriverSettings {
  // The driver's name, e.g. "whatsapp_cloud".
  std::string driver;
  // The SIM's address: E.164 with "+", or a bot's or page's name.
  std::string address;
  // Where the provider's API is, without a slash at the end; empty: the provider's own.
  std::string base_url;
  // Where the provider reaches the SIM's callback, ".../callbacks/<driver>/<sim>"; empty: nowhere.
  std::string callback_url;
  // The provider's version of the API, e.g. "v25.0"; empty: the driver's choice.
  std::string api_version;
  // The SIM's id at the provider (phone number id, page id), where it has one.
  std::string sender_id;
  // The id of the business that the SIM belongs to at the provider, where it has one.
  std::string business_id;
  // The name to log in with, where there is one.
  std::string username;
  // Secret: the bearer token, bot token, page token or password.
  std::string access_token;
  // Secret: signs the provider's callbacks.
  std::string app_secret;
  // Secret: what the provider must name when it introduces its callback, or with each of them.
  std::string verify_token;
  // Whatever only one driver knows, e.g. Kannel's "smsc".
  std::map<std::string, std::string> options;
};

}  // namespace mo::sims

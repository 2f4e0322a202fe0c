#include "services/sims/drivers/telegram_markup.h"

#include "services/sims/drivers/json.h"

namespace mo::sims {

namespace common = messageorganizer::common::v1;

std::string TelegramMarkup(const common::Content& content) {
  std::string markup;
  if (content.has_link_button()) {
    markup = R"({"inline_keyboard":[[{)";
    AppendMember("text", content.link_button().title(), markup);
    AppendMember("url", content.link_button().url(), markup);
    markup += "}]]}";
  } else if (!content.quick_replies().empty()) {
    // One below the other: titles are of any length.
    markup = R"({"keyboard":[)";
    for (const common::QuickReply& reply : content.quick_replies()) {
      markup += markup.back() == '[' ? "[{" : ",[{";
      AppendMember("text", reply.title(), markup);
      if (reply.kind() == common::QUICK_REPLY_KIND_LOCATION)
        markup += R"(,"request_location":true)";
      markup += "}]";
    }
    markup += R"(],"resize_keyboard":true,"one_time_keyboard":true})";
  }
  return markup;
}

}  // namespace mo::sims

#include "services/channels/channels.h"

#include <limits>
#include <set>

#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "libs/text/matcher.h"
#include "libs/text/template.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "services/channels/channel_store.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

namespace contacts_v1 = messageorganizer::contacts::v1;

constexpr int32_t kSweepBatch = 5000;
const std::vector<std::string>& Updatable() {
  static const auto& fields =
      *new std::vector<std::string>{"display_name", "keyword",    "leave_keyword", "description",
                                    "welcome_text", "leave_text", "listed"};
  return fields;
}

// All foldings of a channel's keywords, each once and sorted: two transactions that want some of
// the same lock them in the same order. KEYWORD_TAKEN when one channel wants one twice.
absl::StatusOr<std::vector<std::string>> FormsOf(const v1::Channel& channel) {
  std::set<std::string> forms;
  const text::Folded join = text::Fold(channel.keyword());
  const text::Folded leave = text::Fold(channel.leave_keyword());
  if (text::Same(join, leave)) return KeywordTaken();
  for (const text::Folded* keyword : {&join, &leave}) {
    for (const std::string* form : {&keyword->plain, &keyword->bare, &keyword->expanded}) {
      if (!form->empty()) forms.insert(*form);
    }
  }
  return std::vector<std::string>(forms.begin(), forms.end());
}

void CheckText(absl::string_view field, const std::string& text, Problems& problems) {
  const auto parsed = text::Template::Parse(text, {"name", "channel"});
  if (!parsed.ok()) problems.Add(field, "BAD_PLACEHOLDER", parsed.status().message());
}

}  // namespace

absl::Status Channels::Check(const v1::Channel& channel) const {
  Problems problems;
  if (channel.display_name().empty()) {
    problems.Add("channel.display_name", "REQUIRED", "must not be empty");
  }
  CheckText("channel.welcome_text", channel.welcome_text(), problems);
  CheckText("channel.leave_text", channel.leave_text(), problems);
  MO_RETURN_IF_ERROR(problems.ToStatus());
  for (const std::string* keyword : {&channel.keyword(), &channel.leave_keyword()}) {
    if (keyword->empty()) continue;
    const absl::Status checked = text::CheckKeyword(*keyword, stop_words_);
    if (!checked.ok()) return KeywordInvalid(checked.message());
  }
  return absl::OkStatus();
}

absl::Status Channels::TellContacts(const Caller& caller, const std::string& id, bool exists) {
  contacts_v1::SetChannelRequest request;
  request.set_channel_id(id);
  request.set_exists(exists);
  return contacts_.Call(&contacts_v1::ContactService::Stub::SetChannel, caller.WithKey(""), request)
      .status();
}

absl::Status Channels::Publish(storage::Transaction& tx, const Caller& caller,
                               const std::string& id, bool deleted) {
  v1::ChannelChanged event;
  event.set_channel_id(id);
  event.set_deleted(deleted);
  return outbox_.Append(tx, caller.account_id, FormatId("acc", caller.account_id), event,
                        caller.request_id);
}

absl::StatusOr<v1::Channel> Channels::Create(const Caller& caller,
                                             const v1::CreateChannelRequest& request) {
  MO_RETURN_IF_ERROR(Check(request.channel()));
  MO_ASSIGN_OR_RETURN(const std::vector<std::string> forms, FormsOf(request.channel()));
  const int64_t id = app_.ids().Next();
  v1::Channel channel = request.channel();
  channel.set_id(FormatId("chn", id));
  *channel.mutable_create_time() = ToProto(app_.clock().Now());
  // Before the commit, so that whoever sees the channel can register for it. When no channel
  // follows (a refusal, a crash, a repeat whose answer is an older channel), contacts knows an id
  // too many. That is harmless: ids are never used again, and nobody is told this one.
  MO_RETURN_IF_ERROR(TellContacts(caller, channel.id(), true));
  auto created = database_.Once<v1::Channel>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Channel> {
        MO_RETURN_IF_ERROR(InsertChannel(tx, id, channel));
        MO_RETURN_IF_ERROR(SetKeywords(tx, id, forms));
        MO_RETURN_IF_ERROR(Publish(tx, caller, channel.id(), false));
        return SelectChannel(tx, id);
      });
  return storage::Violates(created.status(), "keywords_pkey") ? KeywordTaken() : created;
}

absl::StatusOr<v1::Channel> Channels::Get(const Caller& caller,
                                          const v1::GetChannelRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectChannel(tx, IdOf(request.id()));
  });
}

absl::StatusOr<v1::ListChannelsResponse> Channels::List(const Caller& caller,
                                                        const v1::ListChannelsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Channel> channels,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectChannels(tx, before, size + 1);
                      }));
  v1::ListChannelsResponse response;
  if (channels.size() > static_cast<size_t>(size)) {
    channels.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(channels.back().id())));
  }
  for (v1::Channel& channel : channels) *response.add_channels() = std::move(channel);
  return response;
}

absl::StatusOr<v1::Channel> Channels::Update(const Caller& caller,
                                             const v1::UpdateChannelRequest& request) {
  const int64_t id = IdOf(request.channel().id());
  if (id == 0) return InvalidField("channel.id", "REQUIRED", "must not be empty");
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.channel(), request.update_mask(), Updatable()));
  auto updated = database_.Once<v1::Channel>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Channel> {
        MO_ASSIGN_OR_RETURN(v1::Channel channel, SelectChannel(tx, id, /*lock=*/true));
        MO_RETURN_IF_ERROR(CheckEtag(request.channel().etag(), channel.etag()));
        CopyFields(request.channel(), fields, channel);
        MO_RETURN_IF_ERROR(Check(channel));
        if (fields.count("keyword") + fields.count("leave_keyword") > 0) {
          MO_ASSIGN_OR_RETURN(const std::vector<std::string> forms, FormsOf(channel));
          MO_RETURN_IF_ERROR(SetKeywords(tx, id, forms));
        }
        MO_RETURN_IF_ERROR(UpdateChannel(tx, channel));
        MO_RETURN_IF_ERROR(Publish(tx, caller, channel.id(), false));
        return SelectChannel(tx, id);
      });
  return storage::Violates(updated.status(), "keywords_pkey") ? KeywordTaken() : updated;
}

absl::StatusOr<google::protobuf::Empty> Channels::Delete(const Caller& caller,
                                                         const v1::DeleteChannelRequest& request) {
  MO_ASSIGN_OR_RETURN(
      const google::protobuf::Empty deleted,
      database_.Once<google::protobuf::Empty>(
          caller, request,
          [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
            MO_RETURN_IF_ERROR(MarkDeleted(tx, IdOf(request.id()), app_.clock().Now()));
            MO_RETURN_IF_ERROR(Publish(tx, caller, request.id(), true));
            tx.AfterCommit(kick_);
            return google::protobuf::Empty();
          }));
  // It is deleted, whatever contacts says: the sweeper tells it until it knows.
  TellContacts(caller, request.id(), false).IgnoreError();
  return deleted;
}

absl::StatusOr<v1::ListKeywordsResponse> Channels::ListKeywords(
    const Caller& caller, const v1::ListKeywordsRequest& request) {
  MO_ASSIGN_OR_RETURN(AllChannels all,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectAllChannels(tx, request.etag());
                      }));
  v1::ListKeywordsResponse response;
  response.set_etag(all.etag);
  for (v1::Channel& channel : all.channels) *response.add_channels() = std::move(channel);
  return response;
}

absl::StatusOr<bool> Channels::SweepOnce() {
  MO_ASSIGN_OR_RETURN(
      const DeletedChannel channel,
      database_.AsSystem([&](storage::Transaction& tx) { return SelectDeleted(tx); }));
  if (channel.id == 0) return false;
  MO_RETURN_IF_ERROR(TellContacts(ServiceCaller("channels", channel.account_id),
                                  FormatId("chn", channel.id), false));
  // The event commits with what it counts: a crash neither loses nor doubles any.
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(const Swept swept, Sweep(tx, channel, kSweepBatch));
    if (swept.deleted == 0) return absl::OkStatus();
    v1::SubscriptionsSwept event;
    event.set_channel_id(FormatId("chn", channel.id));
    event.set_count(swept.deleted);
    return outbox_.Append(tx, channel.account_id, FormatId("acc", channel.account_id), event);
  }));
  return true;
}

}  // namespace mo::channels

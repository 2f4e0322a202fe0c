#include "services/links/links.h"

#include <openssl/rand.h>

#include <limits>

#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/links/errors.h"
#include "services/links/store.h"

namespace mo::links {
namespace {

constexpr int kCodeLength = 8;  // 62^8: a guess finds one of a million links once in 2 * 10^8 tries

absl::Status InThePast() {
  return InvalidField("link.expire_time", "IN_THE_PAST", "must be in the future");
}

}  // namespace

// From the system's random source, not from the id.
std::string RandomCode() {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string code;
  while (code.size() < kCodeLength) {
    unsigned char byte;
    RAND_bytes(&byte, 1);
    if (byte < 248) code.push_back(kAlphabet[byte % 62]);  // 248 = 4 * 62: no letter is likelier
  }
  return code;
}

absl::Status Links::Check(const v1::Link& link) const {
  if (link.target_url().empty())
    return InvalidField("link.target_url", "REQUIRED", "must not be empty");
  // It would lead to somebody's personal link.
  return codes_.Decode(link.code()).has_value() ? CodeTaken() : absl::OkStatus();
}

absl::StatusOr<v1::Link> Links::Create(const Caller& caller, const v1::CreateLinkRequest& request) {
  MO_RETURN_IF_ERROR(Check(request.link()));
  const bool expired = request.link().has_expire_time() &&
                       FromProto(request.link().expire_time()) <= app_.clock().Now();
  const int64_t id = app_.ids().Next();
  v1::Link link = request.link();
  link.clear_assignment();  // only ShortenLinks knows that it is the account's own
  link.set_id(FormatId("lnk", id));
  if (link.code().empty()) link.set_code(RandomCode());
  link.set_etag("1");
  *link.mutable_create_time() = ToProto(app_.clock().Now());
  absl::StatusOr<v1::Link> created = database_.Once<v1::Link>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Link> {
        // Judged inside Once: what was accepted under an idempotency key stays so when it has
        // expired.
        if (expired) return InThePast();
        MO_ASSIGN_OR_RETURN(const std::string base, settings_.BaseUrl(tx));
        Complete(base, link);
        MO_RETURN_IF_ERROR(InsertLink(tx, id, link));
        return link;
      });
  return storage::Violates(created.status(), "links_code") ? CodeTaken() : created;
}

absl::StatusOr<v1::Link> Links::Get(const Caller& caller, const v1::GetLinkRequest& request) {
  return database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Link> {
    MO_ASSIGN_OR_RETURN(v1::Link link, SelectLink(tx, IdOf(request.id())));
    MO_ASSIGN_OR_RETURN(const std::string base, settings_.BaseUrl(tx));
    Complete(base, link);
    return link;
  });
}

absl::StatusOr<v1::Link> Links::Update(const Caller& caller, const v1::UpdateLinkRequest& request) {
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.link(), request.update_mask(),
                                     {"target_url", "display_name", "expire_time", "utm"}));
  absl::StatusOr<v1::Link> updated = database_.Once<v1::Link>(
      caller, request, [&](storage::Transaction& tx) { return Apply(tx, request, fields); });
  if (updated.ok()) on_changed_(IdOf(request.id()));
  return updated;
}

absl::StatusOr<v1::Link> Links::Apply(storage::Transaction& tx,
                                      const v1::UpdateLinkRequest& request,
                                      const std::set<std::string>& fields) const {
  MO_ASSIGN_OR_RETURN(v1::Link link, LockLink(tx, IdOf(request.id())));
  MO_RETURN_IF_ERROR(CheckEtag(request.link().etag(), link.etag()));
  CopyFields(request.link(), fields, link);
  if (link.target_url().empty())
    return InvalidField("link.target_url", "REQUIRED", "must not be empty");
  if (fields.contains("expire_time") && link.has_expire_time() &&
      FromProto(link.expire_time()) <= app_.clock().Now())
    return InThePast();
  UpdateLink(tx, link);
  MO_ASSIGN_OR_RETURN(const std::string base, settings_.BaseUrl(tx));
  Complete(base, link);
  return link;
}

absl::StatusOr<v1::ListLinksResponse> Links::List(const Caller& caller,
                                                  const v1::ListLinksRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  LinkFilter filter{0, IdOf(request.broadcast_id()), IdOf(request.channel_id())};
  MO_ASSIGN_OR_RETURN(filter.before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  v1::ListLinksResponse response;
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(std::vector<v1::Link> links, SelectLinks(tx, filter, size + 1));
    MO_ASSIGN_OR_RETURN(const std::string base, settings_.BaseUrl(tx));
    response.Clear();
    if (links.size() > static_cast<size_t>(size)) {
      links.pop_back();
      response.set_next_page_token(storage::PageToken(IdOf(links.back().id())));
    }
    for (v1::Link& link : links) {
      Complete(base, link);
      *response.add_links() = std::move(link);
    }
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<google::protobuf::Empty> Links::Delete(const Caller& caller,
                                                      const v1::DeleteLinkRequest& request) {
  const int64_t id = IdOf(request.id());
  absl::StatusOr<google::protobuf::Empty> deleted = database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_RETURN_IF_ERROR(DeleteLink(tx, id, app_.clock().Now()));
        return google::protobuf::Empty();
      });
  if (deleted.ok()) on_changed_(id);
  return deleted;
}

}  // namespace mo::links

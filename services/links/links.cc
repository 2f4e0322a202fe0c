#include "services/links/links.h"

#include <openssl/rand.h>

#include <limits>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/links/errors.h"
#include "services/links/store.h"

namespace mo::links {
namespace {

constexpr int kCodeLength = 8;  // 62^8: a guess finds one of a million links once in 2 * 10^8 tries

// A code that cannot be guessed from others: from the system's random source, not from the id.
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

}  // namespace

absl::StatusOr<v1::Link> Links::Create(const Caller& caller, const v1::CreateLinkRequest& request) {
  const bool expired = request.link().has_expire_time() &&
                       FromProto(request.link().expire_time()) <= app_.clock().Now();
  const int64_t id = app_.ids().Next();
  v1::Link link = request.link();
  link.set_id(FormatId("lnk", id));
  if (link.code().empty()) link.set_code(RandomCode());
  *link.mutable_create_time() = ToProto(app_.clock().Now());
  absl::StatusOr<v1::Link> created = database_.Once<v1::Link>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Link> {
        // Judged inside Once: what was accepted under an idempotency key stays so when it has
        // expired.
        if (expired)
          return InvalidField("link.expire_time", "IN_THE_PAST", "must be in the future");
        MO_RETURN_IF_ERROR(InsertLink(tx, id, link));
        return link;
      });
  return storage::Violates(created.status(), "links_code") ? CodeTaken() : created;
}

absl::StatusOr<v1::Link> Links::Get(const Caller& caller, const v1::GetLinkRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectLink(tx, IdOf(request.id()));
  });
}

absl::StatusOr<v1::ListLinksResponse> Links::List(const Caller& caller,
                                                  const v1::ListLinksRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Link> links,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectLinks(tx, before, size + 1);
                      }));
  v1::ListLinksResponse response;
  if (links.size() > static_cast<size_t>(size)) {
    links.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(links.back().id())));
  }
  for (v1::Link& link : links) *response.add_links() = std::move(link);
  return response;
}

absl::StatusOr<google::protobuf::Empty> Links::Delete(const Caller& caller,
                                                      const v1::DeleteLinkRequest& request) {
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_RETURN_IF_ERROR(DeleteLink(tx, IdOf(request.id()), app_.clock().Now()));
        return google::protobuf::Empty();
      });
}

}  // namespace mo::links

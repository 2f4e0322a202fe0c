#include "services/links/shorten.h"

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/links/errors.h"
#include "services/links/links.h"
#include "services/links/store.h"

namespace mo::links {
namespace {

constexpr char kReserve[] =
    "UPDATE links.code_numbers SET next_number = next_number + $1 WHERE account_id = 0 RETURNING "
    "next_number - $1";
constexpr char kSelectRanges[] =
    "SELECT link_id, first_number, url, recipients FROM links.code_ranges WHERE account_id = $1 "
    "AND request_key = $2 ORDER BY position";
constexpr char kInsertRanges[] =
    "INSERT INTO links.code_ranges (account_id, first_number, recipients, link_id, request_key, "
    "position, url, broadcast_id, channel_id, message_id, contact_id) "
    "SELECT $1, $2 + (position - 1) * $3, $3, link_id, $4, position - 1, url, broadcast_id, "
    "channel_id, message_id, contact_id FROM unnest((SELECT $5::bigint[]), (SELECT $6::text[]), "
    "(SELECT $7::bigint[]), (SELECT $8::bigint[]), (SELECT $9::bigint[]), (SELECT $10::bigint[])) "
    "WITH ORDINALITY AS r (link_id, url, broadcast_id, channel_id, message_id, contact_id, "
    "position)";

constexpr char kInsertContacts[] =
    "INSERT INTO links.range_contacts (account_id, request_key, contacts) VALUES ($1, $2, $3)";
// The broadcast's links by the URLs that they were made for, whatever they lead to by now.
constexpr char kSelectOfBroadcast[] =
    "SELECT DISTINCT ON (r.url) r.url, l.id FROM links.links AS l JOIN links.code_ranges AS r ON "
    "r.account_id = l.account_id AND r.link_id = l.id WHERE l.account_id = $1 AND l.broadcast_id = "
    "$2 AND r.url = ANY($3) ORDER BY r.url, l.id";

// Numbers as links.range_contacts keeps them.
std::string ContactBytes(const google::protobuf::RepeatedField<int64_t>& contacts) {
  std::string bytes;
  for (const int64_t contact : contacts) {
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<char>(static_cast<uint64_t>(contact) >> shift));
  }
  return bytes;
}

// The code in a URL that is one of ours: base or default host, and nothing but the code behind it.
std::optional<std::string> CodeIn(absl::string_view url, const std::string& base,
                                  const std::string& default_host) {
  const std::string host = HostOf(url);
  const bool ours =
      (!default_host.empty() && host == default_host) || (!base.empty() && host == HostOf(base));
  const size_t slash = url.rfind('/');
  if (!ours || slash == absl::string_view::npos) return std::nullopt;
  const absl::string_view code = url.substr(slash + 1);
  if (code.empty() || code.size() > 32 || url.find('/', url.find("://") + 3) != slash)
    return std::nullopt;
  return std::string(code);
}

v1::ShortenedLink Shortened(int64_t link_id, int64_t first_number) {
  v1::ShortenedLink link;
  link.set_link_id(FormatId("lnk", link_id));
  link.set_first_number(first_number);
  return link;
}

// The answer that was given before under the request's key, or nothing.
absl::StatusOr<std::optional<v1::ShortenLinksResponse>> Before(
    storage::Transaction& tx, const v1::ShortenLinksRequest& request) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectRanges, tx.account_id(), request.key()));
  if (rows.empty()) return std::nullopt;
  if (rows.size() != request.urls_size()) return KeyReused();
  v1::ShortenLinksResponse response;
  for (int i = 0; i < rows.size(); ++i) {
    if (rows[i].String(2) != request.urls(i) || rows[i].Int(3) != request.recipients())
      return KeyReused();
    *response.add_links() = Shortened(rows[i].Int(0), rows[i].Int(1));
  }
  return response;
}

// Writes the links' ranges, one behind the other. A link that belongs to something keeps that.
absl::Status InsertRanges(storage::Transaction& tx, const v1::ShortenLinksRequest& request,
                          int64_t first_number, const std::vector<v1::Link>& links) {
  std::vector<int64_t> ids, broadcasts, channels, messages, contacts;
  for (const v1::Link& link : links) {
    AssignmentRow assignment(link.assignment());
    if (assignment.empty()) assignment = AssignmentRow(request.assignment());
    ids.push_back(IdOf(link.id()));
    broadcasts.push_back(assignment.broadcast_id);
    channels.push_back(assignment.channel_id);
    messages.push_back(assignment.message_id);
    contacts.push_back(assignment.contact_id);
  }
  const std::vector<std::string> urls(request.urls().begin(), request.urls().end());
  return tx.Run(kInsertRanges, tx.account_id(), first_number, request.recipients(), request.key(),
                ids, urls, broadcasts, channels, messages, contacts);
}

}  // namespace

absl::StatusOr<v1::ShortenLinksResponse> Shortener::Shorten(
    const Caller& caller, const v1::ShortenLinksRequest& request) {
  if (!codes_.available()) return SecretsUnavailable();
  if (request.contact_ids_size() > request.recipients())
    return InvalidField("contact_ids", "TOO_MANY", "more than recipients");
  const auto attempt = [&](int64_t first_number) {
    return database_.As(caller.account_id,
                        [&](storage::Transaction& tx) -> absl::StatusOr<v1::ShortenLinksResponse> {
                          MO_ASSIGN_OR_RETURN(const std::string base, settings_.BaseUrl(tx));
                          if (base.empty()) return NoLinkDomain();
                          MO_ASSIGN_OR_RETURN(std::optional<v1::ShortenLinksResponse> response,
                                              Before(tx, request));
                          if (!response && first_number >= 0) {
                            MO_ASSIGN_OR_RETURN(response, Make(tx, request, first_number));
                          }
                          if (!response) return v1::ShortenLinksResponse();
                          response->set_base_url(base);
                          response->set_sealed_code_key(codes_.sealed());
                          return *std::move(response);
                        });
  };
  // Asked first without numbers, so that a repetition takes none.
  absl::StatusOr<v1::ShortenLinksResponse> response = attempt(-1);
  if (!response.ok() || response->links_size() > 0) return response;
  MO_ASSIGN_OR_RETURN(const int64_t first_number,
                      Reserve(request.recipients() * request.urls_size()));
  response = attempt(first_number);
  // Two at once: the second one finds the first one's.
  if (storage::Violates(response.status(), "code_ranges_request")) response = attempt(-1);
  return response;
}

absl::StatusOr<int64_t> Shortener::Reserve(int64_t count) {
  // A transaction of its own: the row is everybody's.
  MO_ASSIGN_OR_RETURN(
      const int64_t first,
      database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
        MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kReserve, count));
        if (rows[0].Int(0) + count > short_codes::ShortCodes::kNumbers)
          return absl::ResourceExhaustedError("all numbers of personal codes are used");
        return rows[0].Int(0);
      }));
  return first;
}

absl::StatusOr<v1::ShortenLinksResponse> Shortener::Make(storage::Transaction& tx,
                                                         const v1::ShortenLinksRequest& request,
                                                         int64_t first_number) {
  MO_ASSIGN_OR_RETURN(const std::string base, settings_.BaseUrl(tx));
  MO_ASSIGN_OR_RETURN(const std::vector<v1::Link> links, LinksOf(tx, request, base));
  MO_RETURN_IF_ERROR(InsertRanges(tx, request, first_number, links));
  if (!request.contact_ids().empty()) {
    tx.Defer(kInsertContacts, tx.account_id(), request.key(),
             storage::Bytes{ContactBytes(request.contact_ids())});
  }
  v1::ShortenLinksResponse response;
  for (size_t i = 0; i < links.size(); ++i) {
    *response.add_links() = Shortened(
        IdOf(links[i].id()), first_number + static_cast<int64_t>(i) * request.recipients());
  }
  return response;
}

absl::StatusOr<std::vector<v1::Link>> Shortener::LinksOf(storage::Transaction& tx,
                                                         const v1::ShortenLinksRequest& request,
                                                         const std::string& base) {
  std::vector<std::string> codes;
  for (const std::string& url : request.urls()) {
    if (auto code = CodeIn(url, base, settings_.default_host())) codes.push_back(*std::move(code));
  }
  MO_ASSIGN_OR_RETURN(const std::vector<v1::Link> known, SelectLinksByCode(tx, codes));
  absl::flat_hash_map<std::string, v1::Link> by_code;
  for (const v1::Link& link : known) by_code.emplace(link.code(), link);
  MO_ASSIGN_OR_RETURN(const auto of_broadcast, OfBroadcast(tx, request));
  std::vector<v1::Link> links, fresh;
  for (const std::string& url : request.urls()) {
    const auto code = CodeIn(url, base, settings_.default_host());
    const auto found = code ? by_code.find(*code) : by_code.end();
    const auto earlier = of_broadcast.find(url);
    if (found != by_code.end()) {
      links.push_back(found->second);
    } else if (earlier != of_broadcast.end()) {
      links.push_back(earlier->second);
    } else {
      links.push_back(NewLink(request, url));
      fresh.push_back(links.back());
    }
  }
  if (!fresh.empty()) MO_RETURN_IF_ERROR(InsertLinks(tx, fresh));
  return links;
}

absl::StatusOr<absl::flat_hash_map<std::string, v1::Link>> Shortener::OfBroadcast(
    storage::Transaction& tx, const v1::ShortenLinksRequest& request) {
  absl::flat_hash_map<std::string, v1::Link> links;
  if (request.assignment().broadcast_id().empty()) return links;
  const std::vector<std::string> urls(request.urls().begin(), request.urls().end());
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectOfBroadcast, tx.account_id(),
                               IdOf(request.assignment().broadcast_id()), urls));
  for (const storage::Row row : rows) {
    v1::Link& link = links[row.String(0)];
    link.set_id(FormatId("lnk", row.Int(1)));
    *link.mutable_assignment() = request.assignment();
  }
  return links;
}

v1::Link Shortener::NewLink(const v1::ShortenLinksRequest& request, const std::string& url) {
  v1::Link link;
  link.set_id(FormatId("lnk", app_.ids().Next()));
  link.set_code(RandomCode());
  link.set_target_url(url);
  *link.mutable_create_time() = ToProto(app_.clock().Now());
  if (request.has_expire_time()) *link.mutable_expire_time() = request.expire_time();
  if (request.has_utm()) *link.mutable_utm() = request.utm();
  *link.mutable_assignment() = request.assignment();
  return link;
}

}  // namespace mo::links

#include "libs/redis/script.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mo::redis {
namespace {

std::string Sha1(absl::string_view data) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), sizeof(digest)));
}

}  // namespace

Script::Script(absl::string_view source) : source_(source), hash_(Sha1(source)) {}

absl::StatusOr<Reply> Script::Run(Connection& connection, const Arguments& keys,
                                  const Arguments& arguments) const {
  const std::string count = absl::StrCat(keys.size());
  Arguments command = {"EVALSHA", hash_, count};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  absl::StatusOr<Reply> reply = connection.Command(command);
  if (reply.ok() || !absl::StrContains(reply.status().message(), "NOSCRIPT")) return reply;
  command[0] = "EVAL";
  command[1] = source_;
  return connection.Command(command);
}

}  // namespace mo::redis

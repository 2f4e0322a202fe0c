#include "libs/secrets/key_ring.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace mo::secrets {
namespace {

// Sealed: version, length of the key's id, id, nonce, ciphertext with its tag.
constexpr char kVersion = 1;
constexpr size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kMaxId = 16;

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32);

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
  });
}

// The head's length keeps head and owner apart.
std::string Associated(absl::string_view head, absl::string_view owner) {
  return absl::StrCat(head, owner);
}

absl::Status BadLine(size_t number, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("secret keys, line ", number, ": ", what));
}

}  // namespace

absl::StatusOr<KeyRing> KeyRing::Parse(absl::string_view text) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  KeyRing ring;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) return BadLine(number, "is not id:key");
    Key key;
    key.id = std::string(line.substr(0, colon));
    if (!IsId(key.id)) return BadLine(number, "an id is 1 to 16 of a-z 0-9 _ -");
    for (const Key& other : ring.keys_) {
      if (other.id == key.id) return BadLine(number, "its id is that of an earlier line");
    }
    std::string bytes;
    if (!absl::Base64Unescape(line.substr(colon + 1), &bytes) || bytes.size() != key.bytes.size()) {
      return BadLine(number, "a key is 32 bytes in base64");
    }
    std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
    sodium_memzero(bytes.data(), bytes.size());
    ring.keys_.push_back(std::move(key));
  }
  return ring;
}

KeyRing::~KeyRing() {
  for (Key& key : keys_) sodium_memzero(key.bytes.data(), key.bytes.size());
}

std::vector<std::string> KeyRing::older() const {
  std::vector<std::string> ids;
  for (size_t i = 1; i < keys_.size(); ++i) ids.push_back(keys_[i].id);
  return ids;
}

absl::StatusOr<std::string> KeyRing::Seal(absl::string_view plain, absl::string_view owner) const {
  if (keys_.empty()) {
    return absl::FailedPreconditionError("there is no key to keep secrets under");
  }
  const Key& key = keys_.front();
  const std::string head =
      absl::StrCat(std::string{kVersion, static_cast<char>(key.id.size())}, key.id);
  const std::string associated = Associated(head, owner);
  std::string sealed = head;
  sealed.resize(head.size() + kNonce + plain.size() + kTag);
  unsigned char* nonce = Bytes(sealed) + head.size();
  randombytes_buf(nonce, kNonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonce, nullptr, Bytes(plain), plain.size(),
                                             Bytes(absl::string_view(associated)),
                                             associated.size(), nullptr, nonce, key.bytes.data());
  return sealed;
}

absl::StatusOr<std::string> KeyRing::Open(absl::string_view sealed, absl::string_view owner) const {
  const absl::Status damaged = absl::DataLossError("a sealed secret was changed, or moved");
  if (sealed.size() < 2 || sealed[0] != kVersion) return damaged;
  const size_t head = 2 + static_cast<unsigned char>(sealed[1]);
  if (sealed.size() < head + kNonce + kTag) return damaged;
  const absl::string_view id = sealed.substr(2, head - 2);
  const auto key =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& each) { return each.id == id; });
  if (key == keys_.end()) {
    return absl::NotFoundError(absl::StrCat("the key \"", absl::CHexEscape(id), "\" is missing"));
  }
  const std::string associated = Associated(sealed.substr(0, head), owner);
  const absl::string_view nonce = sealed.substr(head, kNonce);
  const absl::string_view text = sealed.substr(head + kNonce);
  std::string plain(text.size() - kTag, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(plain), nullptr, nullptr, Bytes(text),
                                                 text.size(), Bytes(absl::string_view(associated)),
                                                 associated.size(), Bytes(nonce),
                                                 key->bytes.data()) != 0) {
    return damaged;
  }
  return plain;
}

std::string KeyRing::Fingerprint(absl::string_view secret, absl::string_view owner) const {
  if (keys_.empty()) return "";
  std::string digest(8, '\0');
  // The minimum of a keyed generic hash is 16 bytes: enough of it is shown.
  unsigned char full[crypto_generichash_BYTES];
  const std::string input = absl::StrCat(owner.size(), "/", owner, "/", secret);
  crypto_generichash(full, sizeof(full), Bytes(absl::string_view(input)), input.size(),
                     keys_.front().bytes.data(), keys_.front().bytes.size());
  std::copy(full, full + digest.size(), digest.begin());
  return absl::BytesToHexString(digest);
}

}  // namespace mo::secrets

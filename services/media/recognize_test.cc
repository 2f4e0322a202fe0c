#include "services/media/recognize.h"

#include <catch2/catch.hpp>
#include <random>

#include "libs/runtime/errors.h"
#include "services/media/samples_test.h"

namespace mo::media {
namespace {

namespace common = messageorganizer::common::v1;

std::string ReasonFor(const std::string& data) { return ReasonOf(Recognize(data).status()); }

struct Sample {
  const char* mime_type;
  common::MediaKind kind;
  std::string data;
};

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = {
      {"image/png", common::MEDIA_KIND_IMAGE, samples::Png(3, 2)},
      {"image/jpeg", common::MEDIA_KIND_IMAGE, samples::Jpeg(3, 2)},
      {"audio/mpeg", common::MEDIA_KIND_AUDIO, samples::Mp3()},
      {"audio/mpeg", common::MEDIA_KIND_AUDIO, samples::TaggedMp3()},
      {"audio/aac", common::MEDIA_KIND_AUDIO, samples::Aac()},
      {"video/mp4", common::MEDIA_KIND_VIDEO, samples::Mp4()},
      {"audio/mp4", common::MEDIA_KIND_AUDIO, samples::Mp4("M4A ")},
      {"application/pdf", common::MEDIA_KIND_DOCUMENT, samples::Pdf()},
  };
  return samples;
}

TEST_CASE("Every type is recognised by its bytes") {
  for (const Sample& sample : Samples()) {
    CAPTURE(sample.mime_type);
    auto found = Recognize(sample.data);
    REQUIRE(found.ok());
    CHECK(found->mime_type == sample.mime_type);
    CHECK(found->kind == sample.kind);
    const bool image = sample.kind == common::MEDIA_KIND_IMAGE;
    CHECK(found->width == (image ? 3 : 0));
    CHECK(found->height == (image ? 2 : 0));
  }
}

TEST_CASE("Files that were cut short are none") {
  for (const Sample& sample : Samples()) {
    CAPTURE(sample.mime_type);
    // A sound's last frame may be short, a text file's last line end missing.
    const bool sound = sample.kind == common::MEDIA_KIND_AUDIO;
    const size_t whole =
        sound && sample.data.size() > 400 ? sample.data.size() / 2 : sample.data.size();
    const size_t end = std::string(sample.mime_type) == "audio/aac" ? 17
                       : sample.kind == common::MEDIA_KIND_DOCUMENT ? sample.data.size() - 1
                                                                    : whole;
    for (size_t size = 0; size < end; ++size) {
      // Each copy ends where its memory ends, for the address sanitizer.
      const std::vector<char> part(sample.data.begin(), sample.data.begin() + size);
      CAPTURE(size);
      CHECK_FALSE(Recognize(absl::string_view(part.data(), part.size())).ok());
    }
  }
}

TEST_CASE("Changed and random bytes never lead outside") {
  std::mt19937 random(7);
  for (const Sample& sample : Samples()) {
    for (int i = 0; i < 3000; ++i) {
      std::vector<char> data(sample.data.begin(), sample.data.end());
      for (int j = 0; j < 3; ++j)
        data[random() % std::min<size_t>(data.size(), 64)] = static_cast<char>(random());
      auto found = Recognize(absl::string_view(data.data(), data.size()));
      if (found.ok()) CHECK((found->width >= 0 && found->width <= 1600));
      if (!found.ok()) CHECK_FALSE(ReasonOf(found.status()).empty());
    }
  }
}

TEST_CASE("Dimensions are limited, and believed only where a decoder finds them too") {
  CHECK(Recognize(samples::Png(1600, 1600)).ok());
  CHECK(Recognize(samples::Jpeg(1600, 1600)).ok());
  CHECK(ReasonFor(samples::Png(1601, 1)) == "IMAGE_TOO_LARGE");
  CHECK(ReasonFor(samples::Png(1, 1601)) == "IMAGE_TOO_LARGE");
  CHECK(ReasonFor(samples::Jpeg(1, 65535)) == "IMAGE_TOO_LARGE");
  // Bombs: a few bytes that would become gigabytes of pixels.
  CHECK(ReasonFor(samples::Png(0x7fffffff, 0x7fffffff)) == "IMAGE_TOO_LARGE");
  CHECK(ReasonFor(samples::Png(0xffffffff, 1)) == "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonFor(samples::Png(0, 5)) == "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonFor(samples::Jpeg(5, 0)) == "MEDIA_TYPE_UNKNOWN");
  // A small frame to show, a large one to decode.
  CHECK(ReasonFor("\xff\xd8" + samples::JpegFrame(1, 1) + samples::JpegFrame(9999, 9999) +
                  samples::JpegSegment(0xda, "scan") + "\xff\xd9") == "MEDIA_TYPE_UNKNOWN");
  const std::string png = samples::Png(1, 1);
  CHECK(ReasonFor(png.substr(0, 33) + png.substr(8)) == "MEDIA_TYPE_UNKNOWN");  // two headers
  CHECK(ReasonFor("\xff\xd8" + samples::JpegSegment(0xda, "scan") + "\xff\xd9") ==
        "MEDIA_TYPE_UNKNOWN");
}

TEST_CASE("Sizes that lie are not believed") {
  const std::string png = samples::Png(1, 1);
  for (const uint64_t length : {0xffffffffull, 0x7fffffffull, 0xfffffff4ull}) {
    std::string changed = png;
    changed.replace(33, 4, samples::Big(length, 4));
    CHECK(ReasonFor(changed) == "MEDIA_TYPE_UNKNOWN");
  }
  const std::string start = samples::Box("ftyp", "isom" + samples::Big(0, 4));
  CHECK(ReasonFor(start) == "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonFor(start + samples::Big(1, 4) + "moov" + samples::Big(~0ull, 8)) ==
        "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonFor(start + samples::Big(1, 4) + "moov" + samples::Big(4, 8)) ==
        "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonFor(start + samples::Big(7, 4) + "moov") == "MEDIA_TYPE_UNKNOWN");
  CHECK(Recognize(start + samples::Big(1, 4) + "moov" + samples::Big(16, 8)).ok());
  CHECK(Recognize(start + samples::Big(0, 4) + "moov").ok());
  CHECK(ReasonFor(std::string("ID3\x04\0\0\x7f\x7f\x7f\x7f", 10) + samples::Mp3()) ==
        "MEDIA_TYPE_UNKNOWN");
  CHECK(ReasonFor(std::string("ID3\x04\0\0\xff\xff\xff\xff", 10) + samples::Mp3()) ==
        "MEDIA_TYPE_UNKNOWN");
}

TEST_CASE("Other types are unknown, whatever they resemble") {
  for (const std::string& data :
       {std::string("hello"), std::string("GIF89a"), std::string("<html><script>"),
        std::string("\xff\xd8\xff"), std::string("PK\x03\x04"), std::string("%PDF-1.7 no end"),
        samples::Mp4("heic"), samples::Mp4("avif"), samples::Mp4("qt  "),
        std::string("\xff\xfb\x90\0", 4), std::string("ID3"), std::string(1000, '\xff'),
        std::string(1000, '\0')}) {
    CHECK(ReasonFor(data) == "MEDIA_TYPE_UNKNOWN");
  }
}

TEST_CASE("Each type has its largest size") {
  const size_t rest = samples::Png(1, 1, 0).size();
  CHECK(Recognize(samples::Png(1, 1, 500000 - rest)).ok());
  CHECK(ReasonFor(samples::Png(1, 1, 500001 - rest)) == "MEDIA_TOO_LARGE");
  auto film = [](size_t size) {
    return samples::Mp4() +
           samples::Box("free", std::string(size - samples::Mp4().size() - 8, 'x'));
  };
  CHECK(Recognize(film(10000000)).ok());
  CHECK(ReasonFor(film(10000001)) == "MEDIA_TOO_LARGE");
  CHECK(ReasonFor(std::string(10000001, 'x')) == "MEDIA_TOO_LARGE");
}

}  // namespace
}  // namespace mo::media

#include "dataplane/table/digest.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

TEST(DigestTest, BackendIdIsTheStartOfSha256OfTheMappedAddress) {
  EXPECT_EQ(BackendId(MapIpv4({10, 0, 0, 1})), 0x9194aee6ac8e6fb3u);
  EXPECT_EQ(BackendId(MapIpv4({10, 0, 0, 2})), 0x73e8487ca92e8d7eu);
}

TEST(DigestTest, Sha256MatchesItsPublishedVector) {
  EXPECT_EQ(HexDigest(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(DigestTest, StreamInPiecesEqualsOneShot) {
  const std::string text(1000, 'x');
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  Sha256Stream stream;
  for (size_t at = 0; at < bytes.size(); at += 77) {
    stream.Append(bytes.subspan(at, std::min<size_t>(77, bytes.size() - at)));
  }
  EXPECT_EQ(stream.Finish(), Sha256(bytes));
}

TEST(DigestTest, AddressesAreToldApartByFamily) {
  EXPECT_EQ(FamilyOf(MapIpv4({1, 2, 3, 4})), LB_IPV4);
  EXPECT_EQ(FamilyOf(Address{0xfd}), LB_IPV6);
  EXPECT_EQ(AddressText(MapIpv4({1, 2, 3, 4})), "1.2.3.4");
  EXPECT_EQ(AddressText(Address{0xfd}), "fd00::");
}

}  // namespace
}  // namespace evenkeel

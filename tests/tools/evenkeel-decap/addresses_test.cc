#include "tools/evenkeel-decap/addresses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace evenkeel::decap {
namespace {

TEST(ParseAddressesTest, WritesIpv4AsMapped) {
  const auto addresses = ParseAddresses("10.0.1.11,fd00::1:1");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  ASSERT_EQ(addresses->size(), 2u);
  const std::vector<__u8> ipv4((*addresses)[0].bytes, (*addresses)[0].bytes + 16);
  EXPECT_EQ(ipv4, (std::vector<__u8>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 1, 11}));
  EXPECT_EQ(ToString((*addresses)[0]), "10.0.1.11");
  EXPECT_EQ(ToString((*addresses)[1]), "fd00::1:1");
}

TEST(ParseAddressesTest, TakesAnEmptyTextAsAnEmptyList) {
  const auto addresses = ParseAddresses("");
  ASSERT_TRUE(addresses.ok());
  EXPECT_TRUE(addresses->empty());
}

TEST(ParsePrefixesTest, CountsTheLengthFromTheTopOfTheMappedAddress) {
  const auto prefixes = ParsePrefixes("203.0.113.0/24,192.0.2.1,2001:db8:113::/48,::1,0.0.0.0/0");
  ASSERT_TRUE(prefixes.ok()) << prefixes.status();
  std::vector<__u32> lengths;
  for (const decap_prefix& prefix : *prefixes) lengths.push_back(prefix.length);
  EXPECT_EQ(lengths, (std::vector<__u32>{120, 128, 48, 128, 96}));
}

class BadPrefixTest : public testing::TestWithParam<std::string> {};

TEST_P(BadPrefixTest, IsRefusedByItsName) {
  const auto prefixes = ParsePrefixes("10.0.0.0/8," + GetParam());
  ASSERT_FALSE(prefixes.ok());
  const std::string bad = GetParam().substr(0, GetParam().find('/'));
  EXPECT_NE(std::string(prefixes.status().message()).find(bad), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Prefixes, BadPrefixTest,
                         testing::Values("10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x",
                                         "10.0.0.0/", "10.0.0/8", "fd00::1/64", "fd00::/129", "web",
                                         "", " 10.0.0.0/8", "10.0.0.0/8/8"));

TEST(AddressesOfInterfaceTest, FindsThoseOfTheLoopback) {
  const auto addresses = AddressesOfInterface("lo");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  std::vector<std::string> texts;
  for (const decap_address& address : *addresses) texts.push_back(ToString(address));
  EXPECT_NE(std::find(texts.begin(), texts.end(), "127.0.0.1"), texts.end());
}

TEST(AddressesOfInterfaceTest, FindsNoneOfAnInterfaceThatIsNotThere) {
  const auto addresses = AddressesOfInterface("nowhere0");
  ASSERT_TRUE(addresses.ok());
  EXPECT_TRUE(addresses->empty());
}

}  // namespace
}  // namespace evenkeel::decap

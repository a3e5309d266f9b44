#include "control/config/address.h"

#include <random>

#include "gtest/gtest.h"

namespace evenkeel {
namespace {

std::string Canonical(absl::string_view text) {
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(text);
  return address.ok() ? address->ToString() : "refused";
}

std::string CanonicalPrefix(absl::string_view text) {
  const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text);
  return prefix.ok() ? prefix->ToString() : "refused";
}

TEST(IpAddressTest, KeepsIpv4AsMappedAddress) {
  const IpAddress address = *IpAddress::Parse("10.0.1.11");
  const IpAddress::Bytes expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 1, 11};
  EXPECT_EQ(address.bytes(), expected);
  EXPECT_EQ(address.family(), Family::kIpv4);
}

TEST(IpAddressTest, PrintsOneSpellingOfAnAddress) {
  EXPECT_EQ(Canonical("10.0.1.11"), "10.0.1.11");
  EXPECT_EQ(Canonical("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(Canonical("fd00::1:0:0:1"), "fd00::1:0:0:1");
  EXPECT_EQ(Canonical("::"), "::");
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (absl::string_view text : {"", " 10.0.0.1", "10.0.0.1 ", "10.0.0", "10.0.0.256", "010.0.0.1",
                                 "10.0.0.01", "0x0a000001", "167772161", "[fd00::1]",
                                 "fe80::1%eth0", "fd00:::1", "host", "10.0.0.1/32"}) {
    EXPECT_EQ(Canonical(text), "refused") << text;
  }
  EXPECT_EQ(Canonical(absl::string_view("10.0.0.1\0x", 10)), "refused");
  EXPECT_EQ(Canonical(std::string(1000, '1')), "refused");
}

TEST(IpAddressTest, RefusesIpv6SpellingOfIpv4AndNamesTheOther) {
  const absl::StatusOr<IpAddress> mapped = IpAddress::Parse("::ffff:10.0.1.11");
  ASSERT_FALSE(mapped.ok());
  EXPECT_NE(mapped.status().message().find("10.0.1.11"), absl::string_view::npos);
}

TEST(IpAddressTest, KnowsAddressesThatAreNoHosts) {
  EXPECT_TRUE(IpAddress::Parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress::Parse("::")->is_unspecified());
  EXPECT_TRUE(IpAddress::Parse("127.0.0.9")->is_loopback());
  EXPECT_TRUE(IpAddress::Parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::Parse("224.0.0.1")->is_multicast());
  EXPECT_TRUE(IpAddress::Parse("ff02::1")->is_multicast());
  EXPECT_TRUE(IpAddress::Parse("255.255.255.255")->is_broadcast());
  const IpAddress host = *IpAddress::Parse("10.0.1.11");
  EXPECT_FALSE(host.is_unspecified() || host.is_loopback() || host.is_multicast() ||
               host.is_broadcast());
}

TEST(IpAddressTest, PrintsWhatItParsesForRandomBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 20000; ++i) {
    IpAddress::Bytes bytes{};
    for (uint8_t& byte : bytes) byte = random() % 3 == 0 ? 0 : static_cast<uint8_t>(random());
    if (random() % 2) {
      std::fill_n(bytes.begin(), 10, 0);
      bytes[10] = bytes[11] = 0xff;
    }
    const IpAddress address(bytes);
    const absl::StatusOr<IpAddress> again = IpAddress::Parse(address.ToString());
    ASSERT_TRUE(again.ok()) << address.ToString();
    ASSERT_EQ(*again, address);
  }
}

TEST(IpPrefixTest, CountsInTheFamilysOwnTerms) {
  const IpPrefix ipv4 = *IpPrefix::Parse("203.0.113.0/24");
  EXPECT_EQ(ipv4.length(), 24);
  EXPECT_EQ(ipv4.mapped_length(), 120);
  const IpPrefix ipv6 = *IpPrefix::Parse("2001:db8::/32");
  EXPECT_EQ(ipv6.length(), 32);
  EXPECT_EQ(ipv6.mapped_length(), 32);
}

TEST(IpPrefixTest, PrintsHostsWithoutLength) {
  EXPECT_EQ(CanonicalPrefix("203.0.113.10/32"), "203.0.113.10");
  EXPECT_EQ(CanonicalPrefix("203.0.113.10"), "203.0.113.10");
  EXPECT_EQ(CanonicalPrefix("2001:db8::1/128"), "2001:db8::1");
  EXPECT_EQ(CanonicalPrefix("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(CanonicalPrefix("::/0"), "::/0");
}

TEST(IpPrefixTest, RefusesLengthsThatAreNone) {
  for (absl::string_view text : {"10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/+8",
                                 "10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0.0/255.0.0.0", "/8"}) {
    EXPECT_EQ(CanonicalPrefix(text), "refused") << text;
  }
}

TEST(IpPrefixTest, RefusesBitsBeyondTheLengthAndSaysBothSpellings) {
  const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse("203.0.113.10/24");
  ASSERT_TRUE(absl::IsOutOfRange(prefix.status()));
  EXPECT_NE(prefix.status().message().find("203.0.113.0/24"), absl::string_view::npos);
  EXPECT_NE(prefix.status().message().find("203.0.113.10 "), absl::string_view::npos);
}

TEST(IpPrefixTest, ContainsWithinItsFamilyOnly) {
  const IpPrefix all_ipv6 = *IpPrefix::Parse("::/0");
  EXPECT_TRUE(all_ipv6.Contains(*IpAddress::Parse("fd00::1")));
  EXPECT_FALSE(all_ipv6.Contains(*IpAddress::Parse("10.0.0.1")));
  const IpPrefix net = *IpPrefix::Parse("10.0.0.0/15");
  EXPECT_TRUE(net.Contains(*IpAddress::Parse("10.1.255.255")));
  EXPECT_FALSE(net.Contains(*IpAddress::Parse("10.2.0.0")));
  EXPECT_TRUE(net.Contains(*IpPrefix::Parse("10.1.0.0/16")));
  EXPECT_FALSE(net.Contains(*IpPrefix::Parse("10.0.0.0/14")));
  EXPECT_TRUE(net.Overlaps(*IpPrefix::Parse("10.0.0.0/14")));
}

TEST(MacAddressTest, ParsesAndPrintsLowerCase) {
  EXPECT_EQ(MacAddress::Parse("02:00:00:AA:bb:0C")->ToString(), "02:00:00:aa:bb:0c");
}

TEST(MacAddressTest, RefusesWhatIsNoNextHop) {
  for (absl::string_view text : {"", "02-00-00-00-00-01", "02:00:00:00:00", "02:00:00:00:00:0g",
                                 "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
    EXPECT_FALSE(MacAddress::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace evenkeel

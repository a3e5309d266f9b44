// What the builder lays out is found again by the forwarding core's own matching; an oracle says
// what it should find. Overlaps and limits are refused with the names of the services.
#include "dataplane/table/image_builder.h"

#include <gtest/gtest.h>

#include <random>

#include "dataplane/forward/forward.h"
#include "tests/dataplane/table/image_fixture.h"

namespace evenkeel {
namespace {

lb_view ViewOf(const ImageView& image) {
  lb_view view{};
  view.params = &image.params();
  view.vips = image.vips().data();
  view.vip_rows = image.vip_rows().data();
  view.port_rows = image.port_rows().data();
  view.port_ranges = image.port_ranges().data();
  view.services = image.services().data();
  return view;
}

// A first packet to `destination`: Ethernet, IP, and eight or twenty bytes of UDP or TCP.
std::vector<uint8_t> Frame(const Address& destination, uint32_t transport, uint16_t port) {
  const bool is_ipv4 = IsMappedIpv4(destination);
  std::vector<uint8_t> l4(transport == LB_TCP ? 20 : 8);
  l4[0] = 0x30;  // source port 12345
  l4[1] = 0x39;
  l4[2] = static_cast<uint8_t>(port >> 8);
  l4[3] = static_cast<uint8_t>(port);
  if (transport == LB_TCP) {
    l4[12] = 0x50;
    l4[13] = 0x02;
  } else {
    l4[5] = 8;
  }
  const auto length = static_cast<uint8_t>(l4.size());
  const uint8_t protocol = transport == LB_TCP ? 6 : 17;
  std::vector<uint8_t> frame = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  const auto append = [&](std::initializer_list<uint8_t> bytes) {
    frame.insert(frame.end(), bytes);
  };
  if (is_ipv4) {
    append({0x08, 0x00, 0x45, 0, 0, static_cast<uint8_t>(20 + length), 0, 0, 0, 0, 64, protocol, 0,
            0, 198, 51, 100, 2});
    frame.insert(frame.end(), destination.begin() + 12, destination.end());
  } else {
    append({0x86, 0xdd, 0x60, 0, 0, 0, 0, length, protocol, 64});
    append({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
    frame.insert(frame.end(), destination.begin(), destination.end());
  }
  frame.insert(frame.end(), l4.begin(), l4.end());
  return frame;
}

uint32_t MatchByCore(const ImageView& image, const Address& address, uint32_t transport,
                     uint16_t port) {
  const lb_view view = ViewOf(image);
  const std::vector<uint8_t> frame = Frame(address, transport, port);
  lb_flow flow{};
  const lb_verdict verdict = lb_classify(&view, frame.data(), frame.data() + frame.size(), &flow);
  return verdict == LB_FORWARD ? flow.service : LB_NONE;
}

bool Covers(const ServiceSpec& service, const Address& address) {
  if (FamilyOf(service.vip) != FamilyOf(address)) return false;
  for (uint32_t bit = 0; bit < service.prefix_length; bit++) {
    if (((service.vip[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

// The rules of INTERFACE, written the slow way: longest prefix; in it exact port, then range, then
// any.
uint32_t MatchByRules(const ImageSpec& spec, const Address& address, uint32_t transport,
                      uint16_t port) {
  uint32_t best = LB_NONE;
  int best_rank = -1;
  for (uint32_t i = 0; i < spec.services.size(); i++) {
    const ServiceSpec& service = spec.services[i];
    if (service.transport != transport || !Covers(service, address)) continue;
    int kind = service.any_port ? 0 : -1;
    for (const PortSpan ports : service.ports) {
      if (ports.low <= port && port <= ports.high) {
        kind = std::max(kind, ports.low == ports.high ? 2 : 1);
      }
    }
    if (kind < 0) continue;
    const int rank = service.prefix_length * 3 + kind;
    if (rank > best_rank) {
      best_rank = rank;
      best = i;
    }
  }
  return best;
}

class RandomImageTest : public testing::TestWithParam<uint32_t> {
 protected:
  std::mt19937 random_{GetParam()};
  uint32_t Draw(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random_);
  }
  // Few distinct values, so that prefixes nest and ports collide.
  Address DrawAddress() {
    if (Draw(0, 1) == 0) {
      return V4(203, 0, static_cast<uint8_t>(Draw(112, 115)), static_cast<uint8_t>(Draw(0, 15)));
    }
    return V6(static_cast<uint16_t>(Draw(0, 600)));
  }
  Address Masked(Address address, uint32_t prefix_length) {
    for (uint32_t bit = prefix_length; bit < 128; bit++) {
      address[bit / 8] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
    }
    return address;
  }
  ServiceSpec DrawService(uint32_t number) {
    static constexpr uint8_t kLengths[] = {128, 128, 126, 124, 120};
    const Address address = DrawAddress();
    const uint8_t length = kLengths[Draw(0, std::size(kLengths) - 1)];
    ServiceSpec service = MakeService("s" + std::to_string(number), Masked(address, length),
                                      static_cast<uint16_t>(Draw(0, 1)), {});
    service.prefix_length = length;
    service.transport = Draw(0, 1) == 0 ? LB_TCP : LB_UDP;
    if (Draw(0, 9) == 0) return service;
    service.any_port = false;
    for (uint32_t i = Draw(1, 4); i > 0; i--) {
      const auto low = static_cast<uint16_t>(Draw(1, 60));
      const bool is_range = Draw(0, 2) == 0;
      service.ports.push_back({low, static_cast<uint16_t>(is_range ? low + Draw(1, 9) : low)});
    }
    return service;
  }
};

TEST_P(RandomImageTest, CoreFindsWhatTheRulesSay) {
  ImageSpec spec = SmallSpec();
  spec.services.clear();
  const uint32_t wanted = Draw(1, 200);
  for (uint32_t number = 0; number < wanted; number++) {
    spec.services.push_back(DrawService(number));
    if (!BuildImage(spec).ok()) spec.services.pop_back();  // overlaps an earlier one
  }
  const absl::StatusOr<ImageView> image = VerifySpec(spec);
  ASSERT_TRUE(image.ok()) << image.status() << " seed " << GetParam();
  uint32_t hits = 0;
  for (int i = 0; i < 20000; i++) {
    const Address address = DrawAddress();
    const uint32_t transport = Draw(0, 1);
    const auto port = static_cast<uint16_t>(Draw(0, 75));
    const uint32_t expected = MatchByRules(spec, address, transport, port);
    hits += expected != LB_NONE;
    ASSERT_EQ(MatchByCore(*image, address, transport, port), expected)
        << AddressText(address) << " port " << port << " transport " << transport << " seed "
        << GetParam();
  }
  EXPECT_GT(hits, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomImageTest, testing::Range(1u, 21u));

TEST(ImageBuilderTest, RoundTripKeepsEveryField) {
  const ImageSpec spec = SmallSpec(42);
  const absl::StatusOr<ImageView> image = VerifySpec(spec);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->generation(), 42u);
  EXPECT_EQ(image->revision(), 7u);
  EXPECT_EQ(image->params().hash_key[1], spec.params.hash_key[1]);
  ASSERT_EQ(image->services().size(), 4u);
  EXPECT_EQ(image->services()[0].id, NameId("http4"));
  EXPECT_EQ(image->services()[1].counter_base, 3u);
  EXPECT_EQ(image->counter_count(), 3u + 2 + 2 + 3);
  EXPECT_EQ(image->services()[0].slot_shift, 52);
  ASSERT_EQ(image->backends().size(), 5u);
  EXPECT_EQ(image->backends()[4].pool, 1);
  EXPECT_EQ(image->backends()[4].pool_pos, 1);
  EXPECT_EQ(image->members()[2].weight, 7u);
  EXPECT_EQ(image->members()[2].slots, 2867u);
  EXPECT_EQ(image->next_hops()[0].has_static_mac, 1);
  const auto* slots = reinterpret_cast<const lb_slot*>(image->services()[0].plane_word);
  EXPECT_EQ(slots, spec.pools[0].base->slots().data());
}

TEST(ImageBuilderTest, OuterSumIsTheChecksumOfAHeaderWithoutItsVaryingFields) {
  const absl::StatusOr<ImageView> image = VerifySpec(SmallSpec());
  ASSERT_TRUE(image.ok()) << image.status();
  const uint8_t header[20] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 10, 0, 0, 10, 10, 0, 0, 1};
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += header[i] | header[i + 1] << 8;
  EXPECT_EQ(image->backends()[1].outer_sum, sum);
}

TEST(ImageBuilderTest, PoolWithoutSlotsHasNoTable) {
  ImageSpec spec = SmallSpec();
  spec.pools.push_back(MakePool("empty", {}, 5));
  spec.services.push_back(MakeService("nobody", V4(203, 0, 113, 99), 2, {{80, 80}}));
  const absl::StatusOr<ImageView> image = VerifySpec(spec);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->services()[4].table, LB_TABLE_NONE);
  EXPECT_EQ(image->services()[4].plane_word, 0u);
  EXPECT_EQ(image->vips()[image->services()[4].vip].flags, 0);
  EXPECT_EQ(image->vips()[image->services()[0].vip].flags, LB_VIP_ANSWERS_ECHO);
}

TEST(ImageBuilderTest, ImageWithoutServicesIsPossible) {
  ImageSpec spec;
  spec.generation = 1;
  EXPECT_TRUE(VerifySpec(spec).ok()) << VerifySpec(spec).status();
}

TEST(ImageBuilderTest, LimitsAreReachedWithoutFault) {
  ImageSpec spec = SmallSpec();
  spec.services.clear();
  for (uint32_t i = 0; i < LB_SERVICES_MAX; i++) {
    std::vector<PortSpan> ports;
    for (uint16_t port = 1; port <= kExactPortsMax / LB_SERVICES_MAX; port++) {
      ports.push_back({port, port});
    }
    spec.services.push_back(MakeService(
        "s" + std::to_string(i), V4(203, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)),
        0, std::move(ports)));
  }
  const absl::StatusOr<ImageView> image = VerifySpec(spec);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->vips().size(), LB_VIPS_MAX);
  spec.services.push_back(MakeService("one-more", V6(9), 0, {{1, 1}}));
  EXPECT_FALSE(BuildImage(spec).ok());
}

void ExpectRefused(const ImageSpec& spec, const std::string& part) {
  const absl::StatusOr<AlignedBytes> root = BuildImage(spec);
  ASSERT_FALSE(root.ok()) << "expected a refusal with: " << part;
  EXPECT_NE(root.status().message().find(part), absl::string_view::npos) << root.status();
}

TEST(ImageBuilderTest, OverlapOfEqualRankNamesBothServices) {
  ImageSpec spec = SmallSpec();
  spec.services.push_back(MakeService("again", V4(203, 0, 113, 10), 1, {{443, 443}}));
  ExpectRefused(spec, "services http4 and again both claim port 443 of 203.0.113.10/32/tcp");
  spec.services.back().ports = {{8090, 8200}};
  ExpectRefused(spec, "services range4 and again both claim port 8090");
  spec.services.back() = MakeService("again", V4(203, 0, 113, 0), 1, {});
  spec.services.back().prefix_length = 120;
  ExpectRefused(spec, "services any4 and again both claim every port");
}

TEST(ImageBuilderTest, RefusesImpossibleServices) {
  ImageSpec spec = SmallSpec();
  spec.services[0].prefix_length = 120;
  ExpectRefused(spec, "bits beyond its prefix length");
  spec = SmallSpec();
  spec.services[0].pool = 9;
  ExpectRefused(spec, "pool 9 of 2");
  spec = SmallSpec();
  spec.services[0].ports = {{90, 80}};
  ExpectRefused(spec, "runs backwards");
  spec = SmallSpec();
  spec.services[0].prefix_length = 80;
  ExpectRefused(spec, "prefix length 80");
}

TEST(ImageBuilderTest, RefusesImpossibleMembers) {
  ImageSpec spec = SmallSpec();
  spec.pools[1].members[0].lease = 0;
  ExpectRefused(spec, "index 0 already belongs to another backend");
  spec = SmallSpec();
  spec.pools[0].members[0].next_hop = 2;
  ExpectRefused(spec, "it has no next hop");
  spec = SmallSpec();
  spec.pools[0].slots_log2 = 13;
  ExpectRefused(spec, "2^12 slots instead of 2^13");
}

TEST(ImageBuilderTest, MoreThanSixteenPrefixLengthsAreRefused) {
  ImageSpec spec = SmallSpec();
  spec.services.clear();
  for (uint8_t length = 97; length <= 113; length++) {
    spec.services.push_back(MakeService("p" + std::to_string(length), V4(0, 0, 0, 0), 0, {}));
    spec.services.back().prefix_length = length;
  }
  ExpectRefused(spec, "17 different prefix lengths");
}

}  // namespace
}  // namespace evenkeel

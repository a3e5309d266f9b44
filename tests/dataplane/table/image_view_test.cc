// A plane accepts nothing that it could not forward by: every lie is refused with its code, and no
// bytes whatsoever make the verifier read outside of them (run under ASan too).
#include "dataplane/table/image_view.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "dataplane/table/refusal.h"
#include "tests/dataplane/table/image_fixture.h"

namespace evenkeel {
namespace {

class ImageViewTest : public testing::Test {
 protected:
  ImageSpec spec_ = SmallSpec();
  AlignedBytes good_ = MustBuild(spec_);
  TableLookup lookup_ = LookupIn(TablesOf(spec_));

  absl::Status Verify(AlignedBytes root, VerifyCache* cache = nullptr) {
    return ImageView::Verify(std::move(root), lookup_, cache).status();
  }
  // Changes the good root, seals it again and expects the refusal.
  void ExpectRefused(NackCode code, const std::function<void(AlignedBytes&)>& change) {
    AlignedBytes root = AlignedBytes::CopyOf(good_.bytes());
    change(root);
    Reseal(root);
    const absl::Status status = Verify(std::move(root));
    EXPECT_EQ(NackCodeName(NackCodeOf(status)), NackCodeName(code)) << status;
  }
};

TEST_F(ImageViewTest, AcceptsWhatTheBuilderMade) {
  EXPECT_EQ(Verify(AlignedBytes::CopyOf(good_.bytes())), absl::OkStatus());
}

TEST_F(ImageViewTest, RejectsEveryTruncation) {
  for (size_t size = 0; size < good_.size(); size++) {
    const absl::Status status = Verify(AlignedBytes::CopyOf(good_.bytes().first(size)));
    ASSERT_EQ(NackCodeOf(status), NackCode::kSize) << size << " bytes: " << status;
  }
}

TEST_F(ImageViewTest, RejectsABitFlipInEveryByte) {
  for (size_t at = 0; at < good_.size(); at++) {
    AlignedBytes root = AlignedBytes::CopyOf(good_.bytes());
    root.data()[at] ^= std::byte{static_cast<uint8_t>(1u << (at % 8))};
    ASSERT_FALSE(Verify(std::move(root)).ok()) << "byte " << at;
  }
}

TEST_F(ImageViewTest, SurvivesFlipsUnderAValidChecksum) {
  for (size_t at = 0; at < good_.size(); at++) {
    for (const uint8_t mask : {0x01, 0x80, 0xff}) {
      AlignedBytes root = AlignedBytes::CopyOf(good_.bytes());
      root.data()[at] ^= std::byte{mask};
      if (Header(root).size != root.size()) continue;
      Reseal(root);
      (void)Verify(std::move(root));
    }
  }
}

TEST_F(ImageViewTest, SurvivesRandomDamageUnderAValidChecksum) {
  const uint32_t seed = std::random_device()();
  std::mt19937 random(seed);
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  for (int round = 0; round < 20000; round++) {
    AlignedBytes root = AlignedBytes::CopyOf(good_.bytes());
    for (uint32_t n = random() % 8 + 1; n > 0; n--) {
      // Half of the damage goes where offsets and counts are.
      const size_t reach = random() % 2 == 0 ? sizeof(lb_root) : root.size();
      root.data()[24 + random() % (reach - 24)] = std::byte{static_cast<uint8_t>(random())};
    }
    Reseal(root);
    (void)Verify(std::move(root));
  }
}

TEST_F(ImageViewTest, RejectsWrongMagicAbiSizeAndChecksum) {
  ExpectRefused(NackCode::kMagic, [](AlignedBytes& r) { Header(r).magic++; });
  ExpectRefused(NackCode::kAbi, [](AlignedBytes& r) { Header(r).abi++; });
  ExpectRefused(NackCode::kSize, [](AlignedBytes& r) { Header(r).size += 64; });
  AlignedBytes root = AlignedBytes::CopyOf(good_.bytes());
  Header(root).checksum++;
  EXPECT_EQ(NackCodeOf(Verify(std::move(root))), NackCode::kChecksum);
}

TEST_F(ImageViewTest, RejectsSectionsThatDoNotFit) {
  for (int i = 0; i < LB_SECTIONS; i++) {
    SCOPED_TRACE(i);
    const auto refused = [&](const std::function<void(lb_section_ref&)>& change) {
      ExpectRefused(NackCode::kSection, [&](AlignedBytes& r) { change(Header(r).section[i]); });
    };
    refused([&](lb_section_ref& s) { s.offset = good_.size() + 64; });
    refused([](lb_section_ref& s) { s.offset = ~uint64_t{63}; });
    refused([](lb_section_ref& s) { s.offset += 8; });
    refused([](lb_section_ref& s) { s.offset = 0; });
    refused([](lb_section_ref& s) { s.stride += 8; });
    refused([](lb_section_ref& s) { s.count = 0xffffffff; });
  }
  ExpectRefused(NackCode::kSection, [](AlignedBytes& r) {
    Header(r).section[LB_SECTION_POOLS].offset = Header(r).section[LB_SECTION_SERVICES].offset;
  });
  ExpectRefused(NackCode::kSection, [](AlignedBytes& r) { Header(r).section_count--; });
}

TEST_F(ImageViewTest, RejectsServicesThatNameWhatIsNotThere) {
  const auto change = [](const std::function<void(lb_service&)>& set) {
    return [set](AlignedBytes& r) { set(Records<lb_service>(r, LB_SECTION_SERVICES)[1]); };
  };
  ExpectRefused(NackCode::kIndex, change([](lb_service& s) { s.pool = 2; }));
  ExpectRefused(NackCode::kIndex, change([](lb_service& s) { s.vip = 99; }));
  ExpectRefused(NackCode::kIndex, change([](lb_service& s) { s.table = 0; }));
  ExpectRefused(NackCode::kIndex, change([](lb_service& s) { s.slot_shift = 40; }));
  ExpectRefused(NackCode::kIndex, change([](lb_service& s) { s.counter_base = 1; }));
  ExpectRefused(NackCode::kRecord, change([](lb_service& s) { s.transport = 2; }));
  ExpectRefused(NackCode::kRecord, change([](lb_service& s) { s.affinity = 2; }));
  ExpectRefused(NackCode::kRecord, change([](lb_service& s) { s.plane_word = 1; }));
  ExpectRefused(NackCode::kRecord, change([](lb_service& s) { s.id = NameId("http4"); }));
  ExpectRefused(NackCode::kIndex, [](AlignedBytes& r) { Header(r).counters++; });
}

TEST_F(ImageViewTest, RejectsPoolsAndMembersThatDoNotFit) {
  const auto pool = [](const std::function<void(lb_pool&)>& set) {
    return [set](AlignedBytes& r) { set(Records<lb_pool>(r, LB_SECTION_POOLS)[0]); };
  };
  ExpectRefused(NackCode::kIndex, pool([](lb_pool& p) { p.member_count = 9; }));
  ExpectRefused(NackCode::kIndex, pool([](lb_pool& p) { p.member_first = 1; }));
  ExpectRefused(NackCode::kIndex, pool([](lb_pool& p) { p.table = 7; }));
  ExpectRefused(NackCode::kIndex, pool([](lb_pool& p) { p.base_table = LB_TABLE_NONE; }));
  ExpectRefused(NackCode::kRecord, pool([](lb_pool& p) { p.slots_log2 = 63; }));
  ExpectRefused(NackCode::kRecord, pool([](lb_pool& p) { p.fill = 2; }));
  const auto member = [](const std::function<void(lb_member&)>& set) {
    return [set](AlignedBytes& r) { set(Records<lb_member>(r, LB_SECTION_MEMBERS)[0]); };
  };
  ExpectRefused(NackCode::kIndex, member([](lb_member& m) { m.backend = 1; }));
  ExpectRefused(NackCode::kIndex, member([](lb_member& m) { m.backend = 0xfffe; }));
  ExpectRefused(NackCode::kRecord, member([](lb_member& m) { m.weight = kWeightMax + 1; }));
  ExpectRefused(NackCode::kQuota, member([](lb_member& m) { m.slots++; }));
}

TEST_F(ImageViewTest, RejectsBackendsThatDoNotFit) {
  const auto change = [](const std::function<void(lb_backend&)>& set) {
    return [set](AlignedBytes& r) { set(Records<lb_backend>(r, LB_SECTION_BACKENDS)[3]); };
  };
  ExpectRefused(NackCode::kIndex, change([](lb_backend& b) { b.pool = 5; }));
  ExpectRefused(NackCode::kIndex, change([](lb_backend& b) { b.pool_pos = 1; }));
  ExpectRefused(NackCode::kIndex, change([](lb_backend& b) { b.next_hop = 2; }));
  ExpectRefused(NackCode::kIndex, change([](lb_backend& b) { b.next_hop = LB_NONE; }));
  ExpectRefused(NackCode::kIndex, change([](lb_backend& b) { b.family = LB_FAMILY_NONE; }));
  ExpectRefused(NackCode::kRecord, change([](lb_backend& b) { b.family = LB_IPV6; }));
  ExpectRefused(NackCode::kRecord, change([](lb_backend& b) { b.encap = 3; }));
  ExpectRefused(NackCode::kRecord, change([](lb_backend& b) { b.state = 3; }));
  ExpectRefused(NackCode::kRecord, change([](lb_backend& b) { b.outer_sum++; }));
  ExpectRefused(NackCode::kRecord, change([](lb_backend& b) { b.id++; }));
  ExpectRefused(NackCode::kRecord, change([](lb_backend& b) { b.flags = LB_BACKEND_DRAINED; }));
}

TEST_F(ImageViewTest, RejectsMatchingThatDoesNotFindItsServices) {
  const auto vip = [](const std::function<void(lb_vip&)>& set) {
    return [set](AlignedBytes& r) { set(Records<lb_vip>(r, LB_SECTION_VIPS)[0]); };
  };
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.prefix_index = 1; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.prefix_index = 200; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.prefix_length = 129; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.address[15]++; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.flags = 0; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.any_service[0] = 2; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.any_service[0] = 0x7fff; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.range_count[0] = 2; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.range_count[0] = 0; }));
  ExpectRefused(NackCode::kMatch, vip([](lb_vip& v) { v.range_first[0] = 1; }));
  ExpectRefused(NackCode::kMatch, [](AlignedBytes& r) {
    Records<lb_port_range>(r, LB_SECTION_PORT_RANGES)[0].low = 9000;
  });
  ExpectRefused(NackCode::kMatch, [](AlignedBytes& r) {
    Records<lb_params>(r, LB_SECTION_PARAMS)[0].vip_row_mask = 0xffff;
  });
  ExpectRefused(NackCode::kMatch,
                [](AlignedBytes& r) { Records<lb_params>(r, LB_SECTION_PARAMS)[0].port_seed++; });
  ExpectRefused(NackCode::kMatch, [](AlignedBytes& r) {
    for (lb_vip_row& row : Records<lb_vip_row>(r, LB_SECTION_VIP_ROWS)) row = {};
  });
  ExpectRefused(NackCode::kMatch, [](AlignedBytes& r) {
    for (lb_port_row& row : Records<lb_port_row>(r, LB_SECTION_PORT_ROWS)) row = {};
  });
}

TEST_F(ImageViewTest, RejectsParamsOfAnotherGeneration) {
  ExpectRefused(NackCode::kRecord, [](AlignedBytes& r) { Header(r).generation++; });
  ExpectRefused(NackCode::kRecord, [](AlignedBytes& r) {
    Records<lb_params>(r, LB_SECTION_PARAMS)[0].prefix_count[0] = 17;
  });
}

TEST_F(ImageViewTest, RejectsTablesThatAreMissingOrAnothers) {
  ExpectRefused(NackCode::kTableMissing, [](AlignedBytes& r) {
    Records<lb_table_ref>(r, LB_SECTION_TABLES)[0].digest[5] ^= 1;
  });
  ExpectRefused(NackCode::kTableDigest, [](AlignedBytes& r) {
    Records<lb_table_ref>(r, LB_SECTION_TABLES)[0].id_digest[5] ^= 1;
  });
  ExpectRefused(NackCode::kTableContent, [](AlignedBytes& r) {
    const auto refs = Records<lb_table_ref>(r, LB_SECTION_TABLES);
    std::swap(refs[0].digest, refs[1].digest);
  });
  ExpectRefused(NackCode::kIndex,
                [](AlignedBytes& r) { Records<lb_table_ref>(r, LB_SECTION_TABLES)[0].pool = 1; });
  ExpectRefused(NackCode::kTableShape, [](AlignedBytes& r) {
    Records<lb_table_ref>(r, LB_SECTION_TABLES)[0].slots_log2 = 13;
  });
}

TEST_F(ImageViewTest, RejectsSharesThatAreNotTheStatedOnes) {
  ExpectRefused(NackCode::kQuota, [](AlignedBytes& r) {
    const auto members = Records<lb_member>(r, LB_SECTION_MEMBERS);
    members[0].slots++;
    members[1].slots--;
  });
}

TEST_F(ImageViewTest, RejectsTransitionsInABaseTableOrOutOfRange) {
  std::vector<lb_slot> slots(spec_.pools[0].base->slots().begin(),
                             spec_.pools[0].base->slots().end());
  slots[17] |= 1u << 16;
  const TablePtr moved = *Table::Create(slots);
  spec_.pools[0].effective = moved;
  spec_.pools[0].effective_id_digest = spec_.pools[0].base_id_digest;
  EXPECT_EQ(NackCodeOf(VerifySpec(spec_).status()), NackCode::kTableContent);
  spec_.transitions.push_back({.previous = 1, .state = 1, .open_until_ns = 5});
  EXPECT_TRUE(VerifySpec(spec_).ok()) << VerifySpec(spec_).status();
  spec_.transitions[0].previous = 99;
  EXPECT_EQ(NackCodeOf(VerifySpec(spec_).status()), NackCode::kIndex);
  spec_.transitions[0].previous = LB_NONE;
  EXPECT_EQ(NackCodeOf(VerifySpec(spec_).status()), NackCode::kIndex);
  spec_.transitions[0].state = LB_SLOT_TAIL;
  EXPECT_TRUE(VerifySpec(spec_).ok()) << VerifySpec(spec_).status();
  spec_.transitions[0].armed_until_ns = 7;
  spec_.transitions[0].armed_previous = 99;
  EXPECT_EQ(NackCodeOf(VerifySpec(spec_).status()), NackCode::kIndex);
  spec_.transitions[0].armed_previous = 1;
  EXPECT_TRUE(VerifySpec(spec_).ok()) << VerifySpec(spec_).status();
  spec_.pools[0].base = moved;
  spec_.pools[0].effective = nullptr;
  EXPECT_EQ(NackCodeOf(VerifySpec(spec_).status()), NackCode::kTableContent);
}

TEST_F(ImageViewTest, AFormerServiceMayHaveItsPoolsTableOfAnotherNumberOfSlots) {
  const PoolSpec before = MakePool("web", {1, 2, 7}, 0, 13);
  spec_.services[0].former = {
      .pool = 0, .until_ns = 5, .table = before.base, .id_digest = before.base_id_digest};
  spec_.services[3].former = spec_.services[0].former;
  good_ = MustBuild(spec_);
  lookup_ = LookupIn(TablesOf(spec_));
  const absl::StatusOr<ImageView> image = VerifySpec(spec_);
  ASSERT_TRUE(image.ok()) << image.status();
  const lb_service& former = image->services()[image->services()[0].former];
  EXPECT_EQ(former.slot_shift, 64 - 13);
  EXPECT_EQ(image->tables()[former.table], before.base);
  EXPECT_EQ(image->tables().size(), 3u) << "both services share it";

  const auto change = [](size_t at, const std::function<void(lb_service&)>& set) {
    return [=](AlignedBytes& r) { set(Records<lb_service>(r, LB_SECTION_SERVICES)[at]); };
  };
  const uint32_t table = former.table;
  ExpectRefused(NackCode::kIndex, change(0, [&](lb_service& s) {
                  s.table = table;
                  s.slot_shift = 64 - 13;
                }));
  ExpectRefused(NackCode::kIndex, change(4, [](lb_service& s) { s.table = 1; }));
  ExpectRefused(NackCode::kIndex, change(4, [](lb_service& s) { s.table = 7; }));
  ExpectRefused(NackCode::kIndex, change(4, [](lb_service& s) { s.slot_shift = 64 - 12; }));
  ExpectRefused(NackCode::kRecord, change(4, [](lb_service& s) { s.id++; }));
  ExpectRefused(NackCode::kIndex, change(4, [](lb_service& s) { s.former = 5; }));
  ExpectRefused(NackCode::kTableShape, [&](AlignedBytes& r) {
    Records<lb_table_ref>(r, LB_SECTION_TABLES)[table].slots_log2 = 14;
    for (lb_service& s : Records<lb_service>(r, LB_SECTION_SERVICES).subspan(4)) {
      s.slot_shift = 64 - 14;
    }
  });

  // Its owners may be on their way out; it refers to no transition.
  for (const uint32_t reference : {0u, 1u}) {
    std::vector<lb_slot> slots(before.base->slots().begin(), before.base->slots().end());
    slots[17] = 9 | reference << 16;
    spec_.pools[0].members.push_back({.address = V4(10, 0, 0, 99),
                                      .backend_id = BackendId(V4(10, 0, 0, 99)),
                                      .lease = 9,
                                      .flags = LB_BACKEND_LEAVING});
    spec_.transitions = {{.previous = LB_NONE, .state = LB_SLOT_TAIL}};
    FormerSpec& leaving = *spec_.services[0].former;
    leaving.table = *Table::Create(slots);
    leaving.id_digest = IdDigest(*leaving.table, [](uint16_t backend) {
      return BackendId(backend == 9 ? V4(10, 0, 0, 99)
                                    : V4(10, 0, 0, static_cast<uint8_t>(backend)));
    });
    const absl::Status status = VerifySpec(spec_).status();
    EXPECT_EQ(status.ok(), reference == 0) << status;
    spec_.pools[0].members.pop_back();
  }
}

TEST_F(ImageViewTest, CacheDoesNotHideAChange) {
  VerifyCache cache;
  EXPECT_EQ(Verify(AlignedBytes::CopyOf(good_.bytes()), &cache), absl::OkStatus());
  EXPECT_EQ(Verify(AlignedBytes::CopyOf(good_.bytes()), &cache), absl::OkStatus());
  AlignedBytes root = AlignedBytes::CopyOf(good_.bytes());
  Records<lb_backend>(root, LB_SECTION_BACKENDS)[0].id++;
  Reseal(root);
  EXPECT_EQ(NackCodeOf(Verify(std::move(root), &cache)), NackCode::kRecord);
  root = AlignedBytes::CopyOf(good_.bytes());
  Records<lb_table_ref>(root, LB_SECTION_TABLES)[1].id_digest[0]++;
  Reseal(root);
  EXPECT_EQ(NackCodeOf(Verify(std::move(root), &cache)), NackCode::kTableDigest);
}

TEST_F(ImageViewTest, PublishedIsWhatCame) {
  const absl::StatusOr<ImageView> image =
      ImageView::Verify(AlignedBytes::CopyOf(good_.bytes()), lookup_, nullptr);
  ASSERT_TRUE(image.ok());
  EXPECT_NE(image->services()[0].plane_word, 0u);
  const AlignedBytes published = image->Published();
  ASSERT_EQ(published.size(), good_.size());
  EXPECT_EQ(std::memcmp(published.data(), good_.data(), good_.size()), 0);
  EXPECT_EQ(image->StatedDigest(), image->RecomputedDigest());
}

}  // namespace
}  // namespace evenkeel

// The audit of the maps: whatever was edited by hand is found and named. Needs root; skips without
// it.
#include "bpf/map_audit.h"

#include <gtest/gtest.h>

#include "tests/bpf/marked_image.h"

namespace evenkeel {
namespace {

class MapAuditTest : public MarkedImageTest {
 protected:
  ImageFacts Audit() {
    MapAudit audit(instance_->maps(), static_cast<uint32_t>(writer_->current_set()));
    for (size_t i = 0; i < audit.tables(); ++i) {
      audit.CopyTable(i);
      audit.CheckTable(i);
    }
    return audit.Finish();
  }
  // One fault, and it says so.
  void ExpectOne(const std::string& text) {
    const ImageFacts facts = Audit();
    ASSERT_EQ(facts.faults.size(), 1u) << text;
    EXPECT_NE(facts.faults[0].find(text), std::string::npos) << facts.faults[0];
  }
  template <typename Record>
  Record& InUse(std::span<Record> map, uint32_t per_set) {
    return map[static_cast<size_t>(writer_->current_set()) * per_set];
  }
};

TEST_F(MapAuditTest, FindsNothingInWhatWasPublished) {
  for (uint64_t generation = 1; generation <= 6; ++generation) {
    Publish(generation);
    const ImageFacts facts = Audit();
    EXPECT_TRUE(facts.faults.empty()) << facts.faults[0];
    EXPECT_EQ(facts.generation, generation);
    EXPECT_EQ(facts.digest, writer_->current()->StatedDigest());
  }
}

TEST_F(MapAuditTest, OneSlotGivenToAnotherBackendIsFound) {
  Publish(1);
  const uint32_t row = static_cast<uint32_t>(
      InUse(instance_->maps().services, instance_->maps().sizes.services).plane_word);
  lb_slot& slot = instance_->maps().slot_rows[row + 5].slot[3];
  const lb_slot former = slot;
  const auto backends = writer_->current()->backends();
  for (uint16_t other = 0; other < backends.size(); ++other) {
    if (backends[other].family != LB_FAMILY_NONE && other != lb_slot_backend(former)) slot = other;
  }
  const ImageFacts facts = Audit();
  ASSERT_EQ(facts.faults.size(), 2u);  // one has a slot more, one a slot fewer
  EXPECT_NE(facts.faults[0].find("pool 0"), std::string::npos) << facts.faults[0];
  EXPECT_NE(facts.faults[0].find("slots, the image states"), std::string::npos) << facts.faults[0];
  EXPECT_NE(facts.digest, writer_->current()->StatedDigest());
  slot = 60000;  // nobody
  EXPECT_EQ(Audit().faults.size(), 2u);
  slot = former;
  EXPECT_TRUE(Audit().faults.empty());
}

TEST_F(MapAuditTest, TwoSlotsSwappedAreFoundThoughTheSharesAreRight) {
  Publish(1);
  const uint32_t row = static_cast<uint32_t>(
      InUse(instance_->maps().services, instance_->maps().sizes.services).plane_word);
  lb_slot& first = instance_->maps().slot_rows[row].slot[0];
  for (uint32_t i = 1; i < 4096; ++i) {
    lb_slot& other = instance_->maps().slot_rows[row + i / 16].slot[i % 16];
    if (other == first) continue;
    std::swap(first, other);
    break;
  }
  ExpectOne("map slot_rows, table 0 of pool 0");
  EXPECT_NE(Audit().digest, writer_->current()->StatedDigest());
}

TEST_F(MapAuditTest, TheNextPublicationMendsATableThatIsNotTrusted) {
  Publish(1);
  const uint32_t row = static_cast<uint32_t>(
      InUse(instance_->maps().services, instance_->maps().sizes.services).plane_word);
  instance_->maps().slot_rows[row + 5].slot[3] ^= 1;
  Publish(1 + kMarks);  // with the same table
  EXPECT_FALSE(Audit().faults.empty()) << "what is there already is not written again";
  writer_->Distrust();
  EXPECT_FALSE(Audit().faults.empty());
  Publish(1 + 2 * kMarks);
  EXPECT_TRUE(Audit().faults.empty());
}

TEST_F(MapAuditTest, EveryRecordThatIsEditedIsNamed) {
  Publish(1);
  const LbMaps& maps = instance_->maps();
  const uint32_t set = static_cast<uint32_t>(writer_->current_set());
  const auto edit = [&](auto& field, auto value, const std::string& text) {
    const auto former = field;
    field = value;
    ExpectOne(text);
    field = former;
    EXPECT_TRUE(Audit().faults.empty());
  };
  edit(maps.params[set].mtu, uint16_t{1280}, "map params, record 0");
  edit(InUse(maps.vips, maps.sizes.vips).address[15], uint8_t{99}, "map vips, record 0");
  edit(InUse(maps.vip_rows, maps.sizes.vip_rows).cell[3], 77u, "map vip_rows, record 0");
  edit(InUse(maps.port_rows, maps.sizes.port_rows).cell[3], uint64_t{77}, "map port_rows, record");
  edit(InUse(maps.services, maps.sizes.services).affinity, uint8_t{1}, "map services, record 0");
  edit(InUse(maps.services, maps.sizes.services).plane_word, uint64_t{40},
       "its slots are taken from row 40");
  edit(InUse(maps.transitions, maps.sizes.transitions).previous, uint16_t{9},
       "map transitions, record 0");
  edit(InUse(maps.next_hops, maps.sizes.next_hops), uint64_t{0},
       "map next_hops, record 0: its MAC is not the configured one");
  edit(maps.backends[size_t{set + 1} * maps.sizes.backends - 1].family, uint8_t{LB_IPV4},
       "the image has no such backend");
  const uint16_t backend = lb_slot_backend(writer_->current()->tables()[0]->slots()[0]);
  edit(maps.backends[size_t{set} * maps.sizes.backends + backend].address[15], uint8_t{200},
       "map backends, record " + std::to_string(backend));
}

TEST_F(MapAuditTest, RootThatWasEditedIsFound) {
  Publish(1);
  const LbMaps& maps = instance_->maps();
  const size_t bytes = size_t{maps.sizes.root_rows} * LB_ROOT_ROW_BYTES;
  std::byte& one = maps.roots[static_cast<size_t>(writer_->current_set()) * bytes + 1000];
  one ^= std::byte{1};
  ExpectOne("map roots");
  one ^= std::byte{1};
  EXPECT_TRUE(Audit().faults.empty());
}

}  // namespace
}  // namespace evenkeel

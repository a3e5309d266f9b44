#include "dataplane/table/mailbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

// Rows that tell a torn read by themselves: each carries the generation and a check value over it
// and its place.
struct Row {
  uint64_t generation;
  uint64_t check;
};

uint64_t CheckOf(uint64_t generation, size_t place) {
  return (generation + 1) * 0x9e3779b97f4a7c15ull ^ place;
}

std::vector<Row> RowsOf(uint64_t generation) {
  std::vector<Row> rows(256 + generation % 64);
  for (size_t i = 0; i < rows.size(); i++) rows[i] = {generation, CheckOf(generation, i)};
  return rows;
}

// The generation of an untorn root; fails the test on a torn one.
uint64_t GenerationOf(const AlignedBytes& root) {
  std::vector<Row> rows(root.size() / sizeof(Row));
  std::memcpy(rows.data(), root.data(), root.size());
  const uint64_t generation = rows.at(0).generation;
  EXPECT_EQ(rows.size(), RowsOf(generation).size());
  for (size_t i = 0; i < rows.size(); i++) {
    EXPECT_EQ(rows[i].generation, generation);
    EXPECT_EQ(rows[i].check, CheckOf(generation, i));
  }
  return generation;
}

std::span<const std::byte> BytesOf(const std::vector<Row>& rows) {
  return std::as_bytes(std::span(rows));
}

constexpr size_t kCapacity = 8192;

TEST(MailboxTest, ReaderGetsTheLatestRoot) {
  MailboxWriter writer = *MailboxWriter::Create(kCapacity);
  const MailboxReader reader = *MailboxReader::Open(*Duplicate(writer.fd()), kCapacity);
  for (uint64_t generation = 1; generation <= 100; generation++) {
    ASSERT_TRUE(writer.Write(BytesOf(RowsOf(generation))).ok());
    const absl::StatusOr<AlignedBytes> root = reader.Read();
    ASSERT_TRUE(root.ok()) << root.status();
    EXPECT_EQ(GenerationOf(*root), generation);
  }
}

TEST(MailboxTest, SizesThatAreNoMultipleOfAWordSurvive) {
  MailboxWriter writer = *MailboxWriter::Create(100);
  const MailboxReader reader = *MailboxReader::Open(*Duplicate(writer.fd()), writer.capacity());
  for (size_t size = 0; size <= writer.capacity(); size++) {
    const std::vector<std::byte> root(size, std::byte{static_cast<uint8_t>(size)});
    ASSERT_TRUE(writer.Write(root).ok());
    const AlignedBytes copy = *reader.Read();
    ASSERT_EQ(copy.size(), size);
    EXPECT_TRUE(size == 0 || std::memcmp(copy.data(), root.data(), size) == 0);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(writer.Write(std::vector<std::byte>(129))));
}

TEST(MailboxTest, OpenRefusesAMemfdThatCouldShrink) {
  UniqueFd loose(memfd_create("loose", MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(loose.get(), MailboxSize(kCapacity)), 0);
  EXPECT_EQ(NackCodeOf(MailboxReader::Open(std::move(loose), kCapacity).status()),
            NackCode::kMailbox);
}

TEST(MailboxTest, OpenRefusesImpossibleCapacities) {
  const MailboxWriter writer = *MailboxWriter::Create(kCapacity);
  for (const size_t capacity : {size_t{0}, size_t{8191}, size_t{64}, size_t{16384}, ~size_t{63}}) {
    EXPECT_EQ(NackCodeOf(MailboxReader::Open(*Duplicate(writer.fd()), capacity).status()),
              NackCode::kMailbox);
  }
  EXPECT_FALSE(MailboxWriter::Create(kRootBytesMax + 1).ok());
}

// The writer of a hostile or dying control: header words are whatever they are.
class HostileMailboxTest : public testing::Test {
 protected:
  HostileMailboxTest() {
    EXPECT_TRUE(writer_.Write(BytesOf(RowsOf(1))).ok());
    region_ = *MapShared(writer_.fd(), MailboxSize(kCapacity), Access::kReadWrite);
  }
  MailboxHeader& header() { return *reinterpret_cast<MailboxHeader*>(region_.data()); }
  NackCode Read() { return NackCodeOf(reader_.Read().status()); }

  MailboxWriter writer_ = *MailboxWriter::Create(kCapacity);
  MailboxReader reader_ = *MailboxReader::Open(*Duplicate(writer_.fd()), kCapacity);
  MappedRegion region_;
};

TEST_F(HostileMailboxTest, EveryLieIsRefused) {
  ASSERT_EQ(Read(), NackCode::kNone);
  MailboxHeader::Slot& slot = header().slot[header().current];
  slot.sequence++;
  EXPECT_EQ(Read(), NackCode::kMailbox);
  slot.sequence++;
  slot.size = kCapacity + 1;
  EXPECT_EQ(Read(), NackCode::kSize);
  slot.size = ~uint64_t{0};
  EXPECT_EQ(Read(), NackCode::kSize);
  slot.size = 16;
  EXPECT_EQ(Read(), NackCode::kChecksum);
  slot.size = RowsOf(1).size() * sizeof(Row);
  EXPECT_EQ(Read(), NackCode::kNone);
  header().current = 2;
  EXPECT_EQ(Read(), NackCode::kMailbox);
}

TEST(MailboxTest, WriterKilledAtAnyInstantLeavesNoTornRoot) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  uint64_t reads = 0;
  for (int round = 0; round < 100; round++) {
    MailboxWriter writer = *MailboxWriter::Create(kCapacity);
    ASSERT_TRUE(writer.Write(BytesOf(RowsOf(1))).ok());
    const MailboxReader reader = *MailboxReader::Open(*Duplicate(writer.fd()), kCapacity);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (uint64_t generation = 2;; generation++) (void)writer.Write(BytesOf(RowsOf(generation)));
    }
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 5000);
    uint64_t last = 0;
    do {
      const absl::StatusOr<AlignedBytes> root = reader.Read();
      if (!root.ok()) continue;  // rewritten meanwhile: said aloud, never torn
      const uint64_t generation = GenerationOf(*root);
      EXPECT_GE(generation, last);
      last = generation;
      reads++;
    } while (std::chrono::steady_clock::now() < until);
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    const absl::StatusOr<AlignedBytes> root = reader.Read();
    ASSERT_TRUE(root.ok()) << root.status();  // the current slot is never the one in the making
    EXPECT_GE(GenerationOf(*root), last);
  }
  EXPECT_GT(reads, 100u);
}

}  // namespace
}  // namespace evenkeel

// A writer that never stops and readers in the same process, for TSan's eyes; rows that check
// themselves.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "dataplane/table/mailbox.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

constexpr size_t kWords = 1024;

absl::Status WriteRoot(MailboxWriter& writer, uint64_t generation) {
  std::vector<uint64_t> words(kWords);
  for (size_t i = 0; i < kWords; i++) words[i] = generation * 0x9e3779b97f4a7c15ull + i;
  return writer.Write(std::as_bytes(std::span(words)));
}

bool IsWhole(const AlignedBytes& root) {
  std::vector<uint64_t> words(kWords);
  std::memcpy(words.data(), root.data(), kWords * sizeof(uint64_t));
  for (size_t i = 0; i < kWords; i++) {
    if (words[i] - i != words[0]) return false;
  }
  return true;
}

TEST(MailboxStressTest, ReadersGetWholeRootsOrARefusal) {
  MailboxWriter writer = *MailboxWriter::Create(kWords * sizeof(uint64_t));
  ASSERT_TRUE(WriteRoot(writer, 1).ok());
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> whole = 0, torn = 0, refused = 0, wrong_code = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; i++) {
    readers.emplace_back([&] {
      const MailboxReader reader = *MailboxReader::Open(*Duplicate(writer.fd()), writer.capacity());
      while (!stop) {
        const absl::StatusOr<AlignedBytes> root = reader.Read();
        if (root.ok()) {
          (IsWhole(*root) ? whole : torn)++;
        } else {
          (NackCodeOf(root.status()) == NackCode::kMailbox ? refused : wrong_code)++;
        }
      }
    });
  }
  const absl::Time until = absl::Now() + absl::Seconds(2);
  for (uint64_t generation = 2; absl::Now() < until; generation++) {
    EXPECT_TRUE(WriteRoot(writer, generation).ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(wrong_code, 0u);
  EXPECT_GT(whole, 0u);
}

}  // namespace
}  // namespace evenkeel

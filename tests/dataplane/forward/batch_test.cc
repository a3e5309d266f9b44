// batch.h is a faster lb_classify(): held against it, field by field, over the corpus and mutated
// frames, in bursts of every kind of neighbour.
#include "dataplane/forward/batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "dataplane/forward/forward.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"

namespace evenkeel::packets {
namespace {

std::string Fields(lb_verdict verdict, const lb_flow& flow) {
  const Bytes bytes(reinterpret_cast<const uint8_t*>(&flow),
                    reinterpret_cast<const uint8_t*>(&flow) + sizeof(flow));
  // Behind another verdict only what tells why, and what kind of packet it was, has a meaning.
  if (verdict == LB_FORWARD) return HexDump(bytes);
  return std::to_string(verdict) + " " + std::to_string(flow.reason) + " " +
         std::to_string(flow.family) + " " + std::to_string(flow.l3_offset) + " " +
         std::to_string(flow.protocol) + " " + std::to_string(flow.service);
}

class BatchTest : public testing::Test {
 protected:
  // Each frame on a heap buffer of exactly its size.
  void ExpectAsOneByOne(const lb_view& view, const std::vector<Bytes>& frames) {
    lb_flow flows[LB_BATCH_MAX];
    lb_verdict verdicts[LB_BATCH_MAX];
    std::memset(flows, 0xee, sizeof(flows));
    std::vector<std::unique_ptr<uint8_t[]>> buffers;
    lb_batch_begin(&view, &batch_, &memo_);
    for (size_t i = 0; i < frames.size(); i++) {
      buffers.push_back(std::make_unique<uint8_t[]>(frames[i].size()));
      std::copy(frames[i].begin(), frames[i].end(), buffers[i].get());
      verdicts[i] =
          lb_batch_add(&view, &batch_, &memo_, buffers[i].get(),
                       buffers[i].get() + frames[i].size(), &flows[i], static_cast<uint32_t>(i));
    }
    lb_batch_finish(&view, &batch_, flows);
    for (size_t i = 0; i < frames.size(); i++) {
      lb_flow flow;
      const lb_verdict verdict =
          lb_classify(&view, buffers[i].get(), buffers[i].get() + frames[i].size(), &flow);
      ASSERT_EQ(Fields(verdicts[i], flows[i]), Fields(verdict, flow)) << "at " << i << "\n"
                                                                      << HexDump(frames[i]);
    }
  }
  lb_batch batch_;
  lb_memo memo_{};
};

TEST_F(BatchTest, AgreesOnTheCorpusColdAndWarm) {
  for (const Case& c : Corpus()) {
    SCOPED_TRACE(c.name);
    const Tables tables(c.tables);
    memo_ = {};
    for (int round = 0; round < 2; round++)
      ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(tables.view(), {c.in, c.in, c.in}));
  }
}

TEST_F(BatchTest, AgreesOnMutatedBurstsOfAnySize) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<Case> corpus = Corpus();
  const Tables tables(Scene());
  for (int round = 0; round < 3000; round++) {
    std::vector<Bytes> frames(random() % (LB_BATCH_MAX + 1));
    for (Bytes& frame : frames) {
      frame = corpus[random() % corpus.size()].in;
      for (size_t times = random() % 3; times > 0 && !frame.empty(); times--)
        frame[random() % std::min<size_t>(frame.size(), 64)] = static_cast<uint8_t>(random());
      if (random() % 8 == 0) frame.resize(random() % (frame.size() + 1));
    }
    ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(tables.view(), frames));
  }
}

// Whether the shortest way takes a frame whose service the memo knows, or does not know.
class ShortestWayTest : public BatchTest {
 protected:
  bool IsTaken(const Bytes& frame) {
    const auto exact = std::make_unique<uint8_t[]>(frame.size());
    std::copy(frame.begin(), frame.end(), exact.get());
    lb_flow flow;
    return lb_batch_add_tcp(&batch_, &memo_, exact.get(), exact.get() + frame.size(), &flow, 0) !=
           0;
  }
  const Tables tables_{Scene()};
  const Bytes frame_ = Ethernet({}, TcpPacket({}));
  const Bytes frame6_ = Ethernet({}, TcpPacket(kTo6));
};

TEST_F(ShortestWayTest, TakesWhatTheMemoKnows) {
  lb_batch_begin(&tables_.view(), &batch_, &memo_);
  EXPECT_FALSE(IsTaken(frame_));
  ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(tables_.view(), {frame_}));
  EXPECT_TRUE(IsTaken(frame_));
  EXPECT_FALSE(IsTaken(frame6_));
  ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(tables_.view(), {frame6_}));
  EXPECT_TRUE(IsTaken(frame6_));
  EXPECT_TRUE(IsTaken(Ethernet({.padding = 6}, TcpPacket({}))));
  EXPECT_TRUE(IsTaken(Ethernet({}, TcpPacket({.client_port = 40001}, {}, kTcpSyn))));
}

TEST_F(ShortestWayTest, LeavesItsNeighboursToTheOthers) {
  ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(tables_.view(), {frame_, frame6_}));
  const auto changed = [](Bytes frame, size_t at, int value) {
    frame[at] = static_cast<uint8_t>(value);
    return frame;
  };
  EXPECT_FALSE(IsTaken(Ethernet({.tags = {{.tci = 7}}}, TcpPacket({}))));
  EXPECT_FALSE(IsTaken(Ethernet({}, UdpPacket({}))));
  EXPECT_FALSE(IsTaken(Ethernet({}, UdpPacket(kTo6))));
  EXPECT_FALSE(IsTaken(Ethernet({}, TcpPacket({.vip_port = 8000}))));
  EXPECT_FALSE(IsTaken(Ethernet({}, TcpPacket({.vip = ParseAddress("203.0.113.13")}))));
  EXPECT_FALSE(IsTaken(Bytes(frame_.begin(), frame_.end() - 1)));
  EXPECT_FALSE(IsTaken(Bytes(frame6_.begin(), frame6_.end() - 1)));
  EXPECT_FALSE(IsTaken(Bytes(frame_.begin(), frame_.begin() + 13)));
  EXPECT_FALSE(IsTaken(changed(frame_, 14, 0x46)));                    // options
  EXPECT_FALSE(IsTaken(changed(frame_, 14 + 6, 0x20)));                // more fragments
  EXPECT_FALSE(IsTaken(changed(frame_, 14 + 3, frame_[14 + 3] + 1)));  // longer than the frame
  EXPECT_FALSE(IsTaken(changed(frame6_, 14 + 5, frame6_[14 + 5] + 1)));
  EXPECT_FALSE(IsTaken(changed(frame6_, 14, 0x50)));                       // not version 6
  EXPECT_FALSE(IsTaken(changed(frame6_, 14 + 24, frame6_[14 + 24] ^ 1)));  // another VIP,
  EXPECT_FALSE(IsTaken(changed(frame6_, 14 + 39, frame6_[14 + 39] ^ 1)));  // by either half
  for (const auto& [frame, tcp] : {std::pair(frame_, 14 + 20), std::pair(frame6_, 14 + 40)}) {
    EXPECT_FALSE(IsTaken(changed(frame, tcp + 12, 0x40)));  // a TCP header of 16 bytes,
    EXPECT_FALSE(IsTaken(changed(frame, tcp + 12, 0xf0)));  // or one beyond the packet's end
  }
}

TEST_F(BatchTest, ForgetsWithTheGeneration) {
  const Bytes frame = Ethernet({}, TcpPacket({}));
  const Tables before(Scene());
  ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(before.view(), {frame, frame}));
  TablesSpec moved = Scene();
  std::swap(moved.services.front(), moved.services.back());
  const Tables after(moved);
  ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(after.view(), {frame, frame}));
}

TEST_F(BatchTest, WithoutAnImageEverythingPasses) {
  ASSERT_NO_FATAL_FAILURE(ExpectAsOneByOne(lb_view{}, {Ethernet({}, TcpPacket({}))}));
}

// Every width that this CPU has: the one that the dispatcher takes is not the only one that ships.
TEST(HashBatchTest, EveryVectorWidthAgreesWithTheScalarHash) {
  const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::mt19937_64 random(11);
  uint64_t words[LB_HASH_WORDS_IPV6 * LB_BATCH_MAX];
  for (uint64_t& word : words) word = random();
  for (uint32_t word_count : {LB_HASH_WORDS_IPV4, LB_HASH_WORDS_IPV6}) {
    std::vector<void (*)(const uint64_t*, const uint64_t*, uint32_t, uint32_t, uint64_t*)> widths =
        {lb_hash_batch, lb_hash_lanes};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) widths.push_back(lb_hash_batch_avx2);
    if (__builtin_cpu_supports("avx512f")) widths.push_back(lb_hash_batch_avx512);
#endif
    for (auto* hash_batch : widths) {
      for (uint32_t count = 1; count <= LB_BATCH_MAX; count++) {
        uint64_t hashes[LB_BATCH_MAX];
        hash_batch(key, words, word_count, count, hashes);
        for (uint32_t i = 0; i < count; i++) {
          lb_hash_message message{};
          for (uint32_t w = 0; w < word_count; w++) message.word[w] = words[w * LB_BATCH_MAX + i];
          const uint64_t wanted = word_count == LB_HASH_WORDS_IPV4
                                      ? lb_siphash13(key, &message, LB_HASH_WORDS_IPV4)
                                      : lb_siphash13(key, &message, LB_HASH_WORDS_IPV6);
          ASSERT_EQ(hashes[i], wanted) << word_count << " words, message " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace evenkeel::packets

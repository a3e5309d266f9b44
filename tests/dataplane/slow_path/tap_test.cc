// Needs root: makes a tap device in a network namespace of its own, and skips without.
#include "dataplane/slow_path/tap.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "dataplane/slow_path/kernel_queues.h"
#include "tests/dataplane/worker/eal_environment.h"

namespace evenkeel {
namespace {

constexpr std::array<uint8_t, 6> kMac = {2, 0, 0, 0, 9, 1};

// Who has 10.9.0.1? Tell 10.9.0.2.
const std::vector<uint8_t> kArpRequest = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 9, 2, 8, 6, 0, 1, 8, 0,  6, 4, 0,
    1,    2,    0,    0,    0,    9,    2, 10, 9, 0, 2, 0, 0, 0, 0, 0, 0, 10, 9, 0, 1};

class TapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs root";
    pool_ = rte_pktmbuf_pool_create("tap_test", 1023, 0, 0, 2176, SOCKET_ID_ANY);
    auto queues = KernelQueues::Create(SOCKET_ID_ANY);
    ASSERT_TRUE(queues.ok()) << queues.status();
    queues_ = *std::move(queues);
    auto tap = Tap::Open({"evktest", kMac, 1600}, queues_.get(), pool_);
    ASSERT_TRUE(tap.ok()) << tap.status();
    tap_ = *std::move(tap);
  }
  void TearDown() override {
    tap_.reset();
    queues_.reset();
    if (pool_ != nullptr) {
      EXPECT_EQ(rte_mempool_in_use_count(pool_), 0u);
      rte_mempool_free(pool_);
    }
  }

  rte_mempool* pool_ = nullptr;
  std::unique_ptr<KernelQueues> queues_;
  std::unique_ptr<Tap> tap_;
};

// The kernel behind the tap answers ARP for its address, out by the queue to the workers.
TEST_F(TapTest, TheKernelAnswersArpThroughIt) {
  EXPECT_EQ(tap_->interface_index(), if_nametoindex("evktest"));
  ASSERT_EQ(std::system("ip address add 10.9.0.1/24 dev evktest"), 0);
  rte_mbuf* request = rte_pktmbuf_alloc(pool_);
  std::copy(kArpRequest.begin(), kArpRequest.end(),
            reinterpret_cast<uint8_t*>(
                rte_pktmbuf_append(request, static_cast<uint16_t>(kArpRequest.size()))));
  ASSERT_EQ(rte_ring_enqueue(queues_->to_kernel(), request), 0);
  bool answered = false;
  for (int i = 0; i < 3000 && !answered; ++i) {
    void* packet;
    while (rte_ring_dequeue(queues_->from_kernel(), &packet) == 0) {
      rte_mbuf* mbuf = static_cast<rte_mbuf*>(packet);
      const uint8_t* frame = rte_pktmbuf_mtod(mbuf, const uint8_t*);
      answered |= frame[12] == 8 && frame[13] == 6 && frame[21] == 2 &&
                  std::equal(kMac.begin(), kMac.end(), frame + 22);
      rte_pktmbuf_free(mbuf);
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(answered);
  EXPECT_EQ(tap_->given(), 1u);
}

TEST(TapNameTest, RefusesANameThatIsTooLong) {
  const auto tap = Tap::Open({"a-name-of-seventeen", kMac, 1600}, nullptr, nullptr);
  EXPECT_TRUE(absl::IsInvalidArgument(tap.status())) << tap.status();
}

}  // namespace
}  // namespace evenkeel

// How many buffers a port needs, and how large they are.
#include "dataplane/port/sizing.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

namespace evenkeel {
namespace {

MbufNeed TwoWorkers() {
  MbufNeed need;
  need.workers = 2;
  need.rx_descriptors = 1024;
  need.tx_descriptors = 512;
  return need;
}

TEST(SizingTest, CountsWhateverMayHoldABuffer) {
  MbufNeed need = TwoWorkers();
  EXPECT_EQ(need.Total(), 2u * (1024 + 512 + 128 + 384));
  need.kernel_queues = 2048;
  EXPECT_EQ(need.Total(), 2u * (1024 + 512 + 128 + 384) + 2048);
}

TEST(SizingTest, TheFormulaSaysTheSum) {
  EXPECT_EQ(TwoWorkers().Formula(),
            "2 workers x (1024 receive + 512 transmit + 128 in work + 384 cached) = 4096");
}

// With 2,048 buffers a queue an AF_XDP port starts without an error and receives nothing.
TEST(SizingTest, AfXdpParksBuffersOfItsOwn) {
  EXPECT_EQ(ParkedBuffers("net_af_packet"), 0u);
  EXPECT_GE(ParkedBuffers("net_af_xdp"), 2048u);
}

TEST(SizingTest, ABufferHoldsAWholeFrameAndTheOuterHeader) {
  EXPECT_EQ(MbufDataRoom(1500), RTE_MBUF_DEFAULT_BUF_SIZE);
  for (const uint16_t mtu : {1500, 1600, 2030, 9000, 9600}) {
    EXPECT_GE(MbufDataRoom(mtu), mtu + 14 + 8 + 4 + RTE_PKTMBUF_HEADROOM) << mtu;
  }
  EXPECT_GE(RTE_PKTMBUF_HEADROOM, 40 + 18);
}

}  // namespace
}  // namespace evenkeel

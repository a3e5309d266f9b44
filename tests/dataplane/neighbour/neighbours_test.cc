// Needs root: works in network namespaces of its own, and skips without. Two ends of a veth; what
// the kernel knows of one end is followed from the other.
#include "dataplane/neighbour/neighbours.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "dataplane/table/records.h"

namespace evenkeel {
namespace {

const Address kPeer4 = MapIpv4({10, 9, 0, 2});
const Address kNobody = MapIpv4({10, 9, 0, 99});

bool Shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

class NeighboursTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) return;
    // The far end lives in a namespace that a sleeping child holds open, and that ends with it.
    have_network_ =
        Shell("ip link set lo up") && Shell("ip link add near type veth peer name far") &&
        Shell("ip link set near address 02:00:00:00:09:01 up") &&
        Shell("ip address add 10.9.0.1/24 dev near") &&
        Shell(
            "unshare -n sleep 300 & echo $! > /tmp/evk-neighbours-$PPID.pid; "
            "until [ \"$(readlink /proc/$!/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; "
            "do sleep 0.05; done; ip link set far netns $!") &&
        InFar("ip link set far address 02:00:00:00:09:02 up") &&
        InFar("ip address add 10.9.0.2/24 dev far");
  }
  static void TearDownTestSuite() {
    Shell("kill $(cat /tmp/evk-neighbours-$PPID.pid); rm -f /tmp/evk-neighbours-$PPID.pid");
  }
  static bool InFar(const std::string& command) {
    return Shell("nsenter --net=/proc/$(cat /tmp/evk-neighbours-$PPID.pid)/ns/net " + command);
  }

  void SetUp() override {
    if (!have_network_) GTEST_SKIP() << "needs root, for a network namespace of its own";
    Shell("ip neigh del 10.9.0.2 dev near");  // a flush spares permanent entries
    auto neighbours = Neighbours::Follow(
        static_cast<int>(if_nametoindex("near")),
        [this](const Address& address, uint64_t word) { heard_[address] = word; });
    ASSERT_TRUE(neighbours.ok()) << neighbours.status();
    neighbours_ = *std::move(neighbours);
  }
  // Takes messages until `address` has `word`.
  bool Comes(const Address& address, uint64_t word) {
    for (int i = 0; i < 600; ++i) {
      neighbours_->HandleReady();
      if (neighbours_->Word(address) == word) return true;
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  }
  static uint64_t WordOf(uint8_t last) {
    const uint8_t mac[6] = {2, 0, 0, 0, 9, last};
    return lb_next_hop_word(mac);
  }

  static bool have_network_;
  std::unique_ptr<Neighbours> neighbours_;
  std::map<Address, uint64_t> heard_;
};
bool NeighboursTest::have_network_ = false;

TEST_F(NeighboursTest, ResolvesWhatIsWanted) {
  EXPECT_EQ(neighbours_->Word(kPeer4), 0u);
  neighbours_->Want({{kPeer4}});
  neighbours_->Await(absl::Seconds(30));
  EXPECT_EQ(neighbours_->Word(kPeer4), WordOf(2));
  EXPECT_EQ(heard_[kPeer4], WordOf(2));
  EXPECT_TRUE(neighbours_->Unresolved().empty());
}

TEST_F(NeighboursTest, FollowsAMacThatChanges) {
  neighbours_->Want({{kPeer4}});
  neighbours_->Await(absl::Seconds(30));
  ASSERT_TRUE(Shell("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:09:33 dev near"));
  EXPECT_TRUE(Comes(kPeer4, WordOf(0x33)));
}

TEST_F(NeighboursTest, KeepsTheMacWhileAForgottenNeighbourIsAskedAgain) {
  neighbours_->Want({{kPeer4}});
  neighbours_->Await(absl::Seconds(30));
  heard_.clear();
  ASSERT_TRUE(Shell("ip neigh del 10.9.0.2 dev near"));
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_TRUE(Comes(kPeer4, WordOf(2)));
  EXPECT_EQ(heard_.count(kPeer4), 0u) << "no packet was to be lost in between";
}

TEST_F(NeighboursTest, LeavesAloneWhatSomebodyHasWrittenDown) {
  neighbours_->Want({{kPeer4}});
  neighbours_->Await(absl::Seconds(30));
  ASSERT_TRUE(Shell("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:09:44 nud permanent dev near"));
  ASSERT_TRUE(Comes(kPeer4, WordOf(0x44)));
  neighbours_->Tick(absl::Now());
  absl::SleepFor(absl::Milliseconds(100));
  neighbours_->HandleReady();
  EXPECT_TRUE(Shell("ip neigh show 10.9.0.2 dev near nud permanent | grep 09:44"));
  EXPECT_EQ(neighbours_->Word(kPeer4), WordOf(0x44));
}

TEST_F(NeighboursTest, ReportsWhomNobodyAnswersFor) {
  neighbours_->Want({{kNobody}});
  neighbours_->Await(absl::Milliseconds(200));
  EXPECT_EQ(neighbours_->Word(kNobody), 0u);
  EXPECT_EQ(neighbours_->Unresolved(), std::vector<Address>{kNobody});
}

}  // namespace
}  // namespace evenkeel

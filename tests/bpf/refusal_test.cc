// A program that the kernel refuses: the operator is told why, in the verifier's own words. Needs
// root; skips without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "tests/bpf/run_bpf.h"

namespace evenkeel::packets {
namespace {

// For the calling thread, until it ends.
bool KeepOnly(std::initializer_list<int> capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (const int capability : capabilities) {
    data[CAP_TO_INDEX(capability)].effective |= CAP_TO_MASK(capability);
  }
  for (__user_cap_data_struct& half : data) half.permitted = half.effective;
  return syscall(SYS_capset, &header, data) == 0;
}

absl::Status LoadWithOnly(std::initializer_list<int> capabilities) {
  absl::Status status;
  std::thread([&] {
    if (!KeepOnly(capabilities)) status = absl::UnknownError("capset");
    if (status.ok()) status = BpfCore::Load().status();
  }).join();
  return status;
}

class RefusalTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: gives capabilities away";
  }
};

TEST_F(RefusalTest, VerifiersLogIsShownWithWhatToDo) {
  // Without CAP_PERFMON the verifier runs, and refuses arithmetic on pointers.
  const absl::Status status = LoadWithOnly({CAP_BPF, CAP_NET_ADMIN});
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("refuses the XDP program"),
                             testing::HasSubstr("CAP_PERFMON"),
                             testing::HasSubstr("pointer arithmetic with it prohibited"),
                             testing::HasSubstr("processed ")));
}

TEST_F(RefusalTest, NoPermissionIsSaidWithoutALog) {
  const absl::Status status = LoadWithOnly({});
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("CAP_BPF"));
}

}  // namespace
}  // namespace evenkeel::packets

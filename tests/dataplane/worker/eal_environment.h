// DPDK's environment for a test program, without hugepages, devices, shared files or root. Included
// once by each program that needs it.
#ifndef TESTS_DATAPLANE_WORKER_EAL_ENVIRONMENT_H_
#define TESTS_DATAPLANE_WORKER_EAL_ENVIRONMENT_H_

#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace evenkeel {

class EalEnvironment : public testing::Environment {
 public:
  void SetUp() override {
    std::vector<std::string> words = {"test",        "--no-huge",    "--no-pci",
                                      "--no-shconf", "--lcores=0@0", "--no-telemetry",
                                      "-m",          "256",          "--log-level=error"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    ASSERT_GE(rte_eal_init(static_cast<int>(argv.size()), argv.data()), 0)
        << rte_strerror(rte_errno);
  }
  void TearDown() override { rte_eal_cleanup(); }
};

inline testing::Environment* const kEal = testing::AddGlobalTestEnvironment(new EalEnvironment);

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_WORKER_EAL_ENVIRONMENT_H_

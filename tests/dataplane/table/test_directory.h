// A directory of a test's own, removed with what is in it.
#ifndef TESTS_DATAPLANE_TABLE_TEST_DIRECTORY_H_
#define TESTS_DATAPLANE_TABLE_TEST_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace evenkeel {

class TestDirectory {
 public:
  TestDirectory() {
    char path[] = "/tmp/evenkeel-test-XXXXXX";
    if (mkdtemp(path) != nullptr) path_ = path;
  }
  ~TestDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Open descriptors of this process.
inline size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    count++;
  }
  return count;
}

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_TABLE_TEST_DIRECTORY_H_

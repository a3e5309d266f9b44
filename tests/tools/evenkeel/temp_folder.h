// A folder of its own for one test, gone with all that is in it when the test ends.
#ifndef TESTS_TOOLS_EVENKEEL_TEMP_FOLDER_H_
#define TESTS_TOOLS_EVENKEEL_TEMP_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace evenkeel::cli {

class TempFolder {
 public:
  TempFolder() : path_(testing::TempDir() + "evenkeel_cli_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "cannot make " << path_;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }

 private:
  std::string path_;
};

// A configuration without findings of severity error.
inline std::string ValidConfig() {
  return R"(schema: evenkeel/v1
cluster: {name: edge, owned_prefixes: [203.0.113.0/24]}
network:
  encap_source: {ipv4: 10.0.0.10}
  gateway: {ipv4: 10.0.0.1}
pools:
  web:
    backends:
      web-1: {address: 10.0.1.11, weight: 100}
      web-2: {address: 10.0.1.12, weight: 100}
services:
  http: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web}
)";
}

}  // namespace evenkeel::cli

#endif  // TESTS_TOOLS_EVENKEEL_TEMP_FOLDER_H_

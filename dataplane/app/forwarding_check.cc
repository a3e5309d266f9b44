#include "dataplane/app/forwarding_check.h"

#include <fstream>

#include "absl/strings/str_cat.h"

namespace evenkeel {

std::vector<std::string> KernelForwardingWarnings(const std::string& interface) {
  std::vector<std::string> warnings;
  for (const char* family : {"ipv4", "ipv6"}) {
    const std::string key = absl::StrCat("net/", family, "/conf/", interface, "/forwarding");
    std::ifstream file(absl::StrCat("/proc/sys/", key));
    int value = 0;
    if (!(file >> value) || value == 0) continue;
    warnings.push_back(absl::StrCat(key, " is ", value,
                                    ": the kernel sees every frame too and may route ",
                                    "packets to VIPs a second time; set it to 0"));
  }
  return warnings;
}

}  // namespace evenkeel

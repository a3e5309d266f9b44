#include "tools/evenkeel-decap/statistics.h"

#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace evenkeel::decap {
namespace {

constexpr std::array<const char*, DECAP_OUTCOME_COUNT> kNames = {
#define DECAP_OUTCOME_NAME(enumerator, name) #name,
    DECAP_OUTCOMES(DECAP_OUTCOME_NAME)
#undef DECAP_OUTCOME_NAME
};

}  // namespace

std::string FormatOutcomes(const Outcomes& outcomes) {
  __u64 received = 0;
  std::vector<std::string> parts;
  for (size_t outcome = 0; outcome < outcomes.size(); ++outcome) {
    const __u64 packets = outcomes[outcome].packets;
    received += packets;
    if (packets != 0) parts.push_back(absl::StrCat(kNames[outcome], " ", packets));
  }
  return absl::StrCat("received ", received, " packets", parts.empty() ? "" : ": ",
                      absl::StrJoin(parts, ", "));
}

}  // namespace evenkeel::decap

#include "tests/packets/corpus.h"

namespace evenkeel::packets {

std::vector<Case> Corpus() {
  std::vector<Case> all;
  for (auto* part : {TunnelCases, L2DsrCases, HeaderCases, MatchCases, ReplyCases, IcmpErrorCases,
                     DropCases, LyingLengthCases, TruncationCases}) {
    std::vector<Case> cases = part();
    all.insert(all.end(), std::make_move_iterator(cases.begin()),
               std::make_move_iterator(cases.end()));
  }
  return all;
}

}  // namespace evenkeel::packets

// The corpus: named packets with what must become of them, for every plane. A case says why it is
// there, the tables, the frame that comes, the verdict and its reason, and the frame that leaves,
// byte by byte.
//
//   for (const Case& c : Corpus()) { Tables tables(c.tables); EXPECT_EQ(Run(tables, c.in).out,
//   c.out); }
//
// Frames under 14 bytes cannot be given to BPF_PROG_TEST_RUN.
#ifndef TESTS_PACKETS_CORPUS_H_
#define TESTS_PACKETS_CORPUS_H_

#include <string>
#include <vector>

#include "dataplane/forward/verdict.h"
#include "tests/packets/builder.h"
#include "tests/packets/scene.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {

struct Case {
  std::string name;
  std::string why;
  TablesSpec tables = Scene();
  Bytes in;
  lb_reason reason = LB_REASON_none;  // tells the verdict
  Bytes out = {};                     // empty where no frame leaves
  bool new_flow = false;
};

std::vector<Case> Corpus();

// Its parts, a file each.
std::vector<Case> TunnelCases();
std::vector<Case> L2DsrCases();
std::vector<Case> HeaderCases();  // options, extension headers, padding, tags, DSCP, ECN
std::vector<Case> MatchCases();
std::vector<Case> ReplyCases();
std::vector<Case> IcmpErrorCases();
std::vector<Case> DropCases();
std::vector<Case> LyingLengthCases();
std::vector<Case> TruncationCases();

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_CORPUS_H_

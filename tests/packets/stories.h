// Stories: connections through slots that move, packet by packet in their time, for every plane. A
// story says why it is there, the tables, and of each packet when it comes and which backend gets
// it; at its end, which flows are tracked.
//
//   for (const Story& story : Stories()) { NativeFlows flows(64); ... each step through RunNative()
//   }
//
// Times are even seconds: ticks of the flow table are two.
#ifndef TESTS_PACKETS_STORIES_H_
#define TESTS_PACKETS_STORIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/packets/builder.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {

struct Step {
  uint64_t at_s;
  Bytes in;
  std::string to;  // address of the backend
};

struct Story {
  std::string name;
  std::string why;
  TablesSpec tables;
  std::vector<Step> steps;
  uint64_t pending = 0;  // entries that still count at the end
  uint64_t miss_made = 0;
  uint64_t firm = 0;
};

std::vector<Story> Stories();

// Tables in which every slot of 203.0.113.10 and 2001:db8:113::10 moved at second 0 from
// kOldBackend to kNewBackend: open for 900 s, armed for 60.
inline constexpr char kOldBackend4[] = "10.0.1.11";
inline constexpr char kNewBackend4[] = "10.0.1.12";
TablesSpec MovedTables();

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_STORIES_H_

// Random tables and frames for comparing the planes: whatever the generators can describe, both
// planes must treat alike. Everything follows from the generator's state, so a seed repeats a run.
#ifndef TESTS_PARITY_RANDOM_TABLES_H_
#define TESTS_PARITY_RANDOM_TABLES_H_

#include <random>
#include <vector>

#include "tests/packets/bytes.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {

using Random = std::mt19937_64;

// A few pools and services: prefixes within prefixes, ports, ranges and catch-alls, both families,
// every encapsulation, empty pools, transitions, next hops without a MAC, small MTUs, VLANs.
TablesSpec RandomTables(Random& random);

// Mostly frames to the services of `tables`, then mutated: bytes, lengths, ends.
class RandomFrames {
 public:
  RandomFrames();  // begins with the corpus' frames
  Bytes Next(const TablesSpec& tables, Random& random);

 private:
  Bytes ToService(const TablesSpec& tables, Random& random);
  std::vector<Bytes> corpus_;
};

}  // namespace evenkeel::packets

#endif  // TESTS_PARITY_RANDOM_TABLES_H_

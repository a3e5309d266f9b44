// What the sampled headers tell, for whoever asks: status, metrics, the log. A plain value.
#ifndef CONTROL_SAMPLE_SAMPLE_NOW_H_
#define CONTROL_SAMPLE_SAMPLE_NOW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/sample/heavy_hitters.h"

namespace evenkeel {

// Worth knowing, and no fault: nobody is called for it.
struct TrafficNote {
  std::string rule;  // F38: an elephant; F30: a heavy client
  std::string service;
  std::string backend;  // "POOL/BACKEND"; empty: of no single one
  absl::Time since;
  std::string message;
};

struct ServiceSamples {
  std::string service;
  ServiceWindow window;
};

struct SampleNow {
  uint64_t taken = 0;                    // since evenkeeld's start
  uint64_t lost = 0;                     // by all planes, since they were heard first
  uint32_t every = 1;                    // one packet in so many is sampled
  std::vector<ServiceSamples> services;  // those that were seen lately
  std::vector<TrafficNote> notes;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_SAMPLE_NOW_H_

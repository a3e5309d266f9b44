// One packet in how many is sampled: all of them while there are few, and never more than a few
// thousand samples a second of all planes together.
//
//   SampleRate rate;
//   ... each second: sink->TakeSamples(rate.every()) ...; rate.Add(...)
//
// A value; one thread.
#ifndef CONTROL_SAMPLE_SAMPLE_RATE_H_
#define CONTROL_SAMPLE_SAMPLE_RATE_H_

#include <cstdint>

namespace evenkeel {

class SampleRate {
 public:
  static constexpr double kSamplesASecond = 3000;

  uint32_t every() const { return every_; }

  // What the last `seconds` brought: packets that the samples stand for, and whether rings were
  // full, so that there were more.
  void Add(double packets, bool was_full, double seconds);

 private:
  uint32_t every_ = 1;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_SAMPLE_RATE_H_

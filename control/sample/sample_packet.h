// A packet made anew from a sampled header, such that the core decides it as it decided the one
// that was sampled: the same flow, flags and length. Checksums are zero and the payload is not the
// real one: the core looks at neither, but for the first bytes that make a QUIC Initial one, and
// the Ethernet header is of an ordinary neighbour.
//
//   SamplePacket packet;
//   packet.Become(sample);
//   lb_classify(view, packet.begin(), packet.end(), &flow);
//
// One thread. Large: made once, used for many samples.
#ifndef CONTROL_SAMPLE_SAMPLE_PACKET_H_
#define CONTROL_SAMPLE_SAMPLE_PACKET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/table/sample_records.h"

namespace evenkeel {

class SamplePacket {
 public:
  SamplePacket();

  // A record that makes no sense becomes a packet that is dropped.
  void Become(const lb_sample& sample);

  const uint8_t* begin() const { return bytes_.data(); }
  const uint8_t* end() const { return bytes_.data() + size_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t size_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_SAMPLE_PACKET_H_

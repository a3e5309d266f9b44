// The packet that `explain` asks the core about: the first one of a flow.
#ifndef CONTROL_API_QUESTION_PACKET_H_
#define CONTROL_API_QUESTION_PACKET_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "control/config/address.h"
#include "control/config/config.h"

namespace evenkeel {

struct FlowQuestion;

// A TCP SYN or an empty UDP datagram, Ethernet header first, addresses and ports as asked.
// Checksums are zero: the core does not look at them, as a NIC has done that.
class QuestionPacket {
 public:
  explicit QuestionPacket(const FlowQuestion& question);

  const uint8_t* begin() const { return bytes_.data(); }
  const uint8_t* end() const { return bytes_.data() + size_; }

 private:
  alignas(8) std::array<uint8_t, 128> bytes_{};
  size_t size_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_API_QUESTION_PACKET_H_

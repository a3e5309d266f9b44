// A recording of packets, pcap or pcapng, as Ethernet frames. Of packets that were recorded without
// an Ethernet header (`-i any`, tunnels, raw IP) the link header is replaced by one; those that the
// capture holds only in part are filled up with zeros, since the core judges by headers.
//
//   absl::StatusOr<std::unique_ptr<Capture>> capture = Capture::Open("busy-hour.pcap");
//   Frame frame;
//   while ((*capture)->Next(&frame)) ...
//   if (!(*capture)->error().empty()) ...   // it ends in the middle of a packet
#ifndef TOOLS_EVENKEEL_SIMULATE_CAPTURE_H_
#define TOOLS_EVENKEEL_SIMULATE_CAPTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct pcap;

namespace evenkeel::cli {

struct Frame {
  const uint8_t* begin = nullptr;  // until the next call of Next()
  const uint8_t* end = nullptr;
  bool cut_short = false;
};

class Capture {
 public:
  // Unavailable: the file cannot be opened. InvalidArgument: it is no capture, or of a link type
  // that carries no IP.
  static absl::StatusOr<std::unique_ptr<Capture>> Open(const std::string& path);
  ~Capture();

  // False at the end.
  bool Next(Frame* frame);
  // Why the capture could not be read to its end; empty if it could.
  const std::string& error() const { return error_; }

 private:
  Capture(struct pcap* pcap, int link_header) : pcap_(pcap), link_header_(link_header) {}

  struct pcap* const pcap_;
  const int link_header_;  // bytes before the IP header; below 0: Ethernet as it is
  std::vector<uint8_t> buffer_;
  std::string error_;
};

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_SIMULATE_CAPTURE_H_

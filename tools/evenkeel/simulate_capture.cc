#include "tools/evenkeel/simulate_capture.h"

#include <pcap/pcap.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"

namespace evenkeel::cli {
namespace {

constexpr size_t kEthernetBytes = 14;
constexpr size_t kFrameBytesMax = 1u << 18;  // no packet on a wire is larger, whatever a file says
constexpr int kEthernet = -1;

std::optional<int> LinkHeaderOf(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
      return kEthernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return 0;
    case DLT_NULL:
    case DLT_LOOP:
      return 4;
    case DLT_LINUX_SLL:
      return 16;
    case DLT_LINUX_SLL2:
      return 20;
    default:
      return std::nullopt;
  }
}

// Of a packet without Ethernet, by its version.
uint16_t EtherTypeOf(const uint8_t* packet, size_t size) {
  const int version = size == 0 ? 0 : packet[0] >> 4;
  return version == 4 ? 0x0800 : version == 6 ? 0x86dd : 0xffff;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Capture>> Capture::Open(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "rb");
  struct stat status {};
  const bool directory =
      file != nullptr && fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode);
  if (file == nullptr || directory) {
    const std::string why = directory ? "it is a directory" : std::strerror(errno);
    if (file != nullptr) std::fclose(file);
    return absl::UnavailableError(absl::StrCat("cannot read ", path, ": ", why));
  }
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* pcap = pcap_fopen_offline(file, error);
  if (pcap == nullptr) {
    std::fclose(file);
    return absl::InvalidArgumentError(absl::StrCat(path, " is no capture: ", error));
  }
  const std::optional<int> link_header = LinkHeaderOf(pcap_datalink(pcap));
  if (!link_header) {
    const char* name = pcap_datalink_val_to_name(pcap_datalink(pcap));
    absl::Status refusal = absl::InvalidArgumentError(
        absl::StrCat(path, " has packets of link type ", name == nullptr ? "unknown" : name,
                     "; Ethernet, raw IP, loopback and Linux cooked ones can be read"));
    pcap_close(pcap);
    return refusal;
  }
  return std::unique_ptr<Capture>(new Capture(pcap, *link_header));
}

Capture::~Capture() { pcap_close(pcap_); }

bool Capture::Next(Frame* frame) {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = pcap_next_ex(pcap_, &header, &bytes);
  if (result == PCAP_ERROR) error_ = pcap_geterr(pcap_);
  if (result != 1) return false;
  size_t held = header->caplen;
  size_t size = std::clamp<size_t>(header->len, held, std::max(held, kFrameBytesMax));
  frame->cut_short = size != held;
  if (link_header_ == kEthernet && !frame->cut_short) {
    frame->begin = bytes;
    frame->end = bytes + size;
    return true;
  }
  size_t at = 0;
  if (link_header_ != kEthernet) {
    const size_t skipped = std::min<size_t>(held, static_cast<size_t>(link_header_));
    bytes += skipped;
    held -= skipped;
    size -= skipped;
    at = kEthernetBytes;
  }
  buffer_.assign(at + size, 0);
  std::copy(bytes, bytes + held, buffer_.begin() + static_cast<ptrdiff_t>(at));
  if (at != 0) {
    const uint16_t type = EtherTypeOf(bytes, held);
    buffer_[12] = static_cast<uint8_t>(type >> 8);
    buffer_[13] = static_cast<uint8_t>(type);
  }
  frame->begin = buffer_.data();
  frame->end = buffer_.data() + buffer_.size();
  return true;
}

}  // namespace evenkeel::cli

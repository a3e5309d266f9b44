#include "tools/evenkeel/endpoint.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "control/config/literals.h"

namespace evenkeel::cli {
namespace {

constexpr char kForm[] =
    "write ADDRESS:PORT, for example 198.51.100.2:40000, or [2001:db8::2]:40000";

bool ParsePort(absl::string_view text, uint16_t& port) {
  const std::optional<uint64_t> number = decoding::ParseNumber(text);
  if (!number || *number > 65535) return false;
  port = static_cast<uint16_t>(*number);
  return true;
}

}  // namespace

std::string Endpoint::ToString() const {
  const std::string text = address.ToString();
  return address.is_ipv4() ? absl::StrCat(text, ":", port) : absl::StrCat("[", text, "]:", port);
}

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return absl::InvalidArgumentError(kForm);
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find(':') != absl::string_view::npos) {
    return absl::InvalidArgumentError("write an IPv6 address in brackets, [ADDRESS]:PORT");
  }
  if (bracketed) host = host.substr(1, host.size() - 2);
  Endpoint endpoint;
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(host);
  if (!address.ok() || address->is_ipv4() == bracketed) return absl::InvalidArgumentError(kForm);
  endpoint.address = *address;
  if (!ParsePort(text.substr(colon + 1), endpoint.port)) {
    return absl::InvalidArgumentError("write a port from 0 to 65535 after the last colon");
  }
  return endpoint;
}

}  // namespace evenkeel::cli

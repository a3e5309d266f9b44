#include "control/config/config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace evenkeel {

absl::string_view Name(Forward forward) {
  switch (forward) {
    case Forward::kIpip:
      return "ipip";
    case Forward::kGue:
      return "gue";
    case Forward::kGre:
      return "gre";
    case Forward::kL2dsr:
      return "l2dsr";
  }
  return "";
}

absl::string_view Name(FillKind fill) { return fill == FillKind::kExact ? "exact" : "maglev"; }

absl::string_view Name(Protocol protocol) { return protocol == Protocol::kTcp ? "tcp" : "udp"; }

absl::string_view Name(Affinity affinity) {
  return affinity == Affinity::kFlow ? "flow" : "client";
}

absl::string_view Name(Fragments fragments) {
  switch (fragments) {
    case Fragments::kFirst:
      return "first";
    case Fragments::kTuple3:
      return "tuple3";
    case Fragments::kDrop:
      return "drop";
  }
  return "";
}

std::string ToString(const Ports& ports) {
  if (ports.any) return "any";
  return absl::StrJoin(ports.ranges, ",", [](std::string* out, const PortRange& range) {
    absl::StrAppend(out, range.low);
    if (range.high != range.low) absl::StrAppend(out, "-", range.high);
  });
}

const Pool* Config::FindPool(absl::string_view name) const {
  for (const Pool& pool : pools) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

std::string PathOf(const Pool& pool) { return absl::StrCat("pools.", pool.name); }

std::string PathOf(const Pool& pool, const Backend& backend) {
  return absl::StrCat("pools.", pool.name, ".backends.", backend.name);
}

std::string PathOf(const Service& service) { return absl::StrCat("services.", service.name); }

}  // namespace evenkeel

// libFuzzer over the forwarding core: any bytes as a frame, on heap buffers of exactly its size.
// Four tables that differ in what a frame does to them; the first byte chooses.
#include <cstdint>
#include <cstdlib>

#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace {

using namespace evenkeel::packets;

const Tables& ChooseTables(uint8_t choice) {
  static const Tables plain(Scene());
  static const Tables tagged([] {
    TablesSpec spec = Scene();
    spec.vlan = 7;
    return spec;
  }());
  static const Tables small_mtu([] {
    TablesSpec spec = Scene();
    spec.mtu = 120;
    return spec;
  }());
  static const Tables varying([] {
    TablesSpec spec = Scene();
    spec.encap_source4 = "10.0.0.0/8";
    spec.encap_source6 = "fd00::/64";
    return spec;
  }());
  const Tables* const all[] = {&plain, &tagged, &small_mtu, &varying};
  return *all[choice % 4];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Outcome outcome = RunNative(ChooseTables(data[0]).view(), Bytes(data + 1, data + size));
  if (outcome.verdict != lb_reason_verdict(outcome.reason)) std::abort();
  if (outcome.reason == LB_REASON_no_headroom || outcome.reason == LB_REASON_table_fault)
    std::abort();
  return 0;
}

// libFuzzer over the forwarding core: any bytes as a frame, on heap buffers of exactly its size.
// Five tables that differ in what a frame does to them; the first byte chooses. In the fifth every
// slot has moved: there the frame comes three times, in the window and after it.
#include <cstdint>
#include <cstdlib>

#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"
#include "tests/packets/stories.h"

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
  static const Tables moved(MovedTables());
  const Tables* const all[] = {&plain, &tagged, &small_mtu, &varying, &moved};
  return *all[choice % 5];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  NativeFlows flows(2);
  for (const uint64_t second : {2, 10, 902}) {
    const lb_view view = flows.Over(ChooseTables(data[0]).view(), second * 1'000'000'000);
    const Outcome outcome = RunNative(view, Bytes(data + 1, data + size));
    if (outcome.verdict != lb_reason_verdict(outcome.reason)) std::abort();
    if (outcome.reason == LB_REASON_no_headroom || outcome.reason == LB_REASON_table_fault)
      std::abort();
    if (outcome.decision.state == LB_SLOT_PURE) break;
  }
  return 0;
}

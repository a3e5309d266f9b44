// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The flow tables of the XDP plane from outside: what the program does not sweep because no packet
// of a moved slot comes, control sweeps. It frees what has expired and nothing else, by comparing
// and exchanging whole entries: one that the program has just stamped again stays.
#ifndef BPF_FLOW_SWEEP_H_
#define BPF_FLOW_SWEEP_H_

#include <cstdint>
#include <span>

#include "bpf/instance.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// `tick`: lb_tick_of() of CLOCK_BOOTTIME. `image`: what the program uses. Returns how many were
// freed.
uint64_t SweepFlowTables(const CpuMaps& maps, const ImageView& image, uint32_t tick);

// Ticks after which a flow of a backend counts for nothing; 0, which frees it in the next tick,
// where the image has no such backend.
uint32_t IdleTicksOf(const ImageView& image, uint32_t backend);

}  // namespace evenkeel

#endif  // BPF_FLOW_SWEEP_H_

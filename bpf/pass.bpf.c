// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// The smallest XDP program: lets everything through. A veth device sends with XDP_TX only to a peer
// that runs an XDP program too; this one goes on the peer.

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int pass(struct xdp_md* ctx) {
  (void)ctx;
  return XDP_PASS;
}

// The forwarding core's face. Three steps; both planes call the same ones in the same order:
//
//   verdict = lb_classify(view, data, end, &flow);       // parse, match, hash -> slot; reads only
//   if (verdict == LB_FORWARD)                           // slot -> backend
//     verdict = lb_resolve(view, data, end, &flow, &decision);   // (and the flow table)
//   if (verdict == LB_FORWARD || verdict == LB_REPLY) {
//     make room: head grows by decision.head_delta
//     verdict = lb_apply(view, data, end, &flow, &decision);    // writes the frame
//   }
//
// A worker takes a burst at a time: batch.h classifies it, plain.h decides and writes what is
// plain, each the same as these steps. No step allocates, locks or calls the system. Every length
// comes from the packet's own headers.
#ifndef DATAPLANE_FORWARD_FORWARD_H_
#define DATAPLANE_FORWARD_FORWARD_H_

#include "dataplane/forward/decide.h"
#include "dataplane/forward/encap.h"
#include "dataplane/forward/parse.h"

#endif  // DATAPLANE_FORWARD_FORWARD_H_

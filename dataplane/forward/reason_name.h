// The reasons in words, for whoever shows them: the rows of LB_REASONS. Not for packets.
//
//   lb_reason_name(LB_REASON_ttl_expired)    // "ttl_expired", the JSON name
#ifndef DATAPLANE_FORWARD_REASON_NAME_H_
#define DATAPLANE_FORWARD_REASON_NAME_H_

#include "dataplane/forward/verdict.h"

// "unknown" for a number that is no reason: another version's.
static inline const char* lb_reason_name(uint32_t reason) {
  static const char* const names[] = {
#define LB_REASON_NAME(name, verdict, text) #name,
      LB_REASONS(LB_REASON_NAME)
#undef LB_REASON_NAME
  };
  return reason < LB_REASON_COUNT ? names[reason] : "unknown";
}

// The sentence.
static inline const char* lb_reason_text(uint32_t reason) {
  static const char* const texts[] = {
#define LB_REASON_TEXT(name, verdict, text) text,
      LB_REASONS(LB_REASON_TEXT)
#undef LB_REASON_TEXT
  };
  return reason < LB_REASON_COUNT ? texts[reason] : "unknown";
}

#endif  // DATAPLANE_FORWARD_REASON_NAME_H_

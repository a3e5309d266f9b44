// The distribution page, page.html as it was when evenkeeld was built: one file that loads nothing
// from elsewhere, fed by /distribution.json and /history.json.
#ifndef CONTROL_METRICS_PAGE_H_
#define CONTROL_METRICS_PAGE_H_

#include <cstddef>

namespace evenkeel {

extern const char kPage[];
extern const size_t kPageSize;  // bytes
// Its Content-Security-Policy, which names its script and style by their hashes.
extern const char kPagePolicy[];

}  // namespace evenkeel

#endif  // CONTROL_METRICS_PAGE_H_

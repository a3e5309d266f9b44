// A configuration as a list of facts, path -> value, with every default filled in and nothing left
// of the file's order, spelling and comments: two files that mean the same have the same facts.
//
// The plan's digest is made of them. Pure, any thread.
//
//   FactsOf(config).at("pools.web.backends.web-1.weight")   // "100"
#ifndef CONTROL_PLAN_FACTS_H_
#define CONTROL_PLAN_FACTS_H_

#include <map>
#include <string>

#include "control/config/config.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

// By path, as findings name places; what is not set has no path.
using Facts = std::map<std::string, std::string>;

Facts FactsOf(const Config& config);

// SHA-256 over the facts, one `path = value` a line.
Digest ContentDigest(const Config& config);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_FACTS_H_

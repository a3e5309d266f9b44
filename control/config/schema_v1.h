// The keys of `schema: evenkeel/v1`: which there are, which are required, what their values look
// like. Internal to control/config; parse.cc is the caller.
#ifndef CONTROL_CONFIG_SCHEMA_V1_H_
#define CONTROL_CONFIG_SCHEMA_V1_H_

#include "control/config/config.h"
#include "control/config/decoder.h"

namespace evenkeel::decoding {

// Built once, never changed.
const MapSchema<Config>& SchemaV1();

}  // namespace evenkeel::decoding

#endif  // CONTROL_CONFIG_SCHEMA_V1_H_

// A configured service as the image's builder takes it. Pure.
#ifndef CONTROL_PUBLISH_SERVICE_SPEC_H_
#define CONTROL_PUBLISH_SERVICE_SPEC_H_

#include <cstdint>

#include "control/config/config.h"
#include "dataplane/table/image_builder.h"

namespace evenkeel {

// `pool`: the place of its pool in ImageSpec::pools.
ServiceSpec CompileService(const Service& service, uint16_t pool);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_SERVICE_SPEC_H_

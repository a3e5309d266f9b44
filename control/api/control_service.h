// The gRPC service of evenkeel.proto, bound to one caller: who may do what, then a thin translation
// onto the pipeline.
//
//   ServerPool servers([&](const Caller& c) { return MakeControlService(&pipeline, &traffic, c);
//   });
#ifndef CONTROL_API_CONTROL_SERVICE_H_
#define CONTROL_API_CONTROL_SERVICE_H_

#include <memory>

#include "control/api/server_pool.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/rollback/trial_guard.h"
#include "control/shadow/shadow_book.h"

namespace evenkeel {

// All but `caller` outlive the service. Its calls come from gRPC's threads,
// several at a time.
std::shared_ptr<grpc::Service> MakeControlService(Pipeline* pipeline, Traffic* traffic,
                                                  TrialGuard* guard, ShadowBook* shadows,
                                                  const Caller& caller);

}  // namespace evenkeel

#endif  // CONTROL_API_CONTROL_SERVICE_H_

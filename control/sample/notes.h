// What a heavy flow or client is told as, and what it adds to an alarm that it explains.
#ifndef CONTROL_SAMPLE_NOTES_H_
#define CONTROL_SAMPLE_NOTES_H_

#include <string>

#include "control/sample/heavy_hitters.h"
#include "control/sample/sample_now.h"

namespace evenkeel {

// `backend`: name of the one that a flow goes to; empty where it is not known.
TrafficNote NoteOf(const HeavyFinding& finding, const ServiceWindow& window,
                   const std::string& service, const std::string& backend);

// For an alarm about how the service's flows, or the workers', are shared out. Empty: it explains
// nothing of that.
std::string ExplanationOf(const HeavyFinding& finding, const std::string& service);

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_NOTES_H_

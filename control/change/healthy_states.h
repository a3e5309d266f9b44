// The healthy weights of a configuration, and which services use them, as one text that the store
// keeps for a day, so that the guards see small steps that add up. Pure, any thread.
//
//   HealthyText(config)   // "pool web\n 10.0.1.11 100\nservice http tcp 203.0.113.10 80 web\n"
#ifndef CONTROL_CHANGE_HEALTHY_STATES_H_
#define CONTROL_CHANGE_HEALTHY_STATES_H_

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/plan/weight_lost.h"

namespace evenkeel {

// The same for configurations whose backends weigh the same, whatever their order.
std::string HealthyText(const Config& config);

// What cannot be read (a database that somebody has edited) is left out.
WeightHistory HistoryOf(const std::vector<std::string>& texts);

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_HEALTHY_STATES_H_

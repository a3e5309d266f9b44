// The healthy weights of a configuration as one text that the store keeps for a day, so that the
// guards see small steps that add up. A pool's services stand with it: by their names and matches
// it is known again under another name. Pure, any thread.
//
//   HealthyText(config)          // "web\n\thttp 203.0.113.10 80 tcp\n 10.0.1.11 100\n"
#ifndef CONTROL_CHANGE_HEALTHY_STATES_H_
#define CONTROL_CHANGE_HEALTHY_STATES_H_

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/plan/weight_lost.h"

namespace evenkeel {

// The same for configurations whose backends weigh the same and serve the same, whatever their
// order.
std::string HealthyText(const Config& config);

// What cannot be read (a database that somebody has edited) is left out.
WeightHistory HistoryOf(const std::vector<std::string>& texts);

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_HEALTHY_STATES_H_

// What must hold of a configuration file before anything reads it as YAML: its size, valid UTF-8,
// no control characters (yaml-cpp takes the byte 04 for the end of the file and would silently
// ignore the rest).
#ifndef CONTROL_CONFIG_TEXT_CHECK_H_
#define CONTROL_CONFIG_TEXT_CHECK_H_

#include "absl/strings/string_view.h"
#include "control/config/finding_list.h"

namespace evenkeel {

// Skips a UTF-8 byte order mark, which YAML permits at the very beginning.
absl::string_view WithoutByteOrderMark(absl::string_view text);

// Whether `text` can be handed to the YAML parser; if not, the findings say what and where.
bool CheckText(absl::string_view text, FindingList& findings);

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_TEXT_CHECK_H_

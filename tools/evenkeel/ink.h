// Colours by meaning. Painted only where Terminal::color says so.
#ifndef TOOLS_EVENKEEL_INK_H_
#define TOOLS_EVENKEEL_INK_H_

#include <string>

namespace evenkeel::cli {

enum class Ink { kPlain, kStrong, kFaint, kGood, kDoubtful, kBad };

inline std::string Paint(const std::string& text, Ink ink, bool color) {
  if (!color || ink == Ink::kPlain || text.empty()) return text;
  const char* code = "";
  switch (ink) {
    case Ink::kPlain:
      break;
    case Ink::kStrong:
      code = "1";
      break;
    case Ink::kFaint:
      code = "2";
      break;
    case Ink::kGood:
      code = "32";
      break;
    case Ink::kDoubtful:
      code = "33";
      break;
    case Ink::kBad:
      code = "31";
      break;
  }
  return "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
}

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_INK_H_

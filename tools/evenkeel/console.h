// Where a command's answer goes: standard output for results, standard error for complaints, or one
// JSON object on standard output for either. Used by main's thread only.
#ifndef TOOLS_EVENKEEL_CONSOLE_H_
#define TOOLS_EVENKEEL_CONSOLE_H_

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>

#include "tools/evenkeel/failure.h"
#include "tools/evenkeel/terminal.h"

namespace evenkeel::cli {

class Console {
 public:
  // Both streams outlive the console.
  Console(std::ostream& out, std::ostream& err, Terminal terminal, Terminal error_terminal)
      : out_(out), err_(err), terminal_(terminal), error_terminal_(error_terminal) {}
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void set_json(bool json) { json_ = json; }
  bool json() const { return json_; }
  // What standard output is.
  const Terminal& terminal() const { return terminal_; }
  bool error_color() const { return error_terminal_.color; }

  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }

  // The whole answer of a call with --json: indented for a terminal, else on one line.
  void PrintJson(const nlohmann::ordered_json& object);
  // One of the objects of a live verb: a line, sent off at once.
  void PrintJsonLine(const nlohmann::ordered_json& object);

  // `evenkeel: MESSAGE; HINT` or the error's object. Returns the failure's status.
  ExitStatus Fail(const Failure& failure);

 private:
  std::ostream& out_;
  std::ostream& err_;
  const Terminal terminal_;
  const Terminal error_terminal_;
  bool json_ = false;
};

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_CONSOLE_H_

// evenkeel: the operator's command line of Evenkeel. `evenkeel --help` lists what it does; the
// table of commands is commands.cc.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "tools/evenkeel/cli.h"
#include "tools/evenkeel/terminal.h"

int main(int argc, char** argv) {
  // gRPC logs to standard error by itself; what went wrong is said once, by us. Kept if it is set.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  using namespace evenkeel::cli;
  Console console(std::cout, std::cerr, DescribeTerminal(STDOUT_FILENO),
                  DescribeTerminal(STDERR_FILENO));
  return static_cast<int>(RunCli({argv + 1, argv + argc}, console));
}

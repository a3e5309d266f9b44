// The program as it is installed: exit statuses, streams, and what it leaves of a terminal.
//
// EVENKEEL_CLI names the executable.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/tools/evenkeel/fake_daemon.h"
#include "tests/tools/evenkeel/temp_folder.h"

namespace evenkeel::cli {
namespace {

constexpr char kEnter[] = "\x1b[?1049h";
constexpr char kLeave[] = "\x1b[?1049l";

// Made before fork(): gRPC's threads run here, so the child may only do what is async-signal-safe.
class Command {
 public:
  explicit Command(std::vector<std::string> args) : args_(std::move(args)) {
    argv_.push_back(const_cast<char*>("evenkeel"));
    for (std::string& arg : args_) argv_.push_back(arg.data());
    argv_.push_back(nullptr);
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  [[noreturn]] void Exec() const {
    execv(path_, argv_.data());
    _exit(127);
  }

 private:
  const char* const path_ = std::getenv("EVENKEEL_CLI");
  std::vector<std::string> args_;
  std::vector<char*> argv_;
};

int Create(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

int StatusOf(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class BinaryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(std::getenv("EVENKEEL_CLI"), nullptr) << "set it to the path of evenkeel";
    socket_ = "--socket=" + folder_.Path("control.sock");
  }

  // Runs it with both streams into files of the folder, `out` and `err`.
  int Run(const std::vector<std::string>& args) {
    const Command command(args);
    const int out = Create(folder_.Path("out"));
    const int err = Create(folder_.Path("err"));
    const pid_t child = fork();
    if (child == 0) {
      dup2(out, STDOUT_FILENO);
      dup2(err, STDERR_FILENO);
      command.Exec();
    }
    close(out);
    close(err);
    return StatusOf(child);
  }
  std::string Read(const std::string& name) {
    std::ifstream file(folder_.Path(name));
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  const TempFolder folder_;
  std::string socket_;
};

TEST_F(BinaryTest, EndsWithTheStatusOfTheInterface) {
  const std::string good = folder_.Write("good.yaml", ValidConfig());
  const std::string bad = folder_.Write("bad.yaml", "schema: [\n");
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_EQ(Run({"version"}), 0);
  EXPECT_EQ(Run({"rules"}), 0);
  EXPECT_EQ(Run({"validate", good}), 0) << Read("out");
  EXPECT_EQ(Run({"validate", bad}), 1);
  EXPECT_EQ(Run({"plan", bad, "--base", good}), 1);
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"nonsense"}), 2);
  EXPECT_EQ(Run({"status", "--nonsense"}), 2);
  EXPECT_EQ(Run({"validate"}), 2);
  EXPECT_EQ(Run({"validate", folder_.Path("none.yaml")}), 2);
  EXPECT_EQ(Run({"capture"}), 2) << "not built";
  EXPECT_EQ(Run({"apply", good, "--reason=x", socket_}), 3);
  EXPECT_EQ(Run({"status", socket_}), 3);
}

TEST_F(BinaryTest, SaysWhatIsWrongInOneLineOnStandardError) {
  EXPECT_EQ(Run({"status", socket_}), 3);
  EXPECT_EQ(Read("out"), "");
  EXPECT_EQ(Read("err"), "evenkeel: no daemon: " + folder_.Path("control.sock") +
                             " does not exist; start evenkeeld, or name its socket with "
                             "--socket=PATH\n");
}

TEST_F(BinaryTest, NothingOfGrpcReachesStandardError) {
  FakeAnswers answers;
  answers.grpc_code = 14;
  const FakeDaemon daemon(folder_.Path("control.sock"), answers);
  EXPECT_EQ(Run({"status", socket_, "--json"}), 3);
  EXPECT_EQ(Read("err"), "");
  EXPECT_TRUE(absl::StartsWith(Read("out"), "{\"error\":{\"code\":\"unavailable\"")) << Read("out");
}

// `evenkeel top` on a terminal of its own, with a daemon to look at.
class TopOnATerminalTest : public BinaryTest {
 protected:
  void SetUp() override {
    BinaryTest::SetUp();
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    FakeAnswers answers;
    answers.status.set_state("confirmed");
    v1::Backend& backend = *answers.backends.add_backends();
    backend.set_service("http");
    backend.set_name("b1");
    backend.set_share_expected(1);
    daemon_ = std::make_unique<FakeDaemon>(folder_.Path("control.sock"), answers);
  }

  void StartTop(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"top", "--interval=100ms", socket_});
    winsize size{.ws_row = 20, .ws_col = 90, .ws_xpixel = 0, .ws_ypixel = 0};
    const Command command(flags);
    ASSERT_EQ(openpty(&terminal_, &child_side_, nullptr, nullptr, &size), 0);
    // Read before the child can change it.
    ASSERT_EQ(tcgetattr(child_side_, &before_), 0);
    child_ = fork();
    if (child_ == 0) {
      login_tty(child_side_);
      command.Exec();
    }
  }

  // Reads until `text` has been shown; false after a minute.
  bool WaitFor(const std::string& text, size_t times = 1) {
    const absl::Time limit = absl::Now() + absl::Minutes(1);
    while (absl::Now() < limit) {
      size_t seen = 0;
      for (size_t at = shown_.find(text); at != std::string::npos; at = shown_.find(text, at + 1)) {
        ++seen;
      }
      if (seen >= times) return true;
      pollfd input{.fd = terminal_, .events = POLLIN, .revents = 0};
      char buffer[4096];
      if (poll(&input, 1, 100) <= 0) continue;
      const ssize_t count = read(terminal_, buffer, sizeof(buffer));
      if (count > 0) shown_.append(buffer, static_cast<size_t>(count));
    }
    return false;
  }

  void ExpectTerminalAsBefore() {
    termios after;
    ASSERT_EQ(tcgetattr(child_side_, &after), 0);
    EXPECT_EQ(after.c_lflag, before_.c_lflag);
    EXPECT_TRUE(absl::EndsWith(shown_, kLeave)) << shown_;
  }

  void TearDown() override {
    if (terminal_ >= 0) close(terminal_);
    if (child_side_ >= 0) close(child_side_);
  }

  std::unique_ptr<FakeDaemon> daemon_;
  int terminal_ = -1;
  int child_side_ = -1;
  termios before_;
  pid_t child_ = -1;
  std::string shown_;
};

TEST_F(TopOnATerminalTest, DrawsInPlaceAndEndsAfterCount) {
  StartTop({"--count=2"});
  ASSERT_TRUE(WaitFor(kLeave)) << shown_;
  EXPECT_EQ(StatusOf(child_), 0);
  EXPECT_TRUE(absl::StrContains(shown_, kEnter));
  EXPECT_TRUE(absl::StrContains(shown_, "http"));
  EXPECT_TRUE(absl::StrContains(shown_, "│")) << shown_;
  ExpectTerminalAsBefore();
}

TEST_F(TopOnATerminalTest, IsEndedByQ) {
  StartTop({});
  ASSERT_TRUE(WaitFor("http"));
  ASSERT_EQ(write(terminal_, "q", 1), 1);
  ASSERT_TRUE(WaitFor(kLeave)) << shown_;
  EXPECT_EQ(StatusOf(child_), 0);
  ExpectTerminalAsBefore();
}

TEST_F(TopOnATerminalTest, IsEndedBySignalsAndRestoresTheTerminal) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    StartTop({});
    ASSERT_TRUE(WaitFor("http"));
    kill(child_, signal);
    ASSERT_TRUE(WaitFor(kLeave)) << shown_;
    EXPECT_EQ(StatusOf(child_), 0) << signal;
    ExpectTerminalAsBefore();
    close(terminal_);
    close(child_side_);
    shown_.clear();
  }
}

TEST_F(TopOnATerminalTest, GivesTheTerminalBackWhileItIsStopped) {
  StartTop({});
  ASSERT_TRUE(WaitFor("http"));
  kill(child_, SIGTSTP);
  ASSERT_TRUE(WaitFor(kLeave)) << shown_;
  int status = 0;
  ASSERT_EQ(waitpid(child_, &status, WUNTRACED), child_);
  EXPECT_TRUE(WIFSTOPPED(status));
  kill(child_, SIGCONT);
  ASSERT_TRUE(WaitFor(kEnter, 2)) << shown_;
  kill(child_, SIGTERM);
  ASSERT_TRUE(WaitFor(kLeave, 2));
  EXPECT_EQ(StatusOf(child_), 0);
}

TEST_F(TopOnATerminalTest, StaysWhenTheDaemonGoesAndGoesOnWhenItIsBack) {
  StartTop({});
  ASSERT_TRUE(WaitFor("http"));
  daemon_.reset();
  ASSERT_TRUE(WaitFor("not current: ")) << shown_;
  FakeAnswers answers;
  answers.status.set_state("confirmed");
  answers.backends.add_backends()->set_service("another");
  daemon_ = std::make_unique<FakeDaemon>(folder_.Path("control.sock"), answers);
  EXPECT_TRUE(WaitFor("another")) << shown_;
  kill(child_, SIGTERM);
  EXPECT_TRUE(WaitFor(kLeave));
  EXPECT_EQ(StatusOf(child_), 0);
}

}  // namespace
}  // namespace evenkeel::cli

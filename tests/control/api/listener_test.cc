// The tests of foreign credentials need root (they change their user) and skip without.
#include "control/api/unix_listener.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/control/app/temp_dir.h"

namespace evenkeel {
namespace {

constexpr uid_t kNobody = 65534;
constexpr gid_t kLookers = 4242;
constexpr gid_t kChangers = 4243;

int Connect(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

struct Met {
  std::mutex mutex;
  std::vector<Peer> peers;
  UnixListener::Handler handler() {
    return [this](UniqueFd, const Peer& peer) {
      const std::lock_guard lock(mutex);
      peers.push_back(peer);
    };
  }
  std::optional<Peer> Wait() {
    for (int i = 0; i < 30'000; ++i) {
      {
        const std::lock_guard lock(mutex);
        if (!peers.empty()) return peers.back();
      }
      absl::SleepFor(absl::Milliseconds(1));
    }
    return std::nullopt;
  }
};

TEST(UnixListenerTest, TellsWhoConnects) {
  TempDir dir;
  Met met;
  auto listener = *UnixListener::Listen(dir / "sub/control.sock", 0660);
  listener->Start(met.handler());
  struct stat facts {};
  ASSERT_EQ(stat((dir / "sub/control.sock").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0660u);
  const UniqueFd connection(Connect(dir / "sub/control.sock"));
  const std::optional<Peer> peer = met.Wait();
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uid, getuid());
  EXPECT_EQ(peer->pid, getpid());
  EXPECT_EQ(RoleOf(*peer, {.own_uid = getuid()}), Role::kChange);
  listener.reset();
  EXPECT_FALSE(std::filesystem::exists(dir / "sub/control.sock"));
}

TEST(UnixListenerTest, RefusesASocketThatIsInUse) {
  TempDir dir;
  Met met;
  auto listener = *UnixListener::Listen(dir / "s", 0660);
  listener->Start(met.handler());
  const absl::Status status = UnixListener::Listen(dir / "s", 0660).status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), dir / "s")) << status;
  EXPECT_NE(UniqueFd(Connect(dir / "s")).get(), -1) << "the first one still answers";
}

TEST(UnixListenerTest, ReplacesASocketThatADeadDaemonLeft) {
  TempDir dir;
  {
    sockaddr_un address{.sun_family = AF_UNIX};
    const std::string path = dir / "s";
    memcpy(address.sun_path, path.data(), path.size());
    const UniqueFd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  EXPECT_TRUE(UnixListener::Listen(dir / "s", 0660).ok());
}

TEST(UnixListenerTest, DoesNotRemoveAFileThatIsNoSocket) {
  TempDir dir;
  std::ofstream(dir / "s") << "precious";
  EXPECT_TRUE(absl::IsFailedPrecondition(UnixListener::Listen(dir / "s", 0660).status()));
  EXPECT_TRUE(std::filesystem::exists(dir / "s"));
}

TEST(UnixListenerTest, RefusesAPathThatIsTooLong) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      UnixListener::Listen("/tmp/" + std::string(200, 'x'), 0660).status()));
}

// The role that a process of another user, in `groups`, has at the listener.
Role RoleOfStranger(std::vector<gid_t> groups) {
  TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  Met met;
  auto listener = *UnixListener::Listen(dir / "s", 0666);
  listener->Start(met.handler());
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(groups.size(), groups.data()) != 0 || setgid(kNobody) != 0 ||
        setuid(kNobody) != 0) {
      _exit(1);
    }
    _exit(Connect(dir / "s") < 0 ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const std::optional<Peer> peer = met.Wait();
  if (!peer) return Role::kNone;
  EXPECT_EQ(peer->uid, kNobody);
  return RoleOf(*peer, {.own_uid = 0, .look_group = kLookers, .change_group = kChangers});
}

TEST(AccessTest, GoesByThePeersGroups) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  EXPECT_EQ(RoleOfStranger({}), Role::kNone);
  EXPECT_EQ(RoleOfStranger({kLookers}), Role::kLook);
  EXPECT_EQ(RoleOfStranger({kLookers, kChangers}), Role::kChange);
}

TEST(AccessTest, LetsRootAndTheDaemonsOwnUserChange) {
  EXPECT_EQ(RoleOf({.uid = 0}, {.own_uid = 5}), Role::kChange);
  EXPECT_EQ(RoleOf({.uid = 5}, {.own_uid = 5}), Role::kChange);
  EXPECT_EQ(RoleOf({.uid = 6, .groups = {0}}, {.own_uid = 5}), Role::kNone);
}

TEST(AccessTest, FindsGroupsByNameAndNumber) {
  EXPECT_EQ(*FindGroup("root"), 0u);
  EXPECT_EQ(*FindGroup("4242"), 4242u);
  EXPECT_TRUE(absl::IsNotFound(FindGroup("no-such-group").status()));
}

}  // namespace
}  // namespace evenkeel

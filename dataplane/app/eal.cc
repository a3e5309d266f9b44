#include "dataplane/app/eal.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/app/log.h"
#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

constexpr const char* kHugepages = "/sys/kernel/mm/hugepages";

bool Has(const std::vector<std::string>& arguments, absl::string_view name) {
  return std::any_of(arguments.begin(), arguments.end(), [name](const std::string& argument) {
    return argument == name || absl::StartsWith(argument, absl::StrCat(name, "="));
  });
}

// Of every size together.
uint64_t HugepagesFree() {
  uint64_t free_pages = 0;
  DIR* directory = opendir(kHugepages);
  if (directory == nullptr) return 0;
  while (const dirent* entry = readdir(directory)) {
    std::ifstream file(absl::StrCat(kHugepages, "/", entry->d_name, "/free_hugepages"));
    uint64_t pages = 0;
    if (file >> pages) free_pages += pages;
  }
  closedir(directory);
  return free_pages;
}

// The values of an option, given as "--vdev X" or "--vdev=X".
std::vector<std::string> ValuesOf(const std::vector<std::string>& arguments,
                                  absl::string_view name) {
  std::vector<std::string> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string prefix = absl::StrCat(name, "=");
    if (absl::StartsWith(arguments[i], prefix))
      values.push_back(arguments[i].substr(prefix.size()));
    if (arguments[i] == name && i + 1 < arguments.size()) values.push_back(arguments[i + 1]);
  }
  return values;
}

absl::Status CheckInterface(const std::string& vdev) {
  if (!absl::StartsWith(vdev, "net_af_packet") && !absl::StartsWith(vdev, "net_af_xdp")) {
    return absl::OkStatus();
  }
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(vdev, ','))) {
    if (!absl::StartsWith(part, "iface=")) continue;
    if (if_nametoindex(part.c_str() + 6) != 0) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("no interface '", part.substr(6),
                                                      "' here (from --vdev=", vdev,
                                                      "); ip link shows what there is"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("--vdev=", vdev, " names no interface: add iface=NAME"));
}

// EAL's messages, a line each. The last error is kept: it says more than EAL's return value.
class EalLog {
 public:
  static EalLog& Instance() {
    static EalLog log;
    return log;
  }

  void Attach() {
    cookie_io_functions_t functions{};
    functions.write = [](void* self, const char* text, size_t size) {
      static_cast<EalLog*>(self)->Take(absl::string_view(text, size));
      return static_cast<ssize_t>(size);
    };
    FILE* stream = fopencookie(this, "w", functions);
    if (stream == nullptr) return;
    setvbuf(stream, nullptr, _IOLBF, 1024);
    rte_openlog_stream(stream);
  }

  // While EAL starts, its complaints are kept for the one line that tells of the failure.
  void Hold() { holding_ = true; }
  std::vector<std::string> Release() {
    const std::lock_guard<std::mutex> lock(mutex_);
    holding_ = false;
    return std::move(held_);
  }

 private:
  void Take(absl::string_view text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    absl::StrAppend(&partial_, text);
    size_t end;
    while ((end = partial_.find('\n')) != std::string::npos) {
      const std::string line = partial_.substr(0, end);
      partial_.erase(0, end + 1);
      if (line.empty() || IsHarmless(line)) continue;
      if (holding_) {
        held_.push_back(line);
      } else {
        LogWarning("dpdk", line);
      }
    }
  }

  // Said on every start without shared configuration or telemetry's directory; nothing is amiss.
  static bool IsHarmless(const std::string& line) {
    return absl::StrContains(line, "Failed to register mp action callback") ||
           absl::StartsWith(line, "TELEMETRY:");
  }

  std::mutex mutex_;
  std::string partial_;
  std::vector<std::string> held_;
  bool holding_ = false;
};

// EAL writes its usage to standard output and its last words to standard error, however it is
// configured.
class Silence {
 public:
  Silence() : out_(Replace(STDOUT_FILENO)), err_(Replace(STDERR_FILENO)) {}
  ~Silence() {
    fflush(stdout);
    if (out_.valid()) dup2(out_.get(), STDOUT_FILENO);
    if (err_.valid()) dup2(err_.get(), STDERR_FILENO);
  }

 private:
  static UniqueFd Replace(int fd) {
    UniqueFd saved(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    const UniqueFd nothing(open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (saved.valid() && nothing.valid()) dup2(nothing.get(), fd);
    return saved;
  }

  UniqueFd out_;
  UniqueFd err_;
};

}  // namespace

absl::Status CheckEalArguments(const std::vector<std::string>& arguments) {
  if (!Has(arguments, "--no-huge") && HugepagesFree() == 0) {
    return absl::FailedPreconditionError(
        "no hugepages are free: reserve some (echo 512 > /proc/sys/vm/nr_hugepages gives 1 GiB), "
        "or "
        "add --no-huge -m 512 after -- to do without, more slowly");
  }
  for (const std::string& vdev : ValuesOf(arguments, "--vdev")) {
    if (absl::Status s = CheckInterface(vdev); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Eal>> Eal::Start(const std::vector<std::string>& arguments) {
  if (absl::Status s = CheckEalArguments(arguments); !s.ok()) return s;
  std::vector<std::string> words = {"evenkeel-dataplane"};
  if (!Has(arguments, "--log-level")) words.push_back("--log-level=warning");
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());

  EalLog& log = EalLog::Instance();
  log.Attach();
  log.Hold();
  int taken;
  {
    std::optional<Silence> silence;
    if (!Has(arguments, "--log-level")) silence.emplace();  // who asks to hear EAL hears it whole
    taken = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  }
  const int error = rte_errno;
  const std::vector<std::string> complaints = log.Release();
  if (taken >= 0) {
    for (const std::string& complaint : complaints) LogWarning("dpdk", complaint);
    return std::unique_ptr<Eal>(new Eal(complaints.empty() ? "" : complaints.front()));
  }
  const std::string last = complaints.empty() ? rte_strerror(error) : complaints.back();
  if (error == EINVAL) {
    return absl::InvalidArgumentError(
        absl::StrCat("EAL does not understand its arguments (after --): ", last));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("DPDK does not start: ", last, PrivilegeHint()));
}

std::string PrivilegeHint() {
  if (geteuid() == 0) return "";
  return "; not root: af_packet ports need CAP_NET_RAW, taps CAP_NET_ADMIN, PCI devices access to "
         "VFIO";
}

Eal::~Eal() { rte_eal_cleanup(); }

absl::StatusOr<std::vector<unsigned>> Eal::WorkerLcores(uint32_t workers) const {
  std::vector<unsigned> lcores;
  unsigned lcore;
  RTE_LCORE_FOREACH_WORKER(lcore) lcores.push_back(lcore);
  const size_t wanted = workers != 0 ? workers : std::max<size_t>(1, lcores.size());
  if (wanted > lcores.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        wanted, wanted == 1 ? " worker needs " : " workers need ", wanted + 1,
        " lcores, one for the main thread, and EAL has ", lcores.size() + 1,
        ": give --lcores after -- (--lcores=0-", wanted,
        " on as many CPUs; --lcores='0@0,1@0,2@1' shares CPU 0 between main and a worker)"));
  }
  lcores.resize(wanted);
  return lcores;
}

}  // namespace evenkeel

#include "control/app/alarm_teller.h"

#include <httplib.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/app/log.h"

namespace evenkeel {
namespace {

// Alarms that come faster than they can be told; the oldest are dropped.
constexpr size_t kWaitingMax = 256;
constexpr int kPostAttempts = 3;
constexpr std::chrono::milliseconds kPause(1000);
constexpr absl::Duration kPoll = absl::Milliseconds(20);

const char* EventName(const AlarmEvent& event) { return event.is_raised ? "raised" : "cleared"; }

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

struct Url {
  std::string server;  // http://HOST:PORT
  std::string path;
};

absl::StatusOr<Url> SplitUrl(const std::string& text) {
  constexpr absl::string_view kScheme = "http://";
  const size_t host = kScheme.size();
  if (!absl::StartsWith(text, kScheme) || text.size() == host || text[host] == '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("--alarm-webhook=", text,
                     ": write http://HOST[:PORT][/PATH]; for https give a relay on this host"));
  }
  const size_t slash = text.find('/', host);
  if (slash == std::string::npos) return Url{text, "/"};
  return Url{text.substr(0, slash), text.substr(slash)};
}

std::string JsonOf(const AlarmEvent& event) {
  const auto or_null = [](const std::optional<std::string>& text) {
    return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json(nullptr);
  };
  const ControlAlarm& alarm = event.alarm;
  return nlohmann::ordered_json{
      {"event", EventName(event)},         {"rule", alarm.rule},
      {"service", or_null(alarm.service)}, {"backend", or_null(alarm.backend)},
      {"since", TimeText(alarm.since)},    {"message", alarm.message}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The daemon's blocked signals and what it ignores are not the program's.
absl::StatusOr<pid_t> Spawn(const std::string& path, std::vector<std::string> words) {
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, path.c_str(), nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return absl::ErrnoToStatus(failed, "cannot be started");
  return pid;
}

}  // namespace

absl::Status AlarmTeller::Check(const Options& options) {
  if (!options.webhook.empty()) {
    if (absl::StatusOr<Url> url = SplitUrl(options.webhook); !url.ok()) return url.status();
  }
  if (!options.exec.empty() && access(options.exec.c_str(), X_OK) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--alarm-exec=", options.exec, ": this is no program that can be run"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<AlarmTeller>> AlarmTeller::Start(Options options) {
  if (absl::Status s = Check(options); !s.ok()) return s;
  std::unique_ptr<AlarmTeller> teller(new AlarmTeller(std::move(options)));
  teller->thread_ = std::thread([teller = teller.get()] { teller->Run(); });
  return teller;
}

AlarmTeller::~AlarmTeller() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool AlarmTeller::IsStopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void AlarmTeller::Send(const AlarmEvent& event) {
  if (options_.exec.empty() && options_.webhook.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == kWaitingMax) {
      LogError("alarm", "too many alarms at once: not told of ", waiting_.front().alarm.message);
      waiting_.pop_front();
    }
    waiting_.push_back(event);
  }
  wake_.notify_all();
}

void AlarmTeller::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const AlarmEvent event = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (!options_.exec.empty()) Execute(event);
    if (!options_.webhook.empty()) Post(event);
    lock.lock();
  }
}

void AlarmTeller::Execute(const AlarmEvent& event) {
  const ControlAlarm& alarm = event.alarm;
  absl::StatusOr<pid_t> pid =
      Spawn(options_.exec, {EventName(event), alarm.rule, alarm.service.value_or(""),
                            alarm.backend.value_or(""), TimeText(alarm.since), alarm.message});
  if (!pid.ok()) {
    LogError("alarm", "--alarm-exec=", options_.exec, " ", pid.status().message());
    return;
  }
  const absl::Time deadline = absl::Now() + options_.time_limit;
  int status = 0;
  while (waitpid(*pid, &status, WNOHANG) == 0) {
    const bool is_late = absl::Now() > deadline;
    if (is_late || IsStopping()) {
      kill(-*pid, SIGKILL);
      waitpid(*pid, &status, 0);
      if (is_late) {
        LogError("alarm", "--alarm-exec=", options_.exec, " was ended: it did not end within ",
                 absl::FormatDuration(options_.time_limit));
      }
      return;
    }
    absl::SleepFor(kPoll);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    LogError("alarm", "--alarm-exec=", options_.exec, " failed (status ",
             WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ")");
  }
}

void AlarmTeller::Post(const AlarmEvent& event) {
  const Url url = *SplitUrl(options_.webhook);
  std::string why;
  for (int attempt = 0; attempt < kPostAttempts; ++attempt) {
    httplib::Client client(url.server);
    const time_t limit = std::max<int64_t>(1, absl::ToInt64Seconds(options_.time_limit) / 2);
    client.set_connection_timeout(limit);
    client.set_read_timeout(limit);
    client.set_write_timeout(limit);
    const httplib::Result result = client.Post(url.path, JsonOf(event), "application/json");
    if (result && result->status >= 200 && result->status < 300) return;
    why = result ? absl::StrCat("status ", result->status) : httplib::to_string(result.error());
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kPause, [this] { return stopping_; })) return;
  }
  LogError("alarm", "--alarm-webhook=", options_.webhook, " does not take it: ", why);
}

}  // namespace evenkeel

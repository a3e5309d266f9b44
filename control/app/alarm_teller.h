// Brings alarms to a person without Prometheus: runs a program (--alarm-exec), posts to a webhook
// (--alarm-webhook).
//
// Both on a thread of its own, one event after the other, each with a time limit: neither a program
// that hangs nor a server that is gone holds anything else up. What cannot be told is logged.
//
//   auto teller = AlarmTeller::Start({.exec = "/usr/local/bin/page", .webhook = "http://..."});
//   (*teller)->Send(event);      // any thread; returns at once
//
// The program gets words: raised|cleared RULE SERVICE BACKEND SINCE MESSAGE (empty where there is
// none). The webhook gets one JSON object by POST: {event, rule, service, backend, since, message}.
#ifndef CONTROL_APP_ALARM_TELLER_H_
#define CONTROL_APP_ALARM_TELLER_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/watch/alarm_book.h"

namespace evenkeel {

class AlarmTeller {
 public:
  struct Options {
    std::string exec;     // a path; empty: none
    std::string webhook;  // http://HOST[:PORT][/PATH]; empty: none
    absl::Duration time_limit = absl::Seconds(10);
  };

  // InvalidArgument: what is wrong with which flag.
  static absl::Status Check(const Options& options);
  // Fails as Check() does.
  static absl::StatusOr<std::unique_ptr<AlarmTeller>> Start(Options options);
  // What has not been told yet is dropped.
  ~AlarmTeller();

  void Send(const AlarmEvent& event);

 private:
  explicit AlarmTeller(Options options) : options_(std::move(options)) {}
  void Run();
  bool IsStopping();
  void Execute(const AlarmEvent& event);
  void Post(const AlarmEvent& event);

  const Options options_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<AlarmEvent> waiting_;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // CONTROL_APP_ALARM_TELLER_H_

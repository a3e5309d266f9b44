// The last hour of every service's shares, for the page: what the tables asked for and what came.
//
// Add() by the watch's thread, the rest by whoever serves the page; safe against each other.
//
//   history.Add(second, expected);
//   std::optional<ServiceHistory> of_web = history.Of("web");
#ifndef CONTROL_WATCH_HISTORY_H_
#define CONTROL_WATCH_HISTORY_H_

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/watch/watch_second.h"

namespace evenkeel {

// One step of the history, of one member.
struct HistoryPoint {
  float expected = 0;     // share
  uint32_t observed = 0;  // new flows
};

struct ServiceHistory {
  std::vector<absl::Time> ends;  // of each step, the oldest first
  struct Line {
    std::string name;
    std::vector<HistoryPoint> points;  // parallel to `ends`
  };
  std::vector<Line> lines;
};

struct RevisionMark {
  absl::Time at;
  int64_t revision = 0;
};

class History {
 public:
  static constexpr absl::Duration kStep = absl::Seconds(15);
  static constexpr absl::Duration kSpan = absl::Hours(1);

  void Add(const WatchSecond& second);
  // Of what runs; kept when it differs from what ran before.
  void MarkRevision(int64_t revision, absl::Time at);

  // Not set: no such service, or nothing is known of it yet.
  std::optional<ServiceHistory> Of(const std::string& service) const;
  std::vector<RevisionMark> Revisions() const;
  // New flows a second of each service in its emptiest step; services without a whole step are left
  // out.
  std::map<std::string, double> LowestRates() const;

 private:
  struct Step {
    absl::Time end;
    std::map<std::string, HistoryPoint> points;  // by member's name
  };

  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Step>> services_;
  std::deque<RevisionMark> revisions_;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_HISTORY_H_

#include "tools/evenkeel/config_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/config/literals.h"
#include "control/plan/facts.h"
#include "control/plan/plan.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

// What comes and goes as a whole, by path.
std::set<std::string> ThingsOf(const Config& config) {
  std::set<std::string> things;
  for (const Pool& pool : config.pools) {
    things.insert(PathOf(pool));
    for (const Backend& backend : pool.backends) things.insert(PathOf(pool, backend));
  }
  for (const Service& service : config.services) things.insert(PathOf(service));
  return things;
}

bool IsBelow(absl::string_view path, absl::string_view thing) {
  return path.size() > thing.size() && absl::StartsWith(path, thing) && path[thing.size()] == '.';
}

// "300000ms", as facts have it, the way that the file would say it.
std::string Readable(const std::string& value) {
  const auto span = decoding::ParseSpan(value);
  return span && absl::EndsWith(value, "ms") ? decoding::FormatSpan(*span) : value;
}

class Differ {
 public:
  Differ(const Config& from, const Config& to)
      : before_(FactsOf(from)),
        after_(FactsOf(to)),
        things_before_(ThingsOf(from)),
        things_after_(ThingsOf(to)) {}

  v1::DiffReply Diff() {
    AddThings(things_before_, things_after_, before_, "removed");
    AddThings(things_after_, things_before_, after_, "added");
    AddValues();
    std::sort(changes_.begin(), changes_.end(),
              [](const auto& a, const auto& b) { return a.path() < b.path(); });
    v1::DiffReply reply;
    reply.set_same(changes_.empty());
    for (v1::DiffChange& change : changes_) *reply.add_changes() = std::move(change);
    return reply;
  }

 private:
  // Those that only `here` has. A backend goes with its pool.
  void AddThings(const std::set<std::string>& here, const std::set<std::string>& there,
                 const Facts& facts, const char* kind) {
    for (const std::string& thing : here) {
      if (there.count(thing) != 0 || IsCovered(thing)) continue;
      std::vector<std::string> says;
      for (auto it = facts.lower_bound(thing + "."); it != facts.end(); ++it) {
        if (!IsBelow(it->first, thing)) break;
        if (it->second.empty()) continue;
        says.push_back(absl::StrCat(it->first.substr(thing.size() + 1), " ", Readable(it->second)));
      }
      Add(thing, kind, absl::StrJoin(says, ", "));
      covered_.insert(thing);
    }
  }

  void AddValues() {
    for (const auto& [path, value] : before_) {
      if (IsCovered(path)) continue;
      const auto now = after_.find(path);
      if (now == after_.end()) {
        Add(path, "removed", Readable(value));
      } else if (now->second != value) {
        v1::DiffChange& change = Add(path, "changed", Readable(value));
        change.set_before(Readable(value));
        change.set_after(Readable(now->second));
      }
    }
    for (const auto& [path, value] : after_) {
      if (before_.count(path) == 0 && !IsCovered(path)) Add(path, "added", Readable(value));
    }
  }

  bool IsCovered(absl::string_view path) const {
    return std::any_of(covered_.begin(), covered_.end(),
                       [path](const std::string& thing) { return IsBelow(path, thing); });
  }

  v1::DiffChange& Add(const std::string& path, const char* kind, const std::string& value) {
    v1::DiffChange& change = changes_.emplace_back();
    change.set_path(path);
    change.set_change(kind);
    if (change.change() == "removed") change.set_before(value);
    if (change.change() == "added") change.set_after(value);
    return change;
  }

  const Facts before_, after_;
  const std::set<std::string> things_before_, things_after_;
  std::set<std::string> covered_;  // things that came or went
  std::vector<v1::DiffChange> changes_;
};

// Services of one pool share its table, so the first of them speaks for it.
void AddShares(const Plan& plan, v1::DiffReply& reply) {
  std::set<std::string> told;
  for (const ServicePlan& service : plan.services) {
    if (!told.insert(service.pool).second) continue;
    for (const BackendPlan& backend : service.backends) {
      if (backend.before == backend.after) continue;
      v1::DiffShare& share = *reply.add_shares();
      share.set_pool(service.pool);
      share.set_name(backend.name);
      share.set_address(backend.address.ToString());
      share.set_change(std::string(Name(backend.change)));
      share.set_share_before(backend.before);
      share.set_share_after(backend.after);
    }
  }
}

}  // namespace

absl::StatusOr<v1::DiffReply> DiffConfigs(const Config& from, const Config& to) {
  v1::DiffReply reply = Differ(from, to).Diff();
  const absl::StatusOr<Plan> plan = MakePlan(&from, to, {});
  if (!plan.ok()) return plan.status();
  AddShares(*plan, reply);
  return reply;
}

std::string RenderDiff(const v1::DiffReply& diff, bool color) {
  if (diff.same()) return "they mean the same\n";
  std::string out;
  for (const v1::DiffChange& change : diff.changes()) {
    const std::string path = Printable(change.path());
    if (change.change() == "changed") {
      absl::StrAppend(&out, Paint(absl::StrCat("~ ", path), Ink::kDoubtful, color), "  ",
                      Printable(change.before()), " -> ", Printable(change.after()), "\n");
      continue;
    }
    const bool added = change.change() == "added";
    absl::StrAppend(
        &out, Paint(absl::StrCat(added ? "+ " : "- ", path), added ? Ink::kGood : Ink::kBad, color),
        "  ", Printable(added ? change.after() : change.before()), "\n");
  }
  Table shares({{"BACKEND"}, {"BEFORE", Align::kRight}, {"AFTER", Align::kRight}, {"CHANGE"}});
  for (const v1::DiffShare& share : diff.shares()) {
    shares.Add({std::string(absl::StrCat(share.pool(), "/", share.name())),
                FormatShare(share.share_before()), FormatShare(share.share_after()),
                share.change()});
  }
  if (!shares.empty()) absl::StrAppend(&out, "\n", shares.Render(color));
  return out;
}

}  // namespace evenkeel::cli

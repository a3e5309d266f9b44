#include "tools/evenkeel/plan_view.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/share_bar.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

constexpr size_t kBarColumns = 16;
constexpr size_t kBackendsShown = 16;
constexpr double kJump = 2.0;  // a share that grows by more is painted

// Services of one pool with the same shares before and after: told once.
struct Block {
  std::vector<const v1::PlanService*> services;

  const v1::PlanService& first() const { return *services.front(); }
};

std::vector<Block> BlocksOf(const v1::PlanReply& plan) {
  std::vector<Block> blocks;
  std::map<std::string, size_t> known;
  for (const v1::PlanService& service : plan.services()) {
    std::string key = absl::StrCat(service.pool(), " ", service.slots_moved_percent());
    for (const v1::PlanBackend& backend : service.backends()) {
      absl::StrAppend(&key, " ", backend.name(), " ", backend.share_before(), " ",
                      backend.change());
    }
    const auto [at, is_new] = known.emplace(std::move(key), blocks.size());
    if (is_new) blocks.emplace_back();
    blocks[at->second].services.push_back(&service);
  }
  return blocks;
}

bool Changes(const v1::PlanService& service) {
  return service.is_new() || service.slots_moved_percent() > 0 ||
         std::any_of(service.backends().begin(), service.backends().end(),
                     [](const v1::PlanBackend& backend) { return backend.change() != "same"; });
}

double Difference(const v1::PlanBackend& backend) {
  return backend.share_after() - backend.share_before();
}

Ink InkOf(const v1::PlanBackend& backend) {
  const bool vanishes = backend.share_before() > 0 && backend.share_after() == 0;
  const bool jumps =
      backend.share_before() > 0 && (backend.share_after() > kJump * backend.share_before() ||
                                     backend.share_after() * kJump < backend.share_before());
  if (vanishes) return Ink::kBad;
  if (jumps) return Ink::kDoubtful;
  return std::abs(Difference(backend)) > 1e-9 ? Ink::kGood : Ink::kPlain;
}

std::string ChangeText(const v1::PlanBackend& backend) {
  if (backend.change() == "added" || backend.change() == "removed" ||
      backend.change() == "drained" || backend.change() == "restored") {
    return backend.change();
  }
  if (backend.share_before() == 0 || backend.share_after() == 0 || Difference(backend) == 0)
    return "";
  return absl::StrFormat("x%.2f", backend.share_after() / backend.share_before());
}

class PlanRenderer {
 public:
  PlanRenderer(const v1::PlanReply& plan, const Terminal& terminal)
      : plan_(plan), terminal_(terminal) {}

  std::string Render(const std::string& file, const std::string& base) {
    AddTitle(file, base);
    AddBlocks();
    if (plan_.has_digest()) AddRisks();
    AddFindings(file);
    return std::move(out_);
  }

 private:
  std::string Painted(const std::string& text, Ink ink) const {
    return Paint(text, ink, terminal_.color);
  }

  void AddTitle(const std::string& file, const std::string& base) {
    const bool allow = plan_.verdict() == "allow";
    absl::StrAppend(
        &out_, Painted(allow ? "ALLOW" : "REFUSE", allow ? Ink::kGood : Ink::kBad), "  ",
        Painted(Printable(file), Ink::kStrong),
        base.empty() ? " (first revision)" : absl::StrCat(" against ", Printable(base)));
    if (plan_.has_digest()) absl::StrAppend(&out_, "\n        plan ", plan_.digest());
    out_ += "\n";
  }

  void AddBlocks() {
    std::vector<std::string> unchanged;
    for (const Block& block : BlocksOf(plan_)) {
      if (Changes(block.first())) {
        AddBlock(block);
        continue;
      }
      for (const v1::PlanService* service : block.services) unchanged.push_back(service->service());
    }
    if (!plan_.services_removed().empty()) {
      absl::StrAppend(&out_, "\n", Painted("gone: ", Ink::kBad),
                      Printable(absl::StrJoin(plan_.services_removed(), ", ")), "\n");
    }
    if (unchanged.empty()) return;
    const std::string names = unchanged.size() > 8 ? absl::StrCat(unchanged.size(), " services")
                                                   : Printable(absl::StrJoin(unchanged, ", "));
    absl::StrAppend(&out_, "\n", Painted(absl::StrCat("shares unchanged: ", names), Ink::kFaint),
                    "\n");
  }

  void AddBlock(const Block& block) {
    const v1::PlanService& service = block.first();
    std::vector<std::string> names;
    for (const v1::PlanService* each : block.services) names.push_back(each->service());
    absl::StrAppend(&out_, "\n", Painted(absl::StrCat("pool ", service.pool()), Ink::kStrong), "  ",
                    service.slots(), " slots, for ", Printable(absl::StrJoin(names, ", ")), "\n");
    absl::StrAppend(&out_, "  ", Movement(service), "\n");
    AddBackends(service);
  }

  std::string Movement(const v1::PlanService& service) const {
    if (service.is_new()) return "new: nothing moves";
    std::string text =
        absl::StrFormat("%.2f%% of the slots move, %.2f%% beyond the unavoidable",
                        service.slots_moved_percent(), service.slots_beyond_unavoidable_percent());
    for (const v1::PlanPool& pool : plan_.pools()) {
      if (pool.name() != service.pool() || pool.weight_lost_percent() == 0) continue;
      absl::StrAppendFormat(&text, "; %.1f%% of the healthy weight goes",
                            pool.weight_lost_percent());
    }
    return text;
  }

  void AddBackends(const v1::PlanService& service) {
    std::vector<const v1::PlanBackend*> rows;
    double scale = 0;
    for (const v1::PlanBackend& backend : service.backends()) {
      rows.push_back(&backend);
      scale = std::max({scale, backend.share_before(), backend.share_after()});
    }
    const size_t hidden = rows.size() - std::min(rows.size(), kBackendsShown);
    if (hidden > 0) {
      std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
        return std::abs(Difference(*a)) > std::abs(Difference(*b));
      });
    }
    Table table({{""},
                 {"BACKEND"},
                 {"WEIGHT", Align::kRight},
                 {"BEFORE", Align::kRight},
                 {""},
                 {"AFTER", Align::kRight},
                 {""},
                 {"ASKED", Align::kRight},
                 {"CHANGE"}});
    for (size_t i = 0; i < rows.size() - hidden; ++i) {
      const v1::PlanBackend& row = *rows[i];
      const Ink ink = InkOf(row);
      table.Add({Cell(""), Cell(row.name(), Ink::kStrong),
                 row.change() == "removed" ? std::string(kNoValue) : absl::StrCat(row.weight()),
                 FormatShare(row.share_before()),
                 Cell(Bar(row.share_before(), row.share_before(), scale), Ink::kFaint),
                 Cell(FormatShare(row.share_after()), ink),
                 Cell(Bar(row.share_after(), row.share_requested(), scale), ink),
                 FormatShare(row.share_requested()), Cell(ChangeText(row), ink)});
    }
    out_ += Indented(table.Render(terminal_.color));
    if (hidden > 0) {
      absl::StrAppendFormat(&out_, "  ... and %d more, none changes by more than %.2f points\n",
                            hidden, 100 * std::abs(Difference(*rows[kBackendsShown])));
    }
  }

  std::string Bar(double share, double asked, double scale) const {
    return ShareBar({.expected = asked, .observed = share, .full = scale == 0 ? 1 : scale},
                    kBarColumns, terminal_.unicode);
  }

  static std::string Indented(const std::string& lines) {
    std::string out;
    size_t begin = 0;
    while (begin < lines.size()) {
      const size_t end = lines.find('\n', begin);
      absl::StrAppend(&out, "  ", lines.substr(begin, end - begin), "\n");
      begin = end + 1;
    }
    return out;
  }

  void AddRisks() {
    std::vector<std::pair<std::string, Cell>> fields;
    fields.emplace_back("connections at risk", ConnectionsText());
    for (const v1::PlanLoss* loss : WorstLosses()) fields.emplace_back("if lost", LossText(*loss));
    fields.emplace_back("a trial needs", EvidenceText());
    for (const v1::PlanPool& pool : plan_.pools()) {
      for (const v1::PlanDrain& drain : pool.drained()) {
        fields.emplace_back("drained", DrainText(pool.name(), drain));
      }
    }
    absl::StrAppend(&out_, "\n", RenderFields(fields, terminal_.color));
  }

  static std::string DrainText(const std::string& pool, const v1::PlanDrain& drain) {
    std::string text = absl::StrCat(pool, "/", drain.backend());
    if (drain.has_until()) absl::StrAppend(&text, " until ", drain.until());
    return absl::StrCat(text, ": ", drain.reason());
  }

  std::string ConnectionsText() const {
    if (!plan_.connections_known()) {
      return "not known, since no rate of new flows is (--new-flows tells one)";
    }
    return plan_.connections_at_risk() == 0
               ? "none"
               : absl::StrCat("at most ", FormatCount(plan_.connections_at_risk()));
  }

  // Of each kind, single and pair, the one with the highest load; nobody left is the highest.
  std::vector<const v1::PlanLoss*> WorstLosses() const {
    const v1::PlanLoss* worst[2] = {nullptr, nullptr};
    const auto load = [](const v1::PlanLoss& loss) {
      return loss.has_load() ? loss.load() : 1e300;
    };
    for (const v1::PlanLoss& loss : plan_.if_lost()) {
      const v1::PlanLoss*& slot = worst[loss.lost().find(" + ") != std::string::npos];
      if (slot == nullptr || load(loss) > load(*slot)) slot = &loss;
    }
    std::vector<const v1::PlanLoss*> losses;
    for (const v1::PlanLoss* loss : worst) {
      if (loss != nullptr) losses.push_back(loss);
    }
    return losses;
  }

  static std::string LossText(const v1::PlanLoss& loss) {
    if (!loss.has_load()) return absl::StrCat(loss.lost(), ": nobody is left");
    if (loss.basis() == "capacity") {
      return absl::StrFormat("%s: %s is at %.0f%% of its capacity", loss.lost(), loss.backend(),
                             100 * loss.load());
    }
    return absl::StrFormat("%s: %s gets %.2f times its share", loss.lost(), loss.backend(),
                           loss.load());
  }

  std::string EvidenceText() const {
    const v1::PlanEvidence& evidence = plan_.evidence();
    if (evidence.flows() == 0) return "nothing";
    std::string text = absl::StrCat(FormatCount(evidence.flows()), " new flows");
    if (evidence.has_seconds()) absl::StrAppendFormat(&text, ", %.0f s", evidence.seconds());
    return text;
  }

  void AddFindings(const std::string& file) {
    const std::vector<Finding> findings = FromReply(plan_.findings());
    if (findings.empty()) return;
    absl::StrAppend(&out_, "\n", RenderFindings(file, findings, terminal_.color), Printable(file),
                    ": ", CountFindings(findings), "\n");
  }

  const v1::PlanReply& plan_;
  const Terminal& terminal_;
  std::string out_;
};

}  // namespace

std::string RenderPlan(const v1::PlanReply& plan, const std::string& file, const std::string& base,
                       const Terminal& terminal) {
  return PlanRenderer(plan, terminal).Render(file, base);
}

}  // namespace evenkeel::cli

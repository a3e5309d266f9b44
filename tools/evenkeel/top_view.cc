#include "tools/evenkeel/top_view.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/evenkeel/backend_ink.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/share_bar.h"

namespace evenkeel::cli {
namespace {

constexpr size_t kGap = 2;
// They are no reason to hide shares.
constexpr size_t kNotesMax = 3;

// How many columns each column of the table takes; 0: left out.
struct Layout {
  size_t name = 0;
  size_t share = 9;
  size_t bar = 0;
  size_t flows = 8;
  size_t packets = 8;
  size_t gigabits = 8;

  size_t Taken() const {
    size_t sum = name + 2 * (share + kGap);
    for (const size_t width : {bar, flows, packets, gigabits}) sum += width ? width + kGap : 0;
    return sum;
  }
};

std::string NameOf(const TopBackend& backend) {
  const std::string name = Printable(backend.name);
  return backend.state == "up" ? name : absl::StrCat(name, " ", Printable(backend.state));
}

Layout FitColumns(const TopFrame& frame, size_t columns) {
  constexpr size_t kNameMin = 12, kNameMax = 28, kBarMin = 10, kBarMax = 50;
  Layout layout{.name = kNameMin};
  for (const TopService& service : frame.services) {
    layout.name = std::max(layout.name, DisplayWidth(Printable(service.name)));
    for (const TopBackend& backend : service.backends) {
      layout.name = std::max(layout.name, kGap + DisplayWidth(NameOf(backend)));
    }
  }
  layout.name = std::min({layout.name, kNameMax, std::max(kNameMin, columns / 3)});
  for (size_t* column : {&layout.gigabits, &layout.packets, &layout.flows}) {
    if (layout.Taken() + kGap + kBarMin <= columns) break;
    *column = 0;
  }
  if (layout.Taken() + kGap + kBarMin <= columns) {
    layout.bar = std::min(columns - layout.Taken() - kGap, kBarMax);
  }
  return layout;
}

// A line that never grows beyond its terminal.
class Line {
 public:
  Line(size_t columns, bool color) : left_(columns), color_(color) {}

  enum class Side { kLeft, kRight };

  void Add(const std::string& text, size_t width, Side side, Ink ink = Ink::kPlain) {
    if (width == 0) return;
    if (!text_.empty()) Put(std::string(kGap, ' '), Ink::kPlain);
    const std::string shown = Truncated(text, width);
    const std::string padding(width - DisplayWidth(shown), ' ');
    if (side == Side::kRight) Put(padding, Ink::kPlain);
    Put(shown, ink);
    if (side == Side::kLeft) Put(padding, Ink::kPlain);
  }

  std::string Take() { return std::move(text_); }

 private:
  void Put(const std::string& text, Ink ink) {
    const std::string shown = Truncated(text, left_);
    left_ -= DisplayWidth(shown);
    text_ += Paint(shown, ink, color_);
  }

  size_t left_;
  const bool color_;
  std::string text_;
};

std::string FormatGigabits(const std::optional<double>& bits) {
  if (!bits) return kNoValue;
  const double gigabits = *bits / 1e9;
  return absl::StrFormat("%.*f", gigabits < 9.9995 ? 3 : gigabits < 99.995 ? 2 : 1, gigabits);
}

class View {
 public:
  View(const TopFrame& frame, TerminalSize size, const Terminal& terminal)
      : frame_(frame),
        columns_(static_cast<size_t>(std::max(size.columns, 1))),
        rows_(static_cast<size_t>(std::max(size.rows, 1))),
        terminal_(terminal),
        layout_(FitColumns(frame, columns_)) {}

  std::vector<std::string> Render(const std::string& notice) {
    AddHead();
    if (!notice.empty()) AddText(notice, Ink::kBad);
    for (const std::string& alarm : frame_.alarms) AddText("alarm: " + alarm, Ink::kBad);
    AddNotes();
    AddTitles();
    AddServices();
    if (lines_.size() > rows_) lines_.resize(rows_);
    return std::move(lines_);
  }

 private:
  void AddText(const std::string& text, Ink ink) {
    Line line(columns_, terminal_.color);
    line.Add(Printable(text), columns_, Line::Side::kLeft, ink);
    lines_.push_back(line.Take());
  }

  void AddHead() {
    AddText(
        absl::StrCat("Evenkeel  revision ", frame_.revision, " (", frame_.state, ")  generation ",
                     frame_.generation, "  planes ", frame_.planes_connected, "/", frame_.planes,
                     "  ", absl::FormatTime("%H:%M:%SZ", frame_.taken, absl::UTCTimeZone())),
        Ink::kStrong);
  }

  void AddNotes() {
    const size_t shown = std::min(frame_.notes.size(), kNotesMax);
    for (size_t i = 0; i < shown; ++i) AddText("note: " + frame_.notes[i], Ink::kPlain);
    const size_t more = frame_.notes.size() - shown;
    if (more == 0) return;
    AddText(absl::StrCat("and ", more, more == 1 ? " more note" : " more notes"), Ink::kFaint);
  }

  void AddTitles() {
    Line line(columns_, terminal_.color);
    line.Add("SERVICE", layout_.name, Line::Side::kLeft, Ink::kFaint);
    line.Add("EXPECTED", layout_.share, Line::Side::kRight, Ink::kFaint);
    line.Add("OBSERVED", layout_.share, Line::Side::kRight, Ink::kFaint);
    line.Add("", layout_.bar, Line::Side::kLeft);
    line.Add("NEW/S", layout_.flows, Line::Side::kRight, Ink::kFaint);
    line.Add("PKT/S", layout_.packets, Line::Side::kRight, Ink::kFaint);
    line.Add("GBIT/S", layout_.gigabits, Line::Side::kRight, Ink::kFaint);
    lines_.push_back(line.Take());
  }

  void AddServices() {
    if (frame_.services.empty()) return AddText("no services", Ink::kFaint);
    const std::vector<size_t> shown = ShareOutRows();
    for (size_t i = 0; i < shown.size(); ++i) AddService(frame_.services[i], shown[i]);
    if (shown.size() < frame_.services.size()) {
      const size_t more = frame_.services.size() - shown.size();
      AddText(absl::StrCat("and ", more, more == 1 ? " more service" : " more services"),
              Ink::kFaint);
    }
  }

  // How many backends of each service are shown; services beyond the end not at all. Every one that
  // is shown has a line for itself and for one backend, what is left goes round.
  std::vector<size_t> ShareOutRows() const {
    const size_t services = frame_.services.size();
    size_t left = rows_ > lines_.size() ? rows_ - lines_.size() : 0;
    const bool all = 2 * services <= left;
    const size_t count = all ? services : (left > 0 ? (left - 1) / 2 : 0);
    left -= std::min(left, 2 * count + (all ? 0 : 1));
    std::vector<size_t> shown(count, 1);
    for (bool gave = true; gave && left > 0;) {
      gave = false;
      for (size_t i = 0; i < count && left > 0; ++i) {
        if (shown[i] >= frame_.services[i].backends.size()) continue;
        ++shown[i];
        --left;
        gave = true;
      }
    }
    return shown;
  }

  void AddService(const TopService& service, size_t shown) {
    const size_t backends = service.backends.size();
    std::string name = Printable(service.name);
    if (shown < backends) absl::StrAppend(&name, " (", shown, " of ", backends, ")");
    Line line(columns_, terminal_.color);
    line.Add(name, layout_.name, Line::Side::kLeft, Ink::kStrong);
    line.Add("", layout_.share, Line::Side::kRight);
    line.Add("", layout_.share, Line::Side::kRight);
    line.Add("", layout_.bar, Line::Side::kLeft);
    AddRates(service.rates, line);
    lines_.push_back(line.Take());
    double full = 0;
    for (const TopBackend& backend : service.backends) {
      full = std::max({full, backend.share_expected, backend.share_observed.value_or(0)});
    }
    for (const size_t i : FurthestOff(service, shown)) {
      AddBackend(service, service.backends[i], full);
    }
  }

  // The `count` backends that need a look most, in their own order.
  static std::vector<size_t> FurthestOff(const TopService& service, size_t count) {
    const auto trouble = [&](size_t i) {
      const TopBackend& backend = service.backends[i];
      const double off =
          backend.share_observed ? std::abs(*backend.share_observed - backend.share_expected) : 0;
      return std::pair(backend.state != "up", off);
    };
    std::vector<size_t> order(service.backends.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return trouble(a) > trouble(b); });
    order.resize(std::min(count, order.size()));
    std::sort(order.begin(), order.end());
    return order;
  }

  void AddBackend(const TopService& service, const TopBackend& backend, double full) {
    const Ink ink = IsUneven(service, backend) ? Ink::kBad : Ink::kPlain;
    const Ink bar_ink = ink == Ink::kBad ? Ink::kBad : Ink::kGood;
    const BarShares shares{backend.share_expected, backend.share_observed.value_or(0), full};
    Line line(columns_, terminal_.color);
    line.Add("  " + NameOf(backend), layout_.name, Line::Side::kLeft,
             backend.state == "up" ? Ink::kPlain : InkOfState(backend.state));
    line.Add(FormatShare(backend.share_expected), layout_.share, Line::Side::kRight);
    line.Add(FormatShare(backend.share_observed), layout_.share, Line::Side::kRight, ink);
    if (layout_.bar != 0) {
      line.Add(ShareBar(shares, layout_.bar, terminal_.unicode), layout_.bar, Line::Side::kLeft,
               bar_ink);
    }
    AddRates(backend.rates, line);
    lines_.push_back(line.Take());
  }

  void AddRates(const TopRates& rates, Line& line) const {
    line.Add(FormatRate(rates.new_flows), layout_.flows, Line::Side::kRight);
    line.Add(FormatRate(rates.packets), layout_.packets, Line::Side::kRight);
    line.Add(FormatGigabits(rates.bits), layout_.gigabits, Line::Side::kRight);
  }

  const TopFrame& frame_;
  const size_t columns_;
  const size_t rows_;
  const Terminal& terminal_;
  const Layout layout_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> RenderTop(const TopFrame& frame, const std::string& notice,
                                   TerminalSize size, const Terminal& terminal) {
  return View(frame, size, terminal).Render(notice);
}

}  // namespace evenkeel::cli

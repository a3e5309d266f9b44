#include "tools/evenkeel/table.h"

#include <algorithm>

#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

// The finished text of a line: `Finish()` cuts what would be spaces before its end.
class LineBuilder {
 public:
  explicit LineBuilder(bool color) : color_(color) {}

  void Append(const Cell& cell, size_t width, Align align) {
    if (!first_) pending_ += 2;
    first_ = false;
    const std::string text = Printable(cell.text);
    const size_t padding = width - std::min(width, DisplayWidth(text));
    if (align == Align::kRight) pending_ += padding;
    if (!text.empty()) {
      line_.append(pending_, ' ');
      pending_ = 0;
      line_ += Paint(text, cell.ink, color_);
    }
    if (align == Align::kLeft) pending_ += padding;
  }

  std::string Finish() { return std::move(line_) + "\n"; }

 private:
  const bool color_;
  bool first_ = true;
  size_t pending_ = 0;  // spaces that are owed
  std::string line_;
};

const std::string& TextAt(const std::vector<Cell>& row, size_t column) {
  static const std::string empty;
  return column < row.size() ? row[column].text : empty;
}

}  // namespace

std::string Table::Render(bool color) const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (size_t i = 0; i < columns_.size(); ++i) {
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], DisplayWidth(Printable(TextAt(row, i))));
    }
    if (widths[i] != 0) widths[i] = std::max(widths[i], DisplayWidth(columns_[i].title));
  }
  LineBuilder titles(color);
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (widths[i] != 0) {
      titles.Append(Cell(columns_[i].title, Ink::kFaint), widths[i], columns_[i].align);
    }
  }
  std::string out = titles.Finish();
  for (const auto& row : rows_) {
    LineBuilder line(color);
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0) continue;
      line.Append(i < row.size() ? row[i] : Cell(""), widths[i], columns_[i].align);
    }
    out += line.Finish();
  }
  return out;
}

std::string RenderFields(const std::vector<std::pair<std::string, Cell>>& fields, bool color) {
  size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, DisplayWidth(name));
  std::string out;
  for (const auto& [name, value] : fields) {
    LineBuilder line(color);
    line.Append(Cell(""), 0, Align::kLeft);
    line.Append(Cell(name, Ink::kFaint), width, Align::kLeft);
    line.Append(value, 0, Align::kLeft);
    out += line.Finish();
  }
  return out;
}

}  // namespace evenkeel::cli

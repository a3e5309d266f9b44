// A table of text with aligned columns, for people.
//
//   Table table({{"POOL"}, {"SLOTS", Align::kRight}});
//   table.Add({{"web"}, {"65536"}});
//   console.out() << table.Render(console.terminal().color);
//
// gives
//
//   POOL  SLOTS
//   web   65536
#ifndef TOOLS_EVENKEEL_TABLE_H_
#define TOOLS_EVENKEEL_TABLE_H_

#include <string>
#include <utility>
#include <vector>

#include "tools/evenkeel/ink.h"

namespace evenkeel::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

struct Cell {
  Cell(std::string cell_text, Ink cell_ink = Ink::kPlain)  // NOLINT: a text is a cell
      : text(std::move(cell_text)), ink(cell_ink) {}

  std::string text;  // made printable when it is rendered
  Ink ink;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column; a shorter row ends with empty cells.
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }

  // Title line and rows, each ended by a newline, without spaces at their ends. Columns in which no
  // row has a text are left out.
  std::string Render(bool color) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// "name   value" lines, indented by two, the values below each other.
std::string RenderFields(const std::vector<std::pair<std::string, Cell>>& fields, bool color);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TABLE_H_

// Layout of tables; see text_table.h.
#include "tools/sluicectl/text_table.h"

#include <algorithm>
#include <sstream>

namespace sluice::ctl {
namespace {

constexpr size_t kGap = 2;

std::string Shown(const Row& row, size_t column) {
  return column < row.size() && !row[column].empty() ? row[column] : "-";
}

void AppendLine(const std::vector<Column>& columns, const std::vector<size_t>& widths,
                const std::vector<std::string>& cells, std::string& out) {
  std::string line;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) line.append(kGap, ' ');
    const std::string padding(widths[i] - DisplayWidth(cells[i]), ' ');
    line += columns[i].align == Align::kRight ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

}  // namespace

size_t DisplayWidth(const std::string& text) {
  // Continuation bytes of UTF-8 take no column.
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string TableText(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  std::vector<std::string> titles;
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    titles.push_back(columns[i].title);
    widths.push_back(DisplayWidth(columns[i].title));
    for (const Row& row : rows) widths[i] = std::max(widths[i], DisplayWidth(Shown(row, i)));
  }
  std::string out;
  AppendLine(columns, widths, titles, out);
  for (const Row& row : rows) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < columns.size(); ++i) cells.push_back(Shown(row, i));
    AppendLine(columns, widths, cells, out);
  }
  return out;
}

std::string FactsText(const std::vector<Row>& facts) {
  const std::string table = TableText({{""}, {""}}, facts);
  // The empty titles are one line of nothing.
  return table.substr(table.find('\n') + 1);
}

std::string Indented(const std::string& text, size_t columns) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    out += (line.empty() ? "" : std::string(columns, ' ')) + line + '\n';
  }
  return out;
}

}  // namespace sluice::ctl

// Tables for people: columns as wide as their widest cell, two spaces between,
// no lines. A pure function from cells to text.
#pragma once

#include <string>
#include <vector>

namespace sluice::ctl {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

using Row = std::vector<std::string>;

// One line per row below the titles; every line ends with '\n' and without
// blanks. Missing cells are empty, an empty cell shows as "-". Without rows the
// titles still show, so that "nothing there" looks different from "no answer".
std::string TableText(const std::vector<Column>& columns, const std::vector<Row>& rows);

// "name   value" lines with the values below each other; an empty value shows as "-".
std::string FactsText(const std::vector<Row>& facts);

// `text` with each line moved right by `columns` blanks.
std::string Indented(const std::string& text, size_t columns);

// Columns that the text takes on a terminal: code points of UTF-8.
size_t DisplayWidth(const std::string& text);

}  // namespace sluice::ctl

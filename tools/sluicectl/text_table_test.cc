// Tables as people see them, character by character.
#include "tools/sluicectl/text_table.h"

#include <catch2/catch.hpp>

namespace sluice::ctl {

TEST_CASE("a table is as wide as its cells and has no trailing blanks") {
  const std::string got = TableText({{"NAME"}, {"PACKETS", Align::kRight}, {"NOTE"}},
                                    {{"contoso", "7", "ok"}, {"a", "1234567890", ""}});
  CHECK(got ==
        "NAME        PACKETS  NOTE\n"
        "contoso           7  ok\n"
        "a        1234567890  -\n");
}

TEST_CASE("a table without rows shows its titles") {
  CHECK(TableText({{"NAME"}, {"STATE"}}, {}) == "NAME  STATE\n");
}

TEST_CASE("missing cells at the end of a row show as empty") {
  CHECK(TableText({{"A"}, {"B"}}, {{"x"}}) == "A  B\nx  -\n");
}

TEST_CASE("facts are lines of name and value") {
  CHECK(FactsText({{"state", "success"}, {"manager", ""}}) == "state    success\nmanager  -\n");
}

TEST_CASE("width counts code points and not bytes") {
  CHECK(DisplayWidth("→ µs") == 4);
  CHECK(TableText({{"A"}, {"B"}}, {{"→"}}) == "A  B\n→  -\n");
}

TEST_CASE("indentation leaves empty lines empty") {
  CHECK(Indented("a\n\nb\n", 2) == "  a\n\n  b\n");
}

}  // namespace sluice::ctl

// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/span.h"

#include "unit/catch.h"

using namespace tclone;

TEST_CASE("a length of time is a number with a unit, or several of them") {
  CHECK(*parse_span("90s") == 90);
  CHECK(*parse_span("10m") == 600);
  CHECK(*parse_span("36h") == 129600);
  CHECK(*parse_span("2d") == 172800);
  CHECK(*parse_span("8w") == 4838400);
  CHECK(*parse_span("1h 30m") == 5400);
  CHECK(*parse_span("1h30m") == 5400);
  CHECK(*parse_span("45") == 45);
  CHECK(*parse_span("0") == 0);
  for (const char* bad :
       {"", " ", "h", "1x", "1.5h", "-1h", "1h 5", "5 5", "99999999999999999999s", "9999999w", "1 h"}) {
    INFO(bad);
    CHECK_FALSE(parse_span(bad));
  }
}

TEST_CASE("a length of time is shown as it can be read again") {
  for (const std::int64_t seconds : {0, 1, 59, 60, 5400, 86400, 604800, 694861}) {
    CHECK(*parse_span(format_span(seconds)) == seconds);
  }
  CHECK(format_span(5400) == "1h 30m");
  CHECK(format_span(0) == "0s");
}

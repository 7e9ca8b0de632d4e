// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/progress.h"
#include "cli/output/render.h"
#include "cli/output/text_table.h"
#include "unit/catch.h"
#include "unit/cli/views.h"

using namespace tclone;
using namespace tclone::cli;

TEST_CASE("list aligns its columns and tells an own key from a shared one") {
  CHECK(text::volumes({views::base_volume(), views::clone_volume(true), views::clone_volume(false)}) ==
        "NAME  SIZE  CLONED FROM  KEY     VERSIONS  STATE     HOLDS  MOUNTED\n"
        "db     10G  -            base           2  active     1.5G  /srv/db, /srv/with?break\n"
        "web1   10G  db@3         own            0  inactive      -  -\n"
        "test   10G  db@3         shared         0  inactive      -  -\n");
}

TEST_CASE("a shared-key clone is never called isolated") {
  const std::string all = text::volumes({views::clone_volume(false)}) + text::tree(views::tree()) +
                          text::details({views::clone_volume(false), {}, views::vault(true)});
  CHECK(all.find("isolated") == std::string::npos);
}

TEST_CASE("tree draws versions below volumes and clones below versions") {
  CHECK(text::tree(views::tree()) ==
        "db\n"
        "├─ db@1 (stable)\n"
        "│  └─ test [shared key]\n"
        "└─ db@3 (latest)\n"
        "   └─ web1 [own key]\n"
        "files\n");
}

TEST_CASE("log prints one line a version") {
  CHECK(text::versions({views::version(3), views::version(1)}) ==
        "db@3  2026-01-01T03:03:03Z  10G  (latest)  nightly import\n"
        "db@1  2026-01-01T01:01:01Z  10G\n");
}

TEST_CASE("pool status names what another command is at, and does not call it unfinished") {
  auto view = views::pool();
  view.under_way = std::exchange(view.unfinished, {});
  const std::string out = text::pool(view);
  CHECK(out.find("under way  clone db@3 to web1\n") != std::string::npos);
  CHECK(out.find("unfinished") == std::string::npos);
}

TEST_CASE("pool status names what a crash left and how to go on") {
  const std::string out = text::pool(views::pool());
  CHECK(out.find("unfinished  clone db@3 to web1; run tclone recover\n") != std::string::npos);
  CHECK(out.find("data        3G of 20G (15.0 %)\n") != std::string::npos);
  INFO(out);
  CHECK(out.find("\nVAULT  STATE   VOLUMES  VERSIONS  CAPACITY   USED  FROM POOL\n"
                 "db     ok            1         2       15G  6.7 %         2G\n"
                 "db     closed        1         2       15G      -          -\n") != std::string::npos);
}

TEST_CASE("an inactive pool shows only what can be known of it") {
  engine::PoolView view;
  view.summary = views::summary(false);
  CHECK(text::pool(view) ==
        "pool     old (inactive)\n"
        "uuid     00000000-0000-0000-0000-00000000001e\n"
        "paths    /var/lib/tclone/default.pool\n"
        "trouble  the file is not there\n");
}

TEST_CASE("a plan is numbered and an empty one says so") {
  CHECK(text::plan(views::outcome()) == "1  journal the operation\n2  create outer thin 12\n");
  CHECK(text::plan({}) == "nothing to do\n");
}

TEST_CASE("timings stand in front of their steps, the whole comes last") {
  CHECK(text::timings(views::outcome(), 20.06) ==
        "   0.25 ms  journal the operation\n  12.50 ms  create outer thin 12\n  20.06 ms  altogether\n");
}

TEST_CASE("a confirmation tells work from no work") {
  engine::Outcome outcome = views::outcome();
  CHECK(text::confirmation(outcome) == "clone db@3 to web1: done\n");
  outcome.changed = false;
  CHECK(text::confirmation(outcome) == "clone db@3 to web1: nothing to do\n");
}

TEST_CASE("findings say what, what follows and what mends") {
  CHECK(text::findings({}) == "nothing is wrong\n");
  CHECK(text::findings({{"web1 is suspended", "writers hang", "tclone recover", true}, {"no copy", "", "", false}}) ==
        "wrong:  web1 is suspended\n  means:   writers hang\n  to mend: tclone recover\n\nadvice: no copy\n");
}

TEST_CASE("times are RFC 3339 in UTC, before the epoch as well") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339(951782400) == "2000-02-29T00:00:00Z");
  CHECK(rfc3339(-1) == "1969-12-31T23:59:59Z");
}

TEST_CASE("text from elsewhere cannot steer the terminal") { CHECK(printable("a\033[2Jb\n\x7f") == "a?[2Jb??"); }

TEST_CASE("a progress bar fits the terminal") {
  CHECK(progress_line("copy", kGiB, {2 * kGiB.n}, 48) == "copy  [############------------]  50 %  1G of 2G");
  CHECK(progress_line("copy", kGiB, {2 * kGiB.n}, 10).size() == 10);
  CHECK(progress_line("copy", kGiB, {}, 79) == "copy  0 %  1G");
}

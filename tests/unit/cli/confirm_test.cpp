// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/confirm.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/command/request.h"
#include "unit/catch.h"

using namespace tclone;
using namespace tclone::cli;

TEST_CASE("what destroys data is refused without --yes where nobody can be asked") {
  const int kept = ::dup(STDIN_FILENO);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::close(null);
  for (const Id id : {Id::rm, Id::pool_destroy}) {
    Invocation call(command(id));
    call.put("NAME", {"db"});
    const Status asked = confirm(call);
    REQUIRE_FALSE(asked);
    CHECK(asked.error().code == Code::usage);
    CHECK(asked.error().next.find("--yes") != std::string::npos);
    call.globals.dry_run = true;
    CHECK(confirm(call));
    call.globals.dry_run = false;
    call.put("yes", {"true"});
    CHECK(confirm(call));
  }
  for (const Id id : {Id::revert, Id::refresh}) CHECK(confirm(Invocation(command(id))));
  ::dup2(kept, STDIN_FILENO);
  ::close(kept);
}

TEST_CASE("exactly the commands that ask have --yes") {
  for (const Command& one : commands()) {
    bool has = false;
    for (const Option& option : one.options) has = has || option.name == "yes";
    INFO(one.words);
    // key rm and rekey do not ask: with --yes they do what is refused without.
    const bool destroys = one.id == Id::rm || one.id == Id::pool_destroy || one.id == Id::key_rm ||
                          one.id == Id::key_restore || one.id == Id::rekey;
    CHECK(has == destroys);
  }
}

TEST_CASE("a wrong request is found before the pool is looked at") {
  Invocation call(command(Id::create));
  call.put("NAME", {"db"});
  CHECK(request::check(call).error().code == Code::usage);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/loop.h"

#include "unit/catch.h"
#include "unit/os/scratch.h"

using namespace tclone;

TEST_CASE("only an existing regular file is attached") {
  const Scratch scratch;
  CHECK(os::attach(scratch.path("missing")).error().code == Code::not_found);
  CHECK(os::attach("/dev/null").error().code == Code::usage);
  CHECK_FALSE(os::attach(scratch.path("")));
  CHECK(os::refresh_size("/nonexistent").error().code == Code::not_found);
}

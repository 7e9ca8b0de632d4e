// SPDX-License-Identifier: GPL-2.0-or-later
#include "fs/loop.h"

#include "unit/catch.h"
#include "unit/fs/scratch.h"

using namespace tclone;

TEST_CASE("only an existing regular file is attached") {
  const Scratch scratch;
  CHECK(fs::attach(scratch.path("missing")).error().code == Code::not_found);
  CHECK(fs::attach("/dev/null").error().code == Code::usage);
  CHECK_FALSE(fs::attach(scratch.path("")));
  CHECK(fs::refresh_size("/nonexistent").error().code == Code::not_found);
}

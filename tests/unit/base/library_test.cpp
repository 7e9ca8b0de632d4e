// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/library.h"

#include "unit/catch.h"

using namespace tclone;

TEST_CASE("a library that is not installed is named, with what to install") {
  Library library{"libof-nothing.so.9", "install nothing"};
  const Status loaded = library.load({});
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().code == Code::kernel);
  CHECK(loaded.error().text().find("libof-nothing.so.9") != std::string::npos);
  CHECK(loaded.error().next == "install nothing");
  CHECK(library.loaded == nullptr);
}

TEST_CASE("a library without a function that is needed is refused, and again when asked again") {
  void* there = nullptr;
  void* missing = nullptr;
  const Library::Wanted functions[] = {{"getpid", &there}, {"no_such_function_of_libc", &missing}};
  Library library{"libc.so.6", "install a newer one"};
  for (int i = 0; i < 2; ++i) {
    const Status loaded = library.load(functions);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == Code::kernel);
    CHECK(loaded.error().text().find("no_such_function_of_libc") != std::string::npos);
  }
}

TEST_CASE("every function is found in a library that is there") {
  void* there = nullptr;
  const Library::Wanted functions[] = {{"getpid", &there}};
  Library library{"libc.so.6", ""};
  REQUIRE(library.load(functions));
  CHECK(there != nullptr);
  CHECK(library.loaded != nullptr);
}

TEST_CASE("of a function that has several versions the one asked for is found, or none") {
  // glibc has had another realpath(3) since 2.3.
  void* first = nullptr;
  void* later = nullptr;
  const Library::Wanted versions[] = {{"realpath", &first, true, "GLIBC_2.2.5"},
                                      {"realpath", &later, true, "GLIBC_2.3"}};
  Library library{"libc.so.6", ""};
  REQUIRE(library.load(versions));
  CHECK(first != later);

  const Library::Wanted unknown[] = {{"realpath", &first, true, "GLIBC_0.1"}};
  CHECK_FALSE(Library{"libc.so.6", ""}.load(unknown).has_value());
}

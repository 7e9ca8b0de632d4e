// SPDX-License-Identifier: GPL-2.0-or-later
// pool_check POOL [--same FILE] [--exact FILE] [--room FILE] [--later-keys yes] [--thin-check yes] [--written yes]
//   Prints each contradiction of an active pool (pool_look.h); exit status 1 when there is one. The files get what
//   PoolLook has under these names.
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "tests/lab/pool_look.h"

using namespace tclone;

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty()) return 2;
  auto mapper = dm::open_device_mapper();
  if (!mapper) {
    std::fprintf(stderr, "%s\n", mapper.error().text().c_str());
    return 2;
  }
  const auto given = [&](const char* option) { return std::ranges::find(args, option) != args.end(); };
  const lab::Wanted wanted{
      .later_keys = given("--later-keys"), .thin_check = given("--thin-check"), .written = given("--written")};
  const auto look = lab::look_at_pool(args[0], **mapper, wanted);
  if (!look) {
    std::printf("pool %s cannot be checked: %s\n", args[0].c_str(), look.error().text().c_str());
    return 1;
  }
  for (const std::string& what : look->wrong) std::printf("%s\n", what.c_str());
  for (std::size_t i = 1; i + 1 < args.size(); i += 2) {
    if (args[i] == "--same") std::ofstream(args[i + 1]) << look->same;
    if (args[i] == "--exact") std::ofstream(args[i + 1]) << look->exact;
    if (args[i] == "--room") std::ofstream(args[i + 1]) << look->room;
  }
  return look->wrong.empty() ? 0 : 1;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Ending a command at any of the points that the rig passes, and what a machine finds afterwards.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "unit/engine/rig.h"

namespace tclone::test {

enum class End { reboot, kill };

/// What the mark of a killed command says, if there was one.
using Mark = std::optional<std::string>;

inline void end_here(Rig& rig, End how, Mark& marked) {
  std::ifstream mark(rig.file("run/p.working"));
  if (mark) marked = std::string(std::istreambuf_iterator<char>(mark), {});
  if (how == End::reboot) {
    rig.mapper.reboot();
  } else {
    rig.mapper.kill_caller();
  }
}

inline void start_again(Rig& rig, End how, const Mark& marked) {
  if (how == End::reboot) {
    std::filesystem::remove_all(rig.file("run"));
    std::filesystem::create_directory(rig.file("run"));
    rig.bring_up();
  } else if (marked) {
    std::ofstream(rig.file("run/p.working")) << *marked;  // unwinding has removed it; a kill does not
  }
}

/// Ends the deed at that point, if it comes so far.
inline bool crashed(Rig& rig, const Deed& deed, std::uint64_t point, End how) {
  Mark marked;
  rig.points.arm(point, [&] { end_here(rig, how, marked); });
  try {
    const std::string error = deed.act(rig);  // not in a CHECK, which would catch the Crash
    rig.points.disarm();
    CHECK(error == "");
    return false;
  } catch (const Crash&) {
    start_again(rig, how, marked);
    return true;
  }
}

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kStride = 167;  // five times as dear each, and most rounds are over the same code
#else
constexpr std::uint64_t kStride = 13;
#endif

/// TCLONE_CRASH_STRIDE=1 tries every point; the usual run a few of each, so that it stays short. Under sanitizers fewer yet:
/// that an operation is done or undone is what the run without them shows.
inline std::uint64_t stride() {
  const char* wish = std::getenv("TCLONE_CRASH_STRIDE");
  return wish == nullptr ? kStride : std::strtoull(wish, nullptr, 10);
}
/// The same for what is not tried by its points.
inline bool few() { return stride() > 50; }

}  // namespace tclone::test

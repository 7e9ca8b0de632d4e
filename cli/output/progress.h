// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/units.h"

namespace tclone::cli {

/// A bar on standard error for what takes longer than a second, when that is a terminal; else nothing.
class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void show(std::string_view what, Bytes done, Bytes total);
  /// Takes the bar away, before anything else is written.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_{};
  bool terminal_ = false;
  bool drawn_ = false;
};

/// "copy  [#####-----]  50 %  1G of 2G", at most `width` columns. Pure.
[[nodiscard]] std::string progress_line(std::string_view what, Bytes done, Bytes total, std::size_t width);

}  // namespace tclone::cli

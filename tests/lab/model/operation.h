// SPDX-License-Identifier: GPL-2.0-or-later
// One operation of the model test: the words of a tclone command (or of something that happens to a pool), and how it
// is cut off. Written and read as one line, so that a list of them is a script that can be replayed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tclone::lab::model {

/// How a command is cut off, at which of the points it passes (from 1), and what comes then.
struct Fault {
  enum class Kind { none, kill, fail, interrupt, terminate };
  enum class Then { recover, cut, killed_recovery, next_command };
  Kind kind = Kind::none;
  unsigned point = 0;
  Then then = Then::recover;
  bool operator==(const Fault&) const = default;
};

struct Operation {
  /// A tclone command without its program ("clone", "a@1", "b"), or one of
  ///   write VOLUME PAGE COUNT STAMP   pages of 4 KiB, made durable
  ///   discard VOLUME BLOCK COUNT      blocks of 64 KiB
  ///   hold VOLUME, release VOLUME     keep the device open
  ///   cut                             the disk is gone in the middle of whatever goes on, as by a power cut; then back
  ///   extend                          the disk becomes larger, and pool grow is told
  ///   look                            every readable volume and version is compared, all of it
  std::vector<std::string> words;
  Fault fault;
  bool operator==(const Operation&) const = default;

  /// "clone a@1 b !kill#12+cut"
  [[nodiscard]] std::string text() const;
};

/// What text() wrote; nullopt when it is something else. Empty lines and comments are nullopt, too.
[[nodiscard]] std::optional<Operation> parse_operation(const std::string& line);

/// splitmix64: the same numbers everywhere for the same seed, which the standard's distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  /// 0 .. bound-1
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

}  // namespace tclone::lab::model

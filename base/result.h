// SPDX-License-Identifier: GPL-2.0-or-later
// Errors as values. Every function that can fail returns Result<T> or Status; exceptions of the libraries
// stop in the room that uses them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace tclone {

/// What kind of failure it is; the number is the exit code of the program (see tclone(1), EXIT STATUS).
enum class Code : int {
  failed = 1,     ///< something went wrong that none of the others names
  usage = 2,      ///< the request itself is wrong: bad name, bad size, bad combination
  not_found = 3,  ///< pool, vault, volume, version, tag or file does not exist
  exists = 4,     ///< it exists already, or stands in the way of what was asked
  busy = 5,       ///< in use: mounted, held open, locked by another command
  no_space = 6,   ///< the pool is full or below its reserve
  key = 7,        ///< missing or wrong key, missing permission
  damaged = 8,    ///< needs recovery, or what is on disk contradicts itself
  kernel = 9,     ///< the kernel (or a program it needs) lacks something
};

/// One failure, told so that a person can act: what was attempted, on what, why it failed, what to do next.
/// No field ever holds a secret.
struct Error {
  Code code = Code::failed;
  std::string attempted;  ///< "clone db@3 to web1"; empty until somebody who knows fills it in
  std::string object;     ///< the file, device or name concerned, or empty
  std::string why;        ///< the cause, in a sentence without a full stop
  std::string next;       ///< what the user can do; may be empty
  int sys = 0;            ///< errno, when the kernel gave one

  /// The whole message on one line: "attempted: object: why (errno text); next".
  [[nodiscard]] std::string text() const;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Shorthand for a failed Result. Views, and not inline: some five hundred callers, most of which give it literals, would make
/// and destroy strings otherwise, in code that lies between what is executed.
[[nodiscard]] tl::unexpected<Error> fail(Code code, std::string_view object, std::string_view why,
                                         std::string_view next = {}, int sys = 0);

/// A failed system call: maps errno to a Code (ENOENT not_found, EEXIST exists, EBUSY busy, ENOSPC no_space,
/// EACCES and EPERM key, else failed). Reads nothing global: pass errno. For EIO `next` has a default.
[[nodiscard]] tl::unexpected<Error> fail_errno(int sys, std::string_view object, std::string_view why,
                                               std::string_view next = {});
[[nodiscard]] Code code_of_errno(int sys) noexcept;

}  // namespace tclone

// TC_TRY(expr): the value of a Result, or return its error from the enclosing function.
// Between the braces that make an object it stands first or alone: GCC 12 leaks the members made before it when it returns.
// TC_CHECK(expr): the same for a Status. GNU statement expressions: both g++ and clang have them.
#define TC_TRY(expr) TC_TRY_NAMED(expr, __COUNTER__)
#define TC_TRY_NAMED(expr, n) TC_TRY_AS(expr, n)
#define TC_TRY_AS(expr, n)                                                       \
  __extension__({                                                                \
    auto tc_result_##n = (expr);                                                 \
    if (!tc_result_##n) return tl::unexpected(std::move(tc_result_##n).error()); \
    std::move(*tc_result_##n);                                                   \
  })
#define TC_CHECK(expr)                                                     \
  do {                                                                     \
    auto tc_status_ = (expr);                                              \
    if (!tc_status_) return tl::unexpected(std::move(tc_status_).error()); \
  } while (false)

// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace tclone {

std::string Error::text() const {
  std::string out;
  const auto add = [&out](std::string_view part) {
    if (part.empty()) return;
    if (!out.empty()) out += ": ";
    out += part;
  };
  add(attempted);
  if (attempted.find(object) == std::string::npos || object.empty()) add(object);
  add(why);
  if (sys != 0) out += " (" + std::generic_category().message(sys) + ")";
  if (!next.empty()) out += "; " + next;
  return out;
}

Code code_of_errno(int sys) noexcept {
  switch (sys) {
    case ENOENT:
    case ENXIO:
    case ENODEV: return Code::not_found;
    case EEXIST: return Code::exists;
    case EBUSY:
    case ETXTBSY: return Code::busy;
    case ENOSPC:
    case EDQUOT: return Code::no_space;
    case EACCES:
    case EPERM: return Code::key;
    default: return Code::failed;
  }
}

tl::unexpected<Error> fail(Code code, std::string_view object, std::string_view why, std::string_view next, int sys) {
  return tl::unexpected<Error>(Error{code, {}, std::string(object), std::string(why), std::string(next), sys});
}

tl::unexpected<Error> fail_errno(int sys, std::string_view object, std::string_view why, std::string_view next) {
  // Nobody who meets this can do more about it from where the call was made.
  if (sys == EIO && next.empty())
    next = "a device below it fails: the kernel's log (`dmesg`) says where, `tclone doctor` what that means";
  return fail(code_of_errno(sys), object, why, next, sys);
}

}  // namespace tclone

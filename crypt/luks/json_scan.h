// SPDX-License-Identifier: GPL-2.0-or-later
// Looks into the JSON that libcryptsetup has already parsed and validated (crypt_dump_json), for the few things it
// has no function for. Reads objects only; it is no JSON parser for foreign input, but never reads out of bounds.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace tclone::crypt {

/// Name (without quotes, escapes left as they are) and value (as written) of each member of a JSON object, in
/// order. Empty for anything that is not an object.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> json_members(std::string_view object);

/// The value of one member as written ("\"dynamic\"", "{...}"); empty if there is none.
[[nodiscard]] std::string_view json_member(std::string_view object, std::string_view name);

}  // namespace tclone::crypt

// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the parts of a pool belong together: records, kernel metadata and label come from one moment, unless somebody
// brought one of them back from an older copy. Nothing here changes what is in a pool.
#pragma once

#include <string>

#include "engine/core/session.h"

namespace tclone::engine {

/// damaged, naming both transaction ids and the way out, when neither the records nor the journal explain the kernel's.
/// \param kernel  the transaction id of the outer pool
[[nodiscard]] Status check_consistency(const Session& s, const std::optional<Journal>& journal, std::uint64_t kernel);
/// The same of an active pool, from what is there now.
[[nodiscard]] Status check_consistency(const Session& s);
/// damaged when metadata knows more blocks than the label gives the pool: an older label, of before it grew. To be asked
/// before the kernel is given the metadata, which it refuses without saying why. What is no metadata passes: the kernel
/// formats it or refuses it.
/// \param metadata  path of the metadata device
[[nodiscard]] Status fits_label(const std::string& pool, const std::string& metadata, Bytes block, Bytes data);

}  // namespace tclone::engine

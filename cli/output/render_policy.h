// SPDX-License-Identifier: GPL-2.0-or-later
// Policies as text and as JSON; pure, like render.h.
#pragma once

#include <string>
#include <vector>

#include "engine/policy/look.h"

namespace tclone::cli {

namespace text {
[[nodiscard]] std::string policies(const std::vector<engine::PolicyView>& views);
/// Every key with its value, as a policy file would say it. The view has a policy.
[[nodiscard]] std::string policy(const engine::PolicyView& view);
}  // namespace text

namespace json {
[[nodiscard]] std::string policies(const std::vector<engine::PolicyView>& views);
[[nodiscard]] std::string policy(const engine::PolicyView& view);
}  // namespace json

/// "1d 12h", in the units that parse_span of state/host/policy_file.h reads.
[[nodiscard]] std::string span_text(std::int64_t seconds);

}  // namespace tclone::cli

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/invocation.h"

#include <algorithm>
#include <stdexcept>

namespace tclone::cli {

const std::vector<std::string>& Invocation::all(std::string_view name) const {
  const auto named = [&](const auto& one) { return one.name == name; };
  if (!std::any_of(command_->positionals.begin(), command_->positionals.end(), named) &&
      !std::any_of(command_->options.begin(), command_->options.end(), named)) {
    throw std::logic_error("no " + std::string(name) + " in the table's entry of " + std::string(command_->words));
  }
  static const std::vector<std::string> kNothing;
  const auto found = given_.find(name);
  return found == given_.end() ? kNothing : found->second;
}

std::string Invocation::one(std::string_view name) const {
  const std::vector<std::string>& values = all(name);
  return values.empty() ? std::string() : values.back();
}

void Invocation::put(std::string_view name, std::vector<std::string> values) {
  given_.insert_or_assign(std::string(name), std::move(values));
}

}  // namespace tclone::cli

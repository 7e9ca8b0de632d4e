// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the pool as it is against the model.
#include <unistd.h>

#include <sstream>

#include "model/device_names.h"
#include "tests/lab/model/runner.h"

namespace tclone::lab::model {
namespace {

/// The first line in which two texts differ.
std::string difference(const std::string& wanted, const std::string& found) {
  std::istringstream a(wanted), b(found);
  std::string x, y;
  while (true) {
    const bool more_a = static_cast<bool>(std::getline(a, x)), more_b = static_cast<bool>(std::getline(b, y));
    if (!more_a && !more_b) return "no difference";
    if (!more_a) x = "nothing";
    if (!more_b) y = "nothing";
    if (x != y) return "\n    model: " + x + "\n    pool:  " + y;
  }
}

std::string sorted(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace

/// Which devices are up after a command that was cut off: those that were before and are after must be, but for what the
/// command itself may have taken down; and none that is in neither.
void Runner::learn_devices(const Model& before, const Model& after, const std::set<std::string>& touched) {
  std::set<std::string> active;
  for (const auto& [name, v] : model_.volumes) {
    if (need(dm_.info(device_names::volume(kPool, name)))) active.insert(name);
  }
  const bool booted = counts_.cuts > 0 && active.empty();
  for (const std::string& name : model_.active) {
    const bool both = before.active.contains(name) && after.active.contains(name);
    hold_true(active.contains(name) || booted || !both || touched.contains(name),
              "volume " + name + " was active and is not any more");
  }
  for (const std::string& name : active) {
    hold_true(before.active.contains(name) || after.active.contains(name), "volume " + name + " was not active and is");
  }
  model_.active = active;
  std::set<std::string> pinned;
  for (const auto* names : {&before.pinned, &after.pinned}) {
    for (const std::string& name : *names) {
      if (::access(("/run/tclone/" + std::string(kPool) + ".pinned/" + name).c_str(), F_OK) == 0) pinned.insert(name);
    }
  }
  model_.pinned = pinned;
}

void Runner::look(bool all) {
  const PoolLook found = need(look_at_pool(kPool, dm_));
  ++counts_.checks;
  for (const std::string& wrong : found.wrong) throw Lost{wrong};
  transaction_ = found.records.pool->transaction;
  const std::string wanted = model_.text(), is = sorted(found.same);
  hold_true(wanted == is, "the pool is not as the model says: " + difference(wanted, is));
  for (const auto& [name, v] : model_.volumes) {
    const bool up = need(dm_.info(device_names::volume(kPool, name))).has_value();
    hold_true(up == model_.active.contains(name),
              "the device of " + name + (up ? " is there and must not be" : " is not there"));
  }
  const std::set<std::string> versions = model_.active_versions();
  for (const auto& [name, v] : model_.volumes) {
    for (const auto& [n, version] : v.versions) {
      const bool up = need(dm_.info(device_names::version(kPool, name, n))).has_value();
      const std::string text = name + "@" + std::to_string(n);
      hold_true(up == versions.contains(text),
                "the device of " + text + (up ? " is there and must not be" : " is not there"));
    }
  }
  const std::string wrong = need(contents_.compare(model_, found.records, all, dice_));
  hold_true(wrong.empty(), wrong);
}

}  // namespace tclone::lab::model

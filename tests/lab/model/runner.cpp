// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/runner.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::lab::model {
namespace {

constexpr const char* kTrace = "/tmp/model-trace";
constexpr int kKilled = 137;

const char* action_of(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kill: return "kill";
    case Fault::Kind::fail: return "fail";
    case Fault::Kind::interrupt: return "int";
    default: return "term";
  }
}

unsigned points_passed() {
  std::ifstream in(kTrace);
  unsigned lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  return lines;
}

}  // namespace

void Runner::hold_true(bool truth, const std::string& what) const {
  if (!truth) throw Lost{what};
}

Counts Runner::counts() const {
  Counts out = counts_;
  out.pages = contents_.pages_compared();
  return out;
}

Ended Runner::tclone(const std::vector<std::string>& words, const Environment& env) {
  std::vector<std::string> all{"tclone"};
  all.insert(all.end(), words.begin(), words.end());
  Ended ended = run_program(all, env, std::chrono::seconds(90));
  hold_true(!ended.too_slow, "a command that ends: " + words.front() + " did not within 90 s\n" + ended.output);
  return ended;
}

void Runner::must(const std::vector<std::string>& words) {
  const Ended ended = tclone(words);
  std::string text;
  for (const std::string& w : words) text += " " + w;
  hold_true(ended.status == 0, "tclone" + text + " ended with " + std::to_string(ended.status) + "\n" + ended.output);
}

std::optional<std::string> Runner::run(const std::function<std::optional<Operation>(const Model&)>& next) {
  std::optional<Operation> now;
  try {
    begin();
    while ((now = next(model_))) {
      ++counts_.operations;
      step(*now);
    }
    end();
    return std::nullopt;
  } catch (const Lost& lost) {
    return (now ? "at \"" + now->text() + "\": " : "at the begin or end: ") + lost.what;
  }
}

void Runner::begin() {
  model_ = {};
  transaction_ = 0;
  dice_ = Random(1);
  need(machine_.fresh());
  must({"pool", "create", kPool, machine_.disk(), "--force"});
  transaction_ = need(look_at_pool(kPool, dm_)).records.pool->transaction;
}

void Runner::end() {
  for (const std::string& name : model_.held) machine_.release(name);
  model_.held.clear();
  must({"pool", "activate"});
  model_.up = true;
  finish_rekeys();
  must({"activate", "--all"});
  for (const auto& [name, v] : model_.volumes) model_.active.insert(name);
  look(true);
  // A boot: nothing of it was in memory only.
  power_cut();
  must({"activate", "--all"});
  for (const auto& [name, v] : model_.volumes) model_.active.insert(name);
  look(true);
  must({"pool", "destroy", kPool, "--yes"});
  const std::string left = need(machine_.left_over());
  hold_true(left.empty(), "nothing is left of a pool that was destroyed, but there is" + left);
  need(machine_.remove_disk());
}

void Runner::finish_rekeys() {
  for (const auto& [name, v] : model_.volumes) {
    ModelVault& vault = model_.vaults.at(v.vault);
    if (vault.rekey.empty()) continue;
    if (tclone({"rekey", name}).status == 0) {
      if (vault.rekey == "copy") vault.keys = vault.fresh_keys;
      vault.key = vault.keys.front();
    } else {  // no room for the copy
      must({"rekey", name, "--cancel"});
    }
    vault.rekey.clear();
  }
}

void Runner::clean_up() {
  static_cast<void>(machine_.fresh());
  static_cast<void>(machine_.remove_disk());
}

void Runner::power_cut() {
  need(machine_.cut());
  ++counts_.cuts;
  must({"pool", "activate"});
  model_.active.clear();
  model_.pinned.clear();
  model_.held.clear();
  model_.up = true;
}

void Runner::step(const Operation& operation) {
  const Prediction wanted = predict(model_, operation);
  if (on_the_host(operation, wanted)) return;
  command(operation, wanted);
}

/// What is no command of tclone's. True when it was done.
bool Runner::on_the_host(const Operation& operation, const Prediction& wanted) {
  const auto& words = operation.words;
  const std::string& verb = words.front();
  const auto number = [&](std::size_t i) { return std::stoull(words.at(i)); };
  const bool there = words.size() > 1 && model_.active.contains(words[1]);
  if (verb == "write") {
    if (there) need(contents_.write(words[1], number(2), number(3), number(4)));
  } else if (verb == "discard") {
    if (there) need(contents_.discard(words[1], number(2), number(3)));
  } else if (verb == "hold") {
    if (there) need(machine_.hold(words[1]));
  } else if (verb == "release") {
    machine_.release(words[1]);
  } else if (verb == "look") {
    if (model_.up) look(true);
    return true;
  } else if (verb == "cut") {
    power_cut();
    look(false);
    return true;
  } else if (verb == "extend") {
    if (model_.up && need(machine_.extend())) must({"pool", "grow"});
    return true;
  } else {
    return false;
  }
  model_ = wanted.after;
  return true;
}

/// Whether the reserve may refuse it.
bool Runner::nearly_full(const Operation& operation) const {
  const auto status = dm_.pool_status(device_names::outer_pool(kPool));
  if (!status) return false;
  const Bytes total = kMiB * status->total_data, used = kMiB * status->used_data;
  // A rekey needs room for one vault again.
  return total - used < policies::reserve(total) + (operation.words[0] == "rekey" ? used : kMiB * 40);
}

void Runner::command(const Operation& operation, const Prediction& wanted) {
  Environment env;
  if (operation.fault.kind != Fault::Kind::none) {
    ::unlink(kTrace);
    env = {{"TCLONE_FAULT", "*#" + std::to_string(operation.fault.point) + "=" + action_of(operation.fault.kind)},
           {"TCLONE_FAULT_TRACE", kTrace}};
  }
  const bool full = nearly_full(operation);
  const Ended ended = tclone(operation.words, env);
  if (!env.empty() && points_passed() >= operation.fault.point) {
    ++counts_.faults;
    after_a_fault(operation, wanted, ended);
    return;
  }
  if (ended.status == 6 && full && wanted.code == 0) {
    if (operation.words[0] == "rekey") return after_a_fault(operation, wanted, ended);
    if (operation.words[0] == "pool") model_ = wanted.after;  // the number is written down, the vaults are not all made
    look(false);
    return;
  }
  hold_true(ended.status == wanted.code, "exit status " + std::to_string(ended.status) + " instead of " +
                                             std::to_string(wanted.code) + "\n" + ended.output);
  if (wanted.code != 0) ++counts_.refusals;
  if (wanted.code == 0 && operation.words[0] == "rename") machine_.renamed(operation.words[1], operation.words[2]);
  model_ = wanted.after;
  if (!model_.up) return;
  look(false);
  if (wanted.code != 0 || operation.words[0] != "pool" || operation.words[1] != "stock") return;
  const unsigned stocked = need(look_at_pool(kPool, dm_)).stocked;
  hold_true(stocked == model_.stock,
            std::to_string(stocked) + " vaults are made ahead, not " + std::to_string(model_.stock));
}

void Runner::after_a_fault(const Operation& operation, const Prediction& wanted, const Ended& ended) {
  const bool killed = operation.fault.kind == Fault::Kind::kill;
  hold_true(!killed || ended.status == kKilled,
            "a kill ends with status " + std::to_string(ended.status) + "\n" + ended.output);
  hold_true(ended.status != 0 || wanted.code == 0, "a command that must be refused did something\n" + ended.output);
  const std::string suspended = need(machine_.suspended());
  hold_true(suspended.empty(), "devices stay suspended:" + suspended);
  const Model before = model_;
  // It warns that something last of all failed, and leaves that to the next command.
  const bool warned = ended.output.find(" is done, but could not ") != std::string::npos;
  if (ended.status != 0 || warned || operation.fault.then == Fault::Then::cut) recover_from(operation);
  // A slot that was added without being recorded is found and recorded by the same command.
  const bool repeated =
      ended.status != 0 && operation.words[0] == "key" && operation.words[1] == "add" && wanted.code == 0;
  if (repeated) must(operation.words);
  if (!model_.up && !wanted.after.up) return;
  auto found = look_at_pool(kPool, dm_);
  if (!found && operation.words[0] == "pool" && ended.status == 0) {
    model_ = wanted.after;
    return;
  }
  const PoolRecord record = *need(std::move(found)).records.pool;
  const std::uint64_t now = record.transaction, whole = transaction_ + wanted.between.size() + 1;
  const bool stock = operation.words[0] == "pool" && operation.words[1] == "stock";
  const bool refilled = operation.words[0] == "clone" && model_.stock > 0 && ended.status == 0;
  hold_true(now >= transaction_ && (now <= whole || stock || refilled),
            "transaction " + std::to_string(now) + " after " + std::to_string(transaction_));
  const bool done = ended.status == 0 || repeated || (stock ? record.stock == wanted.after.stock : now >= whole);
  hold_true(!done || wanted.code == 0, "what must be refused was done by halves\n" + ended.output);
  const bool by_signal =
      operation.fault.kind == Fault::Kind::interrupt || operation.fault.kind == Fault::Kind::terminate;
  const bool says_nothing = ended.output.find("nothing was changed") != std::string::npos;
  hold_true(!(by_signal && says_nothing && now > transaction_ && !repeated),
            "it says that nothing was changed, but it was\n" + ended.output);
  const Model recovered = model_;
  model_ = done ? wanted.after : now > transaction_ && !stock ? wanted.between.at(now - transaction_ - 1) : before;
  model_.up = true;
  model_.held = recovered.held;
  if (done && operation.words[0] == "rename") {
    machine_.renamed(operation.words[1], operation.words[2]);
    model_.held = operation.fault.then == Fault::Then::cut ? recovered.held : wanted.after.held;
  }
  learn_devices(before, wanted.after, wanted.touched);
  look(false);
}

/// Whatever comes next recovers by itself.
void Runner::recover_from(const Operation& operation) {
  const bool pool = operation.words[0] == "pool" || !model_.up;
  switch (operation.fault.then) {
    case Fault::Then::cut: power_cut(); return;
    case Fault::Then::killed_recovery:
      for (unsigned point = 1; point < 5; ++point) {
        const std::vector<std::string> again =
            pool ? std::vector<std::string>{"pool", "activate"} : std::vector<std::string>{"recover"};
        if (tclone(again, {{"TCLONE_FAULT", "*#" + std::to_string(point) + "=kill"}}).status != kKilled) break;
        ++counts_.faults;
      }
      break;
    case Fault::Then::next_command:
      if (!pool) {  // also one that is refused
        const Ended next = tclone({"tag", "no-such-volume@1", "x"});
        hold_true(next.status == 3, "the next command ended with " + std::to_string(next.status) + "\n" + next.output);
        return;
      }
      break;
    default: break;
  }
  if (pool) {
    must({"pool", "activate"});
  } else {
    must({"recover"});
  }
}

}  // namespace tclone::lab::model

// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>

#include "cli/command/run.h"

namespace tclone::cli {
namespace {

struct Entry {
  Id id;
  Run run;
};

constexpr std::array<Entry, kCommands> kRuns{{
    {Id::pool_create, run_pool_create},
    {Id::pool_list, run_pool_list},
    {Id::pool_status, run_pool_status},
    {Id::pool_activate, run_pool_activate},
    {Id::pool_deactivate, run_pool_deactivate},
    {Id::pool_import, run_pool_import},
    {Id::pool_export, run_pool_export},
    {Id::pool_destroy, run_pool_destroy},
    {Id::pool_grow, run_pool_grow},
    {Id::pool_check, run_pool_check},
    {Id::pool_repair, run_pool_repair},
    {Id::pool_stock, run_pool_stock},
    {Id::create, run_create},
    {Id::clone, run_clone},
    {Id::publish, run_publish},
    {Id::revert, run_revert},
    {Id::refresh, run_refresh},
    {Id::list, run_list},
    {Id::tree, run_tree},
    {Id::log, run_log},
    {Id::show, run_show},
    {Id::status, run_pool_status},
    {Id::tag, run_tag},
    {Id::untag, run_untag},
    {Id::rename, run_rename},
    {Id::rm, run_rm},
    {Id::resize, run_resize},
    {Id::activate, run_activate},
    {Id::deactivate, run_deactivate},
    {Id::mount, run_mount},
    {Id::umount, run_umount},
    {Id::path, run_path},
    {Id::key_add, run_key_add},
    {Id::key_rm, run_key_rm},
    {Id::key_list, run_key_list},
    {Id::key_test, run_key_test},
    {Id::key_backup, run_key_backup},
    {Id::key_restore, run_key_restore},
    {Id::rekey, run_rekey},
    {Id::recover, run_recover},
    {Id::doctor, run_doctor},
    {Id::policy_check, nullptr},
    {Id::policy_list, nullptr},
    {Id::policy_show, nullptr},
    {Id::completion, nullptr},
    {Id::version, nullptr},
    {Id::names, nullptr},
    {Id::man, nullptr},
}};

[[maybe_unused]] constexpr bool complete() {
  for (std::size_t i = 0; i < kRuns.size(); ++i) {
    const bool needs_pool = i < static_cast<std::size_t>(Id::policy_check);
    if (static_cast<std::size_t>(kRuns[i].id) != i || (kRuns[i].run != nullptr) != needs_pool) return false;
  }
  return true;
}
// Under sanitizers g++ does not take the address of a function for a constant; the other builds prove it.
#if !defined(__SANITIZE_ADDRESS__)
static_assert(complete(), "a command has no function, or the wrong one");
#endif

}  // namespace

Run run_of(Id id) noexcept { return kRuns[static_cast<std::size_t>(id)].run; }

}  // namespace tclone::cli

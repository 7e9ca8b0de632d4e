// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/request.h"
#include "cli/command/run.h"
#include "cli/output/render.h"

namespace tclone::cli {

Ran run_key_add(Session& s) { return report(s, engine::key_add(s.env, TC_TRY(request::key_add(s.call)))); }
Ran run_key_rm(Session& s) { return report(s, engine::key_remove(s.env, TC_TRY(request::key_remove(s.call)))); }

Ran run_rekey(Session& s) { return report(s, engine::rekey(s.env, TC_TRY(request::rekey(s.call)))); }

Ran run_key_list(Session& s) {
  const engine::KeyList keys = TC_TRY(engine::key_list(s.env, request::named(s.call)));
  s.out.print(s.out.json() ? json::keys(keys) : text::keys(keys));
  return 0;
}

Ran run_key_test(Session& s) {
  const auto source = TC_TRY(request::key_source(s.call));
  const engine::KeyTested tested = TC_TRY(engine::key_test(s.env, request::named(s.call), source));
  s.out.print(s.out.json() ? json::key_test(tested) : "opens key slot " + std::to_string(tested.slot) + "\n");
  return 0;
}

Ran run_key_backup(Session& s) {
  return report(s, engine::key_backup(s.env, request::named(s.call), s.call.one("FILE")));
}
Ran run_key_restore(Session& s) {
  return report(s, engine::key_restore(s.env, request::named(s.call), s.call.one("FILE")));
}

}  // namespace tclone::cli

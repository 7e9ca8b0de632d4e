// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/request.h"
#include "cli/command/run.h"
#include "cli/output/render.h"

namespace tclone::cli {

Ran run_create(Session& s) { return report(s, engine::create(s.env, TC_TRY(request::create(s.call))), Prints::device); }
Ran run_clone(Session& s) { return report(s, engine::clone(s.env, TC_TRY(request::clone(s.call))), Prints::device); }
Ran run_publish(Session& s) { return report(s, engine::publish(s.env, request::publish(s.call)), Prints::versions); }
Ran run_revert(Session& s) { return report(s, engine::revert(s.env, request::restart(s.call))); }
Ran run_refresh(Session& s) { return report(s, engine::refresh(s.env, request::restart(s.call))); }

Ran run_tag(Session& s) {
  return report(s, engine::tag(s.env, s.call.globals.pool, s.call.one("VERSION"), s.call.one("TAG")));
}
Ran run_untag(Session& s) {
  return report(s, engine::untag(s.env, s.call.globals.pool, s.call.one("NAME"), s.call.one("TAG")));
}
Ran run_rename(Session& s) { return report(s, engine::rename(s.env, request::named(s.call), s.call.one("NEW"))); }

Ran run_rm(Session& s) { return report(s, engine::remove(s.env, request::named(s.call))); }

Ran run_resize(Session& s) {
  const Bytes size = TC_TRY(request::new_size(s.call));
  return report(s, engine::resize(s.env, request::named(s.call), size));
}

Ran run_activate(Session& s) { return report(s, engine::activate(s.env, TC_TRY(request::activation(s.call)))); }
Ran run_deactivate(Session& s) { return report(s, engine::deactivate(s.env, TC_TRY(request::activation(s.call)))); }

Ran run_mount(Session& s) {
  const engine::Mounted mounted = TC_TRY(engine::mount(s.env, request::mount(s.call)));
  s.out.remarks(mounted.outcome);
  if (s.out.json()) {
    s.out.print(json::mounted(mounted, s.out.dry_run()));
  } else {
    s.out.print(s.out.dry_run() ? text::plan(mounted.outcome) : mounted.folder + "\n");
  }
  return 0;
}

Ran run_umount(Session& s) { return report(s, engine::unmount(s.env, request::place(s.call))); }
Ran run_recover(Session& s) { return report(s, engine::recover(s.env, s.call.globals.pool)); }

}  // namespace tclone::cli

// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/protocol/begin.h"

#include "engine/protocol/recovery.h"

namespace tclone::engine {

Result<Session> begin_change(Env& env, Work& w, const std::string& asked, const std::function<void(Session&)>& first) {
  const std::string name = TC_TRY(resolve_pool(env, asked));
  if (env.dry_run) return Session::look(env, name);
  // The existence of the pool is looked up before the lock file is made, and whether anything can be read there before the
  // lock is waited for. Nothing of it stays open then: whoever has the lock may be taking the pool down.
  if (first) {
    Session seen = TC_TRY(Session::look(env, name));
    first(seen);
  } else {
    TC_CHECK(refuse_inactive(env, name));
  }
  PoolLock lock = TC_TRY(lock_pool(env, name));
  Session session = TC_TRY(Session::look(env, name));
  session.lock.emplace(std::move(lock));
  session.store.keep_what_is_read();
  w.may_begin_anew = true;
  TC_TRY(recover_session(session));
  return session;
}

}  // namespace tclone::engine

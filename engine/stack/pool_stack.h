// SPDX-License-Identifier: GPL-2.0-or-later
// The pool's own layers: its devices or file, label, state area, outer thin-pool.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/env.h"
#include "model/pool.h"
#include "os/loop.h"
#include "state/label.h"
#include "state/lock.h"

namespace tclone::engine {

/// One device of a pool, open: a block device as it is, a file behind a loop device (held while this lives).
struct Backing {
  std::string path;    ///< as given
  std::string device;  ///< block device to use
  std::string dev;     ///< "major:minor"
  bool is_file = false;
  Bytes size;
  std::uint32_t sector = 512;
  std::optional<os::Loop> loop;
};
/// `read_only` is the error's code for a device that cannot be written to: usage where it has just been named.
[[nodiscard]] Result<Backing> open_backing(const std::string& path, Code read_only = Code::failed);
/// busy, naming holders, when somebody has claimed the device, or one that shows the file. To be asked while no layer of the
/// pool is there, because these hold it as well.
[[nodiscard]] Status refuse_claimed(const Backing& backing);

/// Opens what is to become part of a pool. exists: a known signature or a label is there (unless `force`); busy: in use,
/// whatever `force` says; usage: named twice.
[[nodiscard]] Result<std::vector<Backing>> claim_devices(const std::vector<std::string>& paths, bool force);
/// Zeroes the label area of a claimed device.
[[nodiscard]] Status clear_device(const Backing& backing);

/// A pool as found on its devices, these in the label's order.
struct Pool {
  Label label;
  std::vector<Backing> backings;
  std::vector<std::string> mended;  ///< "label copy of /dev/sdb: ...": bad, or older than its peers
};
/// The same for all that a pool lies on.
[[nodiscard]] Status refuse_claimed(const Pool& pool);
/// What one device says. not_found: it has no label; damaged: both copies are unreadable.
[[nodiscard]] Result<LabelRead> label_of(const Backing& backing);
enum class Devices { named, remembered };
/// Reads and compares the labels of all devices. not_found: no pool there; damaged: labels that do not belong together
/// or are unreadable; usage: devices missing. Writes nothing.
/// \param how  remembered: what is not there, or has no label of this pool that counts, is passed over as long as the
///               label does not count it either, as after a crash in `pool grow --add`
[[nodiscard]] Result<Pool> find_pool(const std::vector<std::string>& paths, Devices how);
/// Rewrites the labels where a copy was bad or older than its peers; not where another host has the pool. Needs the lock.
[[nodiscard]] Status mend_labels(const Env& env, Pool& pool);
/// Writes the label on every device, with one sequence number above all that are there.
[[nodiscard]] Status write_labels(Pool& pool);

/// Identifies this host in labels: /etc/machine-id, or an id of our own where there is none.
[[nodiscard]] Result<std::string> host_id(const Env& env);

/// State area up and mounted (formatted first when `fresh`).
[[nodiscard]] Status bring_up_state(Env& env, const std::string& name, const Pool& pool, bool fresh);
/// The error of loading a thin-pool says `damaged` and what to do `next` when its metadata are the reason.
[[nodiscard]] Status explain_metadata(Status loaded, const std::string& whose, const std::string& next);
/// Outer thin-pool up and healthy (damaged otherwise).
[[nodiscard]] Status bring_up_outer(Env& env, const std::string& name, const Pool& pool, WhenFull when_full);
/// Gives the live outer pool the data extents of the label, which must be durable already and may only be more than
/// before.
[[nodiscard]] Status grow_outer(Env& env, const std::string& name, const Pool& pool);
/// Takes all of it down, outer pool first; what is not there is fine. busy when something still uses it.
[[nodiscard]] Status bring_down(Env& env, const std::string& name);

/// thin_check on the outer metadata of a pool that is not active; "" when they are sound.
[[nodiscard]] Result<std::string> check_outer_offline(Env& env, const std::string& name, const Pool& pool);

[[nodiscard]] Result<bool> is_active(Env& env, const std::string& name);
/// The pool where this host remembers it, bad label copies mended; damaged when another pool is there now.
[[nodiscard]] Result<Pool> remembered_pool(Env& env, const std::string& name);

/// Brings the remembered pool's layers up, if they are not. Needs the lock; refuses like `pool activate`, and recovers nothing.
[[nodiscard]] Status bring_up_remembered(Env& env, const std::string& name);

/// error kernel, naming target and module, when the kernel cannot do this.
[[nodiscard]] Status require_kernel(Env& env);

}  // namespace tclone::engine

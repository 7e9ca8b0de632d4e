// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctime>

#include "bench/tool.h"
#include "cli/command/app.h"
#include "crypt/luks/luks.h"
#include "dm/device_mapper.h"
#include "model/device_names.h"
#include "state/store.h"

namespace tclone::bench {
namespace {

const char* const kPool = "bench";

/// What the kernel would say on a host where only the pool itself is active. It stands in for ioctls of microseconds
/// each and for nothing else; the same listing on a real kernel is measured in the lab.
class NothingActive final : public dm::DeviceMapper {
 public:
  explicit NothingActive(const Uuid& pool) : uuid_(device_names::uuid(pool, "pool")) {}

  Result<std::optional<dm::Info>> info(const std::string& name) override {
    if (name != device_names::outer_pool(kPool)) return std::optional<dm::Info>{};
    dm::Info info;
    info.live_table = true;
    info.uuid = uuid_;
    return std::optional<dm::Info>{info};
  }
  Result<std::optional<std::string>> find_uuid(const std::string&) override { return std::optional<std::string>{}; }
  Result<std::vector<dm::Named>> list(const std::string&) override { return std::vector<dm::Named>{}; }
  std::string path(const std::string& name) const override { return "/dev/mapper/" + name; }

  Result<std::optional<dm::Version>> target_version(const std::string&) override { return refuse(); }
  Result<dm::Table> table(const std::string&) override { return refuse(); }
  Status create(const dm::Spec&) override { return refuse(); }
  Status reload(const std::string&, const dm::Table&, bool) override { return refuse(); }
  Status suspend(const std::string&, dm::Suspend) override { return refuse(); }
  Status resume(const std::string&) override { return refuse(); }
  Status remove(const std::string&, std::chrono::milliseconds) override { return refuse(); }
  Status rename(const std::string&, const std::string&) override { return refuse(); }
  Status message(const std::string&, const std::string&) override { return refuse(); }
  Result<dm::PoolStatus> pool_status(const std::string&, Limit) override { return refuse(); }
  Result<dm::ThinStatus> thin_status(const std::string&, Limit) override { return refuse(); }
  Result<std::unique_ptr<Guard>> guard(std::span<const std::string>, std::chrono::milliseconds) override {
    return refuse();
  }

 private:
  static tl::unexpected<Error> refuse() { return fail(Code::failed, "device-mapper", "a listing has no need of it"); }
  std::string uuid_;
};

}  // namespace

Status list_without_kernel(const std::string& folder, const std::string& command) {
  const Store store = TC_TRY(Store::open(folder + "/" + kPool));
  NothingActive dm(TC_TRY(store.pool()).uuid);
  const auto luks = crypt::open_luks();
  engine::Paths paths{folder + "/etc", folder + "/run", folder};
  cli::Host host{[](const char*) { return std::string(); }, paths, true, {}};
  host.with_env = [&](const cli::Invocation&, const std::function<cli::Ran(engine::Env&)>& act) {
    engine::Env env{.dm = dm, .luks = *luks, .paths = paths, .now = [] { return std::int64_t{std::time(nullptr)}; }};
    return act(env);
  };
  if (cli::run({"--pool", kPool, command}, host) != 0) return fail(Code::failed, command, "the listing failed");
  return {};
}

}  // namespace tclone::bench

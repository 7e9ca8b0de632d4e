// SPDX-License-Identifier: GPL-2.0-or-later
// The fake is what every test of the engine stands on, so its refusals are tested as the kernel's would be.
#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "dm/targets.h"
#include "fake/fake_device_mapper.h"
#include "model/device_names.h"
#include "unit/catch.h"

using namespace tclone;
using namespace tclone::dm;
using namespace std::chrono_literals;
using test::FakeDeviceMapper;

namespace {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tclone-fake-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

/// A pool over /dev/base with one active volume "db", thin 1.
struct Stack {
  Folder folder;
  FakeDeviceMapper mapper{folder.path};
  const std::string meta = device_names::metadata("p"), data = device_names::data("p"),
                    pool = device_names::outer_pool("p"), db = device_names::volume("p", "db");

  Stack() {
    activate();
    REQUIRE(mapper.message(pool, create_thin({1})));
    REQUIRE(mapper.create({db, "db", thin(mapper.path(pool), {1}, {2048})}));
  }
  void activate() {
    PoolOptions options;
    options.block = {128};
    REQUIRE(mapper.create({meta, "meta", linear(std::vector<Piece>{{"/dev/base", {2048}, {16384}}})}));
    REQUIRE(mapper.create({data, "data", linear(std::vector<Piece>{{"/dev/base", {18432}, {128000}}})}));
    REQUIRE(mapper.create({pool, "pool", thin_pool(mapper.path(meta), mapper.path(data), {128000}, options)}));
  }
  int sys_of(const Status& status) { return status ? 0 : status.error().sys; }
};

}  // namespace

TEST_CASE_METHOD(Stack, "a guarded, frozen snapshot is the right way") {
  const std::vector<std::string> names{db};
  auto guard = mapper.guard(names, 1s);
  REQUIRE(guard);
  CHECK(mapper.suspend(db, Suspend::freeze));
  CHECK(mapper.message(pool, create_snap({2}, {1})));
  CHECK(mapper.resume(db));
  guard->reset();
  CHECK(mapper.create({device_names::version("p", "db", 1), "", thin(mapper.path(pool), {2}, {2048}), true}));
  CHECK(mapper.violations().empty());
}

TEST_CASE_METHOD(Stack, "snapshots of an origin that runs, or was not frozen, are violations") {
  mapper.expect_violations();
  CHECK(mapper.message(pool, create_snap({2}, {1})));
  CHECK(mapper.violations().size() == 1);
  CHECK(mapper.suspend(db, Suspend::quick));
  CHECK(mapper.message(pool, create_snap({3}, {1})));
  CHECK(mapper.violations().size() == 2);
  CHECK(mapper.resume(db));
}

TEST_CASE_METHOD(Stack, "a suspend without a guard, work in between and a guard let go too early are violations") {
  mapper.expect_violations();
  CHECK(mapper.suspend(db, Suspend::freeze));
  CHECK(mapper.violations().size() == 1);
  CHECK(mapper.reload(pool, mapper.table(pool).value()));
  CHECK(mapper.violations().size() == 3);  // reading the table, and loading one
  CHECK(mapper.resume(db));
  {
    const std::vector<std::string> names{db};
    const auto guard = mapper.guard(names, 1s);
    CHECK(mapper.suspend(db, Suspend::freeze));
  }
  CHECK(mapper.violations().size() == 4);
  CHECK(mapper.resume(db));
}

TEST_CASE_METHOD(Stack, "messages fail with the kernel's errnos") {
  CHECK(sys_of(mapper.message(pool, create_thin({1}))) == EEXIST);
  CHECK(sys_of(mapper.message(pool, create_snap({5}, {9}))) == ENODATA);
  CHECK(sys_of(mapper.message(pool, delete_thin({9}))) == ENODATA);
  CHECK(sys_of(mapper.message(pool, delete_thin({1}))) == EBUSY);
  CHECK(sys_of(mapper.message(pool, set_transaction_id(1, 2))) == EINVAL);
  CHECK(sys_of(mapper.message(pool, create_thin({kMaxThinId + 1}))) == EINVAL);
  CHECK(sys_of(mapper.message("tclone-p-none", create_thin({2}))) == ENXIO);
  CHECK(mapper.message(pool, set_transaction_id(0, 1)));
  CHECK(mapper.pool_status(pool)->transaction == 1);
  mapper.set_pool_mode(pool, PoolMode::ro, true);
  CHECK(sys_of(mapper.message(pool, create_thin({2}))) == EOPNOTSUPP);
  CHECK(mapper.pool_status(pool)->needs_check);
}

TEST_CASE_METHOD(Stack, "a thin id that is used again is a violation") {
  CHECK(mapper.message(pool, create_thin({2})));
  CHECK(mapper.message(pool, delete_thin({2})));
  mapper.expect_violations();
  CHECK(mapper.message(pool, create_thin({2})));
  CHECK(mapper.violations().size() == 1);
}

TEST_CASE_METHOD(Stack, "tables that the kernel would refuse are refused, and nothing is left") {
  const auto refuse = [&](Table table, int sys) {
    CHECK(sys_of(mapper.create({"tclone-p-x", "", std::move(table)})) == sys);
    CHECK_FALSE(*mapper.info("tclone-p-x"));
  };
  refuse({}, EINVAL);
  refuse({{{8}, {8}, "linear", "/dev/base 0"}}, EINVAL);
  refuse({{{0}, {8}, "nonsense", ""}}, EINVAL);
  refuse({{{0}, {8}, "linear", mapper.path("tclone-p-none") + " 0"}}, ENODEV);
  refuse({{{0}, {8}, "linear", mapper.path(meta) + " 16384"}}, EINVAL);
  refuse(thin(mapper.path(pool), {7}, {2048}), ENODATA);
  refuse(thin(mapper.path(data), {1}, {2048}), EINVAL);
  CHECK(mapper.create({db, "", {{{0}, {8}, "linear", "/dev/base 0"}}}).error().code == Code::exists);
  CHECK(mapper.create({"tclone-p-y", "db", {{{0}, {8}, "linear", "/dev/base 0"}}}).error().code == Code::damaged);
}

TEST_CASE_METHOD(Stack, "a device that another lies on, or that is held, is busy") {
  CHECK(sys_of(mapper.remove(pool, 1s)) == EBUSY);
  mapper.hold(db, 1);
  CHECK(mapper.remove(db, 1s).error().code == Code::busy);
  mapper.hold(db, 0);
  CHECK(mapper.remove(db, 1s));
  CHECK(mapper.remove(db, 1s));
  CHECK(mapper.remove(pool, 1s));
}

TEST_CASE_METHOD(Stack, "a pool's contents come back with its metadata, after a removal and after a reboot") {
  CHECK(mapper.message(pool, set_transaction_id(0, 1)));
  std::ofstream(mapper.path(db)) << "kept";
  for (const auto& name : {db, pool, data, meta}) REQUIRE(mapper.remove(name, 1s));
  activate();
  CHECK(mapper.pool_status(pool)->transaction == 1);
  CHECK(mapper.pool_status(pool)->total_data == 1000);
  mapper.reboot();
  CHECK(mapper.list("tclone-")->empty());
  activate();
  CHECK(mapper.create({db, "db", thin(mapper.path(pool), {1}, {2048})}));
  std::string word;
  std::ifstream(mapper.path(db)) >> word;
  CHECK(word.substr(0, 4) == "kept");
  CHECK(std::filesystem::file_size(mapper.path(db)) == 2048 * 512);
}

TEST_CASE_METHOD(Stack, "a pool inside a vault is found again through crypt and thin") {
  const std::string crypt = device_names::vault_crypt("p", {1}), inner_meta = device_names::vault_metadata("p", {1}),
                    inner_data = device_names::vault_data("p", {1}), inner = device_names::vault_pool("p", {1});
  PoolOptions options;
  options.block = {128};
  const auto open_vault = [&](const std::string& below) {
    REQUIRE(mapper.create({crypt, "", {{{0}, {1920}, "crypt", "aes - 0 " + below + " 128"}}}));
    REQUIRE(mapper.create({inner_meta, "", linear(std::vector<Piece>{{mapper.path(crypt), {0}, {512}}})}));
    REQUIRE(mapper.create({inner_data, "", linear(std::vector<Piece>{{mapper.path(crypt), {512}, {1280}}})}));
    REQUIRE(mapper.create({inner, "", thin_pool(mapper.path(inner_meta), mapper.path(inner_data), {1280}, options)}));
  };
  open_vault(mapper.path(db));
  CHECK(mapper.message(inner, create_thin({1})));
  for (const auto& name : {inner, inner_data, inner_meta, crypt}) REQUIRE(mapper.remove(name, 1s));
  open_vault((*mapper.info(db))->dev());
  CHECK(sys_of(mapper.message(inner, create_thin({1}))) == EEXIST);
  CHECK(mapper.pool(pool).thins.size() == 1);
}

TEST_CASE_METHOD(Stack, "an external origin must be read-only, and one thin is active once") {
  CHECK(mapper.message(pool, create_thin({2})));
  mapper.expect_violations();
  CHECK(mapper.create({"tclone-p-web", "", thin(mapper.path(pool), {2}, {2048}, mapper.path(db))}));
  CHECK(mapper.violations().size() == 1);
  CHECK(mapper.create({"tclone-p-twin", "", thin(mapper.path(pool), {2}, {2048})}));
  CHECK(mapper.violations().size() == 2);
}

TEST_CASE_METHOD(Stack, "a reloaded table is live after the resume, and a rename is followed by what lies above") {
  CHECK(mapper.message(pool, create_thin({2})));
  CHECK(mapper.reload(db, thin(mapper.path(pool), {2}, {4096})));
  CHECK((*mapper.info(db))->inactive_table);
  CHECK(thin_id_of(mapper.table(db).value()[0])->n == 1);
  CHECK(mapper.resume(db));
  CHECK(thin_id_of(mapper.table(db).value()[0])->n == 2);
  CHECK(std::filesystem::file_size(mapper.path(db)) == 4096 * 512);
  CHECK(mapper.create({"tclone-p-top", "", linear(std::vector<Piece>{{mapper.path(db), {0}, {8}}})}));
  CHECK(mapper.rename(db, "tclone-p-shop"));
  CHECK_FALSE(*mapper.info(db));
  CHECK(sys_of(mapper.remove("tclone-p-shop", 1s)) == EBUSY);
}

TEST_CASE_METHOD(Stack, "failures come when asked for, and once") {
  mapper.fail_next("message:create_snap", EIO);
  CHECK(mapper.message(pool, create_thin({2})));
  CHECK(sys_of(mapper.message(pool, create_snap({3}, {2}))) == EIO);
  CHECK(mapper.message(pool, create_snap({3}, {2})));
  mapper.fail_next("remove", EBUSY, 1);
  CHECK(mapper.remove("tclone-p-none", 1s));
  CHECK(sys_of(mapper.remove(db, 1s)) == EBUSY);
  CHECK(mapper.remove(db, 1s));
  mapper.fail_next("pool_status", EIO);
  CHECK_FALSE(mapper.pool_status(pool));
  CHECK(mapper.pool_status(pool));
}

TEST_CASE_METHOD(Stack, "a guard that fires resumes and says so") {
  const std::vector<std::string> names{db};
  auto guard = mapper.guard(names, 1s);
  CHECK(mapper.suspend(db, Suspend::freeze));
  CHECK_FALSE((*guard)->fired());
  mapper.fire_guards();
  CHECK((*guard)->fired());
  CHECK_FALSE((*mapper.info(db))->suspended);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Every operation that the crash tests cut off, in each of its variants.
#include "unit/engine/rig.h"

namespace tclone::test {

const std::vector<Deed>& deeds() {
  static const auto restart = [](Rig& r, const std::string& name, const std::string& to, bool refresh) {
    engine::Reset request;
    request.name = name;
    request.to = to;
    return error_of(refresh ? engine::refresh(r.env, request) : engine::revert(r.env, request));
  };
  static const auto clone = [](Rig& r, const char* source, bool shared, const char* vault) {
    engine::Clone request;
    request.source = source;
    request.name = "copy";
    request.shared_key = shared;
    request.vault = vault;
    return error_of(engine::clone(r.env, request));
  };
  static const auto create = [](Rig& r, bool plain) {
    engine::Create request;
    request.name = "fresh";
    request.size = kMiB * 8;
    request.fs = FsKind::none;
    request.plain = plain;
    return error_of(engine::create(r.env, request));
  };
  static const auto publish = [](Rig& r, std::vector<std::string> names) {
    engine::Publish request;
    request.names = std::move(names);
    request.tags = {"nightly"};
    return error_of(engine::publish(r.env, request));
  };
  static const auto remove = [](Rig& r, const char* name) { return error_of(engine::remove(r.env, {"p", name})); };
  static const std::vector<Deed> all{
      {"create", [](Rig& r) { return create(r, false); }},
      {"create, plain", [](Rig& r) { return create(r, true); }},
      {"clone of a version", [](Rig& r) { return clone(r, "db@1", false, ""); }},
      {"clone of a version, shared key", [](Rig& r) { return clone(r, "web@1", true, ""); }},
      {"clone of a volume", [](Rig& r) { return clone(r, "web", false, ""); }},
      {"clone of a volume, shared key", [](Rig& r) { return clone(r, "db", true, ""); }},
      {"clone into another vault", [](Rig& r) { return clone(r, "web@1", false, "db"); }},
      {"publish of one", [](Rig& r) { return publish(r, {"db"}); }},
      {"publish of several",
       [](Rig& r) {
         return publish(r, {"dev", "web", "db"});
       }},
      {"revert that starts over", [](Rig& r) { return restart(r, "solo", "", false); }},
      {"revert in a vault with versions", [](Rig& r) { return restart(r, "web", "", false); }},
      {"revert to a version of its own", [](Rig& r) { return restart(r, "web", "1", false); }},
      {"revert of a shared clone", [](Rig& r) { return restart(r, "dev", "", false); }},
      {"refresh", [](Rig& r) { return restart(r, "solo", "", true); }},
      {"rm of a version", [](Rig& r) { return remove(r, "db@2"); }},
      {"rm of a vault's last volume", [](Rig& r) { return remove(r, "solo"); }},
      {"rm of a volume with a version", [](Rig& r) { return remove(r, "web"); }},
      {"rm of a shared clone", [](Rig& r) { return remove(r, "dev"); }},
      {"rename",
       [](Rig& r) {
         return error_of(engine::rename(r.env, {"p", "db"}, "data"));
       }},
      {"tag", [](Rig& r) { return error_of(engine::tag(r.env, "p", "db@2", "good")); }},
      {"untag", [](Rig& r) { return error_of(engine::untag(r.env, "p", "db", "stable")); }},
      {"resize",
       [](Rig& r) {
         return error_of(engine::resize(r.env, {"p", "web"}, kGiB * 4));
       }},
      {"clone that takes a vault made ahead", [](Rig& r) { return clone(r, "db@1", false, ""); },
       [](Rig& r) { r.stock(1); }},
      {"filling the stock up",
       [](Rig& r) {
         return error_of(engine::pool_stock(r.env, {"p", {}}));
       },
       [](Rig& r) {
         r.stock(2);
         r.clone("db@1", "other");
       }},
      {"taking a vault out of the stock",
       [](Rig& r) {
         return error_of(engine::pool_stock(r.env, {"p", {}}));
       },
       [](Rig& r) {
         r.stock(2);
         RecordChange fewer;
         fewer.pool = r.store().pool().value();
         fewer.pool->stock = 1;
         REQUIRE_OK(r.store().apply(fewer));
       }},
  };
  return all;
}

}  // namespace tclone::test

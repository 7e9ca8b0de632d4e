// SPDX-License-Identifier: GPL-2.0-or-later
// A DeviceMapper that stands before another one and may end the program at any point: before or after each call, and
// wherever else pass() is called. "Ending" is a Crash thrown through the engine, which nothing there catches.
#pragma once

#include <functional>
#include <limits>

#include "dm/device_mapper.h"

namespace tclone::test {

struct Crash {};

class CrashPoints final : public dm::DeviceMapper {
 public:
  explicit CrashPoints(dm::DeviceMapper& inner) : inner_(inner) {}

  /// Counts points from here on; at point number `at` (from 0) `then` is called and Crash thrown, once.
  void arm(std::uint64_t at, std::function<void()> then) {
    at_ = at;
    passed_ = 0;
    then_ = std::move(then);
  }
  void disarm() { at_ = std::numeric_limits<std::uint64_t>::max(); }
  [[nodiscard]] std::uint64_t passed() const { return passed_; }
  void pass() {
    if (passed_++ != at_) return;
    disarm();
    then_();
    throw Crash{};
  }

  Result<std::optional<dm::Version>> target_version(const std::string& type) override {
    return inner_.target_version(type);
  }
  Result<std::optional<dm::Info>> info(const std::string& name) override { return looked(inner_.info(name)); }
  Result<std::optional<std::string>> find_uuid(const std::string& uuid) override {
    return looked(inner_.find_uuid(uuid));
  }
  Result<std::vector<dm::Named>> list(const std::string& prefix) override { return looked(inner_.list(prefix)); }
  Result<dm::Table> table(const std::string& name) override { return looked(inner_.table(name)); }
  Status create(const dm::Spec& spec) override {
    return around([&] { return inner_.create(spec); });
  }
  Status reload(const std::string& name, const dm::Table& table, bool read_only) override {
    return around([&] { return inner_.reload(name, table, read_only); });
  }
  Status suspend(const std::string& name, dm::Suspend how) override {
    return around([&] { return inner_.suspend(name, how); });
  }
  Status resume(const std::string& name) override {
    return around([&] { return inner_.resume(name); });
  }
  Status remove(const std::string& name, std::chrono::milliseconds patience) override {
    return around([&] { return inner_.remove(name, patience); });
  }
  Status rename(const std::string& from, const std::string& to) override {
    return around([&] { return inner_.rename(from, to); });
  }
  Status message(const std::string& name, const std::string& text) override {
    return around([&] { return inner_.message(name, text); });
  }
  Result<dm::PoolStatus> pool_status(const std::string& name, Limit limit) override {
    return looked(inner_.pool_status(name, limit));
  }
  Result<dm::ThinStatus> thin_status(const std::string& name, Limit limit) override {
    return looked(inner_.thin_status(name, limit));
  }
  std::string path(const std::string& name) const override { return inner_.path(name); }
  Result<std::unique_ptr<Guard>> guard(std::span<const std::string> names, std::chrono::milliseconds limit) override {
    pass();
    return inner_.guard(names, limit);
  }

 private:
  template <class T>
  T looked(T value) {
    pass();
    return value;
  }
  template <class Call>
  Status around(Call call) {
    pass();
    Status done = call();
    pass();
    return done;
  }

  dm::DeviceMapper& inner_;
  std::uint64_t at_ = std::numeric_limits<std::uint64_t>::max(), passed_ = 0;
  std::function<void()> then_;
};

}  // namespace tclone::test

// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/policy/zone.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <optional>

namespace tclone::engine {
namespace {

/// TZ as somebody else wants it, until the end of the scope.
class TimeZone {
 public:
  explicit TimeZone(const std::string& value) {
    if (const char* old = std::getenv("TZ"); old != nullptr) old_ = old;
    ::setenv("TZ", value.c_str(), 1);
    ::tzset();
  }
  ~TimeZone() {
    if (old_) {
      ::setenv("TZ", old_->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  std::optional<std::string> old_;
};

policies::Civil local(std::int64_t seconds) {
  const std::time_t at = seconds;
  std::tm tm{};
  if (::localtime_r(&at, &tm) == nullptr) return policies::utc(seconds);
  return {tm.tm_year + 1900,
          tm.tm_mon + 1,
          tm.tm_mday,
          tm.tm_hour,
          tm.tm_min,
          tm.tm_sec > 59 ? 59 : tm.tm_sec,
          static_cast<int>(tm.tm_gmtoff)};
}

bool is_local(const std::string& name) { return name.empty() || name == "local"; }

}  // namespace

bool zone_exists(const std::string& name) {
  if (is_local(name) || name == "UTC") return true;
  if (name.front() == '/' || name.find("..") != std::string::npos) return false;
  struct stat found {};
  return ::stat(("/usr/share/zoneinfo/" + name).c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

policies::Zone zone_of(const std::string& name) {
  if (name == "UTC") return policies::utc;
  if (is_local(name)) {
    ::tzset();
    return local;
  }
  return [tz = ":" + name](std::int64_t seconds) {
    const TimeZone during(tz);
    return local(seconds);
  };
}

}  // namespace tclone::engine

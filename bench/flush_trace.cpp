// SPDX-License-Identifier: GPL-2.0-or-later
// Which call makes the disk flush: a library for LD_PRELOAD that reads the disk's count of flushes before and after each
// call that can cause one, and writes a line for each that did. Flushes that no call of this process caused (a
// filesystem's own commit) stand in a line of their own.
//
// FLUSH_TRACE_STAT  the disk's file, such as /sys/class/block/sda/stat (field 16, Documentation/block/stat.rst)
// FLUSH_TRACE_OUT   where lines are appended: "<flushes> <call> <what it was for>"
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

/// The function of that name which would have been called without this library.
template <class F>
F real(const char* name) {
  void* found = ::dlsym(RTLD_NEXT, name);
  F out = nullptr;
  std::memcpy(&out, &found, sizeof out);
  return out;
}

/// Flushes the disk has completed; 0 where that cannot be read.
unsigned long flushes() {
  static const char* path = std::getenv("FLUSH_TRACE_STAT");
  if (path == nullptr) return 0;
  static const auto real_open = real<int (*)(const char*, int, ...)>("open");
  const int fd = real_open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::array<char, 512> text{};
  const ssize_t size = ::read(fd, text.data(), text.size() - 1);
  ::close(fd);
  if (size <= 0) return 0;
  unsigned long value = 0;
  char* at = text.data();
  for (int field = 1; field <= 16; ++field) value = std::strtoul(at, &at, 10);
  return value;
}

void say(unsigned long count, const std::string& what) {
  static const char* path = std::getenv("FLUSH_TRACE_OUT");
  if (path == nullptr || count == 0) return;
  std::FILE* out = std::fopen(path, "ae");
  if (out == nullptr) return;
  std::fprintf(out, "%lu %s\n", count, what.c_str());
  std::fclose(out);
}

unsigned long seen = ~0UL;

/// Counts what the call in between made the disk do.
class Counted {
 public:
  Counted() : before_(flushes()), saved_(errno) {
    if (seen != ~0UL && before_ > seen) say(before_ - seen, "(between calls)");
    errno = saved_;
  }
  void end(const std::string& what) {
    const int after_call = errno;
    const unsigned long now = flushes();
    say(now - before_, what);
    seen = now;
    errno = after_call;
  }

 private:
  unsigned long before_;
  int saved_;
};

std::string file_of(int fd) {
  std::array<char, 256> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size() - 1);
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : "descriptor " + std::to_string(fd);
}

const char* dm_command(unsigned long number) {
  switch (number) {
    case DM_DEV_CREATE_CMD: return "create";
    case DM_DEV_REMOVE_CMD: return "remove";
    case DM_DEV_RENAME_CMD: return "rename";
    case DM_DEV_SUSPEND_CMD: return "suspend or resume";
    case DM_DEV_STATUS_CMD: return "info";
    case DM_TABLE_LOAD_CMD: return "load";
    case DM_TABLE_STATUS_CMD: return "status";
    case DM_TARGET_MSG_CMD: return "message";
    default: return "other";
  }
}

std::string dm_text(unsigned long request, const void* argument) {
  const auto* head = static_cast<const dm_ioctl*>(argument);
  std::string out = std::string("dm ") + dm_command(_IOC_NR(request)) + " " + head->name;
  if (_IOC_NR(request) == DM_DEV_SUSPEND_CMD) out += (head->flags & DM_SUSPEND_FLAG) != 0 ? " (suspend)" : " (resume)";
  if (_IOC_NR(request) == DM_TARGET_MSG_CMD) {
    const char* message = static_cast<const char*>(argument) + head->data_start + sizeof(dm_target_msg);
    out += std::string(" ") + message;
  }
  return out;
}

/// For the calls of one descriptor that give back a number.
template <class R, class... A>
R by_descriptor(const char* name, int fd, A... rest) {
  const auto call = real<R (*)(int, A...)>(name);
  Counted counted;
  const R out = call(fd, rest...);
  counted.end(std::string(name) + " " + file_of(fd));
  return out;
}

}  // namespace

extern "C" {

int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void* argument = va_arg(list, void*);
  va_end(list);
  static const auto call = real<int (*)(int, unsigned long, void*)>("ioctl");
  if (_IOC_TYPE(request) != DM_IOCTL) {
    Counted counted;
    const int out = call(fd, request, argument);
    counted.end("ioctl " + file_of(fd));
    return out;
  }
  const std::string text = dm_text(request, argument);  // the kernel writes its answer over the question
  Counted counted;
  const int out = call(fd, request, argument);
  counted.end(text);
  return out;
}

int fsync(int fd) { return by_descriptor<int>("fsync", fd); }
int fdatasync(int fd) { return by_descriptor<int>("fdatasync", fd); }
int syncfs(int fd) { return by_descriptor<int>("syncfs", fd); }
ssize_t write(int fd, const void* from, size_t size) { return by_descriptor<ssize_t>("write", fd, from, size); }
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  return by_descriptor<ssize_t>("pwrite", fd, from, size, at);
}
ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) {
  return by_descriptor<ssize_t>("pwrite64", fd, from, size, at);
}
ssize_t pwritev2(int fd, const iovec* parts, int count, off_t at, int flags) {
  return by_descriptor<ssize_t>("pwritev2", fd, parts, count, at, flags);
}
int fallocate(int fd, int mode, off_t at, off_t size) { return by_descriptor<int>("fallocate", fd, mode, at, size); }

int close(int fd) {
  static const auto call = real<int (*)(int)>("close");
  const std::string name = file_of(fd);
  if (name.compare(0, 5, "/dev/") != 0) return call(fd);
  Counted counted;
  const int out = call(fd);
  counted.end("close " + name);
  return out;
}

int umount2(const char* target, int flags) noexcept {
  static const auto call = real<int (*)(const char*, int)>("umount2");
  Counted counted;
  const int out = call(target, flags);
  counted.end(std::string("umount ") + target);
  return out;
}

}  // extern "C"

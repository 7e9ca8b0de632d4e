// SPDX-License-Identifier: GPL-2.0-or-later
// What the scripts of the benchmark cannot do exactly enough by themselves:
//
//   tool time KEY COMMAND… [++ COMMAND…]  the whole process by vfork, exec and wait: "KEY MILLISECONDS", of several the sum; lines
//                                     of standard error like "4.65 ms  altogether" (tclone --timings, floor) give "KEY.inside …",
//                                     and those of "commit" and "libraries" KEY.commit and KEY.libraries;
//                                     "KEY.faults N": its page faults, starting included
//   tool fault                        what a page fault costs on this machine, in microseconds
//   tool resident KEY COMMAND…        the same and "KEY.resident KIB", the peak
//   tool alternate RUNS KEY COMMAND… -- KEY COMMAND… [-- …]   as `time`, one after the other, RUNS times
//   tool writer KEY DEVICE SECONDS RATE
//                                     4 KiB to a random place, fdatasync, RATE a second: the milliseconds of each
//   tool records FOLDER VOLUMES       fills the state store in FOLDER (bench/tool_records.cpp)
//   tool list FOLDER list|tree        (bench/tool_list.cpp)
//   tool report FOLDER [OUT]          (bench/report.cpp)
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "base/fd.h"
#include "bench/main_of.h"
#include "bench/tool.h"
#include "os/probe.h"

namespace tclone::bench {
namespace {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Spawned {
  double ms = 0;
  long resident_kib = 0;
  long faults = 0;
  std::string errors;
};

struct Actions {
  posix_spawn_file_actions_t it{};
  Actions() { posix_spawn_file_actions_init(&it); }
  ~Actions() { posix_spawn_file_actions_destroy(&it); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
};

/// Standard error goes to memory, so that nobody has to be there to read a pipe.
Result<Spawned> spawn(const std::vector<std::string>& words) {
  const std::string what = words.empty() ? "command" : words.front();
  const UniqueFd errors(memfd_create("errors", MFD_CLOEXEC));
  if (!errors) return fail_errno(errno, "memfd_create", "no place for what commands say");
  Actions actions;
  posix_spawn_file_actions_addopen(&actions.it, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions.it, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.it, errors.get(), STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words)
    argv.push_back(const_cast<char*>(word.c_str()));  // NOLINT: exec changes nothing
  argv.push_back(nullptr);

  pid_t child = 0;
  int status = 0;
  rusage usage{};
  const auto start = Clock::now();
  const int sys = posix_spawnp(&child, argv.front(), &actions.it, nullptr, argv.data(), environ);
  if (sys != 0) return fail_errno(sys, what, "cannot be started");
  if (wait4(child, &status, 0, &usage) != child) return fail_errno(errno, what, "cannot be waited for");
  // glibc has each field of rusage in a union with a word of the kernel's width.
  const auto [resident, faults] = std::pair{usage.ru_maxrss, usage.ru_minflt};  // NOLINT(*-pro-type-union-access)
  Spawned out{ms_since(start), resident, faults, {}};
  std::array<char, 8192> text{};
  const ssize_t got = pread(errors.get(), text.data(), text.size(), 0);
  out.errors.assign(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(Code::failed, what, "it failed: " + out.errors);
  return out;
}

std::vector<std::vector<std::string>> split(const std::vector<std::string>& words, const char* at) {
  std::vector<std::vector<std::string>> out(1);
  for (const std::string& word : words) {
    if (word == at) {
      out.emplace_back();
    } else {
      out.back().push_back(word);
    }
  }
  return out;
}

Status time_one(const std::string& key, const std::vector<std::string>& words, bool resident) {
  Spawned took;
  for (const auto& command : split(words, "++")) {
    if (command.empty()) return fail(Code::usage, key, "no command to time");
    const Spawned one = TC_TRY(spawn(command));
    took = {took.ms + one.ms, std::max(took.resident_kib, one.resident_kib), took.faults + one.faults, one.errors};
  }
  std::printf("%s %.3f\n", key.c_str(), took.ms);
  std::printf("%s.faults %ld\n", key.c_str(), took.faults);
  if (resident) std::printf("%s.resident %ld\n", key.c_str(), took.resident_kib);
  for (const auto& [said, suffix] :
       {std::pair{"altogether", "inside"}, std::pair{"commit", "commit"}, std::pair{"libraries", "libraries"}}) {
    const auto at = took.errors.find(std::string(" ms  ") + said + "\n");
    if (at == std::string::npos) continue;
    const auto line = took.errors.rfind('\n', at) + 1;  // npos + 1 is 0
    std::printf("%s.%s %.3f\n", key.c_str(), suffix, std::stod(took.errors.substr(line, at - line)));
  }
  return {};
}

Status alternate(std::size_t runs, const std::vector<std::string>& args) {
  const auto all = split(args, "--");
  for (std::size_t i = 0; i < runs; ++i) {
    for (const auto& one : all) {
      if (one.size() < 2) return fail(Code::usage, "alternate", "wants KEY COMMAND… between the dashes");
      TC_CHECK(time_one(one.front(), {one.begin() + 1, one.end()}, false));
    }
  }
  return {};
}

/// Of memory that is new, so without any reading; the median of several goes.
Status fault_cost() {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kPages = 500;
  std::array<double, 9> us{};
  for (double& one : us) {
    void* at = mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return fail_errno(errno, "mmap", "no memory to touch");
    // As in a program that starts, where no two pages come in one: no huge ones.
    madvise(at, kPages * kPage, MADV_NOHUGEPAGE);
    const auto start = Clock::now();
    for (std::size_t i = 0; i < kPages; ++i) static_cast<volatile char*>(at)[i * kPage] = 1;
    one = ms_since(start) * 1000 / kPages;
    munmap(at, kPages * kPage);
  }
  std::sort(us.begin(), us.end());
  std::printf("%.2f\n", us[us.size() / 2]);
  return {};
}

struct Free {
  void operator()(void* p) const noexcept { std::free(p); }
};

/// Late writes are not made up for: the load stays the same whatever the device does.
Status writer(const std::string& key, const std::string& device, double seconds, double rate) {
  constexpr std::size_t kBlock = 4096;
  const std::uint64_t blocks = TC_TRY(os::block_facts(device)).size.n / kBlock;
  const UniqueFd fd(open(device.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
  if (!fd) return fail_errno(errno, device, "cannot be opened");
  const std::unique_ptr<void, Free> block(std::aligned_alloc(kBlock, kBlock));
  std::memset(block.get(), 'w', kBlock);
  std::mt19937_64 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): every window writes to the same places
  std::vector<double> samples;
  samples.reserve(static_cast<std::size_t>(seconds * rate) + 1);
  const auto pause = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate));
  const auto begun = Clock::now();
  for (auto due = begun; ms_since(begun) < seconds * 1000; due = std::max(due + pause, Clock::now() - pause)) {
    std::this_thread::sleep_until(due);
    const auto at = static_cast<off_t>(random() % blocks * kBlock);
    const auto start = Clock::now();
    if (pwrite(fd.get(), block.get(), kBlock, at) != static_cast<ssize_t>(kBlock) || fdatasync(fd.get()) != 0) {
      return fail_errno(errno, device, "a write failed");
    }
    samples.push_back(ms_since(start));
  }
  for (const double ms : samples) std::printf("%s %.3f\n", key.c_str(), ms);
  return {};
}

Status run(const std::vector<std::string>& args) {
  const std::string what = args.empty() ? "" : args[0];
  const auto rest = [&](std::size_t from) {
    return std::vector<std::string>(args.begin() + static_cast<std::ptrdiff_t>(from), args.end());
  };
  if (args.size() >= 3 && (what == "time" || what == "resident")) return time_one(args[1], rest(2), what == "resident");
  if (args.size() >= 4 && what == "alternate") return alternate(std::stoul(args[1]), rest(2));
  if (args.size() == 5 && what == "writer") return writer(args[1], args[2], std::stod(args[3]), std::stod(args[4]));
  if (args.size() == 1 && what == "fault") return fault_cost();
  if (args.size() == 3 && what == "records") return make_records(args[1], std::stoul(args[2]));
  if (args.size() == 3 && what == "list") return list_without_kernel(args[1], args[2]);
  if (args.size() >= 2 && what == "report") return report(args[1], args.size() > 2 ? args[2] : "");
  return fail(Code::usage, "tool", "see the head of bench/tool.cpp for its arguments");
}

}  // namespace
}  // namespace tclone::bench

int main(int argc, char** argv) { return tclone::bench::main_of("bench", argc, argv, tclone::bench::run); }

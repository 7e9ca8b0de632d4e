// SPDX-License-Identifier: GPL-2.0-or-later
// model_test DEVICE
//   Random operations with faults on a real pool on DEVICE, held against a model. The environment says which:
//   TCLONE_MODEL_SEED (42), TCLONE_MODEL_OPS (120), TCLONE_MODEL_SECONDS (no limit; each run of OPS operations has a seed
//   one higher, until the time is over), TCLONE_MODEL_SCRIPT (a file with operations, instead of random ones),
//   TCLONE_MODEL_SHRINK (300: seconds for making a failing list short), TCLONE_MODEL_TELL (print each operation).
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/lab/model/runner.h"
#include "tests/lab/model/shrink.h"

using namespace tclone;
using namespace tclone::lab::model;

namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t wish(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? fallback : std::strtoull(text, nullptr, 10);
}

void make_files() {
  ::umask(077);  // a key file that others may read is refused
  std::filesystem::create_directories(kKeyFolder);
  std::vector<unsigned char> page(kPage);
  for (unsigned k = 1; k <= 3; ++k) {
    make_page(k, 1000, page.data());
    std::ofstream(kKeyFolder + std::string("k") + std::to_string(k), std::ios::binary)
        .write(reinterpret_cast<const char*>(page.data()), 64);
  }
  std::ofstream image(kImage, std::ios::binary);
  for (std::uint64_t n = 0; n < kImagePages; ++n) {
    make_page(kImageStamp, n, page.data());
    image.write(reinterpret_cast<const char*>(page.data()), kPage);
  }
}

void print(const char* title, const Operations& list) {
  std::printf("%s\n", title);
  for (const Operation& o : list) std::printf("  %s\n", o.text().c_str());
  std::fflush(stdout);
}

class Test {
 public:
  Test(dm::DeviceMapper& mapper, const char* device) : runner_(mapper, device) {}

  /// What was lost, if anything; `done` are the operations up to there.
  std::optional<std::string> random(std::uint64_t seed, std::uint64_t count, Clock::time_point until,
                                    Operations& done) {
    Random random(seed);
    return runner_.run([&](const Model& model) -> std::optional<Operation> {
      if (done.size() >= count || Clock::now() >= until) return std::nullopt;
      return tell(done, generate(model, random));
    });
  }

  std::optional<std::string> replay(const Operations& list, Operations& done) {
    return runner_.run([&](const Model&) -> std::optional<Operation> {
      if (done.size() >= list.size()) return std::nullopt;
      return tell(done, list[done.size()]);
    });
  }

  /// Prints the failing list, then the shortest one found that fails.
  void explain(const Operations& failing) {
    print("  the operations:", failing);
    runner_.clean_up();
    const auto until = Clock::now() + std::chrono::seconds(wish("TCLONE_MODEL_SHRINK", 300));
    std::string last;
    const auto fails = [&](const Operations& list) {
      Operations done;
      const auto lost = replay(list, done);
      if (lost) last = *lost;
      runner_.clean_up();
      return lost.has_value();
    };
    const Operations least = shrink(failing, fails, [&] { return Clock::now() >= until; });
    if (last.empty())
      std::printf("  no shorter list of them fails\n");
    else
      print(("  LOST all the same " + last + "\n  with these (TCLONE_MODEL_SCRIPT=FILE runs them again):").c_str(),
            least);
  }

  [[nodiscard]] Counts counts() const { return runner_.counts(); }

 private:
  Operation tell(Operations& done, const Operation& next) {
    if (wish("TCLONE_MODEL_TELL", 0) != 0) {
      std::printf("%s\n", next.text().c_str());
      std::fflush(stdout);
    }
    done.push_back(next);
    return next;
  }

  Runner runner_;
};

Operations read_script(const char* path) {
  Operations out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (const auto operation = parse_operation(line)) out.push_back(*operation);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto mapper = dm::open_device_mapper();
  if (!mapper) {
    std::fprintf(stderr, "%s\n", mapper.error().text().c_str());
    return 2;
  }
  make_files();
  Test test(**mapper, argv[1]);
  const std::uint64_t first = wish("TCLONE_MODEL_SEED", 42), count = wish("TCLONE_MODEL_OPS", 120);
  const std::uint64_t seconds = wish("TCLONE_MODEL_SECONDS", 0);
  const auto until = seconds == 0 ? Clock::time_point::max() : Clock::now() + std::chrono::seconds(seconds);
  std::optional<std::string> lost;
  std::uint64_t seed = first;
  for (;; ++seed) {
    Operations done;
    const char* script = std::getenv("TCLONE_MODEL_SCRIPT");
    const bool scripted = script != nullptr && *script != '\0';
    lost = scripted ? test.replay(read_script(script), done) : test.random(seed, count, until, done);
    if (lost) {
      std::printf("  LOST %s\n  by operation %zu of seed %llu\n", lost->c_str(), done.size(),
                  static_cast<unsigned long long>(seed));
      std::fflush(stdout);
      test.explain(done);
    }
    if (lost || scripted || seconds == 0 || Clock::now() >= until) break;
  }
  const Counts c = test.counts();
  const auto n = [](std::uint64_t v) { return static_cast<unsigned long long>(v); };
  std::printf(
      "model test: seeds %llu to %llu, %llu operations, %llu faults, %llu power cuts, %llu refusals as predicted, %llu "
      "checks, "
      "%llu MiB compared\n",
      n(first), n(seed), n(c.operations), n(c.faults), n(c.cuts), n(c.refusals), n(c.checks), n(c.pages / 256));
  return lost ? 1 : 0;
}

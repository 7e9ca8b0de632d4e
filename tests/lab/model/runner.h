// SPDX-License-Identifier: GPL-2.0-or-later
// Does operations on a real pool and holds what comes of each against the model.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tests/lab/model/contents.h"
#include "tests/lab/model/machine.h"
#include "tests/lab/model/process.h"

namespace tclone::lab::model {

struct Counts {
  std::uint64_t operations = 0;
  std::uint64_t faults = 0;    ///< those that happened: a point may lie behind the end of its command
  std::uint64_t cuts = 0;      ///< power cuts, alone or after a fault
  std::uint64_t refusals = 0;  ///< as predicted
  std::uint64_t checks = 0;    ///< whole looks at the pool
  std::uint64_t pages = 0;     ///< compared
};

class Runner {
 public:
  Runner(dm::DeviceMapper& mapper, const std::string& device)
      : dm_(mapper), machine_(mapper, device), contents_(mapper) {}

  /// Makes a fresh pool, does the operations that `next` gives until it gives none, compares everything once more, takes
  /// the pool away and looks for anything left over.
  /// \returns what was lost at which operation; nullopt when all held
  [[nodiscard]] std::optional<std::string> run(const std::function<std::optional<Operation>(const Model&)>& next);
  [[nodiscard]] Counts counts() const;
  /// Takes down what a failed run left.
  void clean_up();

 private:
  using Environment = std::vector<std::pair<std::string, std::string>>;
  struct Lost {
    std::string what;
  };

  void begin();
  void end();
  void step(const Operation& operation);
  void command(const Operation& operation, const Prediction& wanted);
  bool on_the_host(const Operation& operation, const Prediction& wanted);
  void after_a_fault(const Operation& operation, const Prediction& wanted, const Ended& ended);
  void finish_rekeys();
  void recover_from(const Operation& operation);
  void power_cut();
  void look(bool all);
  void learn_devices(const Model& before, const Model& after, const std::set<std::string>& touched);
  Ended tclone(const std::vector<std::string>& words, const Environment& env = {});
  void must(const std::vector<std::string>& words);
  void hold_true(bool truth, const std::string& what) const;
  template <class T>
  T need(Result<T> result) const {
    if (!result) throw Lost{result.error().text()};
    return std::move(*result);
  }
  void need(const Status& status) const {
    if (!status) throw Lost{status.error().text()};
  }
  [[nodiscard]] bool nearly_full(const Operation& operation) const;

  dm::DeviceMapper& dm_;
  Machine machine_;
  ContentsCheck contents_;
  Model model_;
  std::uint64_t transaction_ = 0;
  Random dice_{1};
  Counts counts_;
};

}  // namespace tclone::lab::model

// SPDX-License-Identifier: GPL-2.0-or-later
// The inside of predict(): see model.h.
#pragma once

#include <string>
#include <utility>

#include "tests/lab/model/model.h"

namespace tclone::lab::model {

/// Of what the generator writes: digits only.
[[nodiscard]] std::uint64_t number(const std::string& text);
/// "4096K" in bytes; the generator writes no other unit.
[[nodiscard]] std::uint64_t size_in_bytes(const std::string& text);

class Predictor {
 public:
  Predictor(const Model& before, const Operation& operation);
  [[nodiscard]] Prediction run();

 private:
  // One a verb: the exit status; what comes of it is done to out_.
  int create();
  int clone();
  int publish();
  int revert();
  int refresh();
  int tag();
  int untag();
  int rename();
  int remove();
  int resize();
  int activate();
  int deactivate();
  int key();
  int pool();
  int rekey();
  int write();
  int discard();
  int hold();
  int release();
  int cut();
  int nothing() { return 0; }
  int needs_pool();

  int activate_all();
  int pool_stock();
  int rekey_cancel(ModelVault& vault);
  /// Of a volume: see Model::closed.
  [[nodiscard]] bool closed(const std::string& name) const;
  int restart(const std::string& name, const Reference& to);
  int remove_version(const std::string& name, std::uint64_t number);
  int key_add(ModelVault& vault);
  int key_remove(ModelVault& vault);
  void all_down();

  [[nodiscard]] bool option(const std::string& name) const;
  [[nodiscard]] std::string value(const std::string& name, const std::string& fallback = "") const;
  [[nodiscard]] ModelVolume* volume(const std::string& name);
  [[nodiscard]] std::optional<std::uint64_t> select(const std::string& name, const std::string& selector);
  [[nodiscard]] static std::pair<std::string, std::string> split(const std::string& target);
  [[nodiscard]] std::string free_vault(const std::string& name) const;
  /// A new version of the volume; its number.
  std::uint64_t freeze(const std::string& name);
  void drop_vault_if_empty(const std::string& name);

  std::vector<std::string> words_;
  Prediction out_;
};

}  // namespace tclone::lab::model

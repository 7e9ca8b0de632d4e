// SPDX-License-Identifier: GPL-2.0-or-later
// What takes several transactions and may be left between two of them: rekey, and the vaults made ahead.
#include "tests/lab/model/predict.h"

namespace tclone::lab::model {
namespace {

constexpr int kDone = 0, kUsage = 2, kNotFound = 3, kExists = 4, kBusy = 5;

/// The slots of a header made anew: first the key that is asked, then what could be carried over.
std::vector<std::string> fresh(const ModelVault& vault, const std::string& key) {
  std::vector<std::string> out{key};
  for (const std::string& other : vault.keys) {
    if (other != vault.key && other != key) out.push_back(other);
  }
  return out;
}

}  // namespace

bool Predictor::closed(const std::string& name) const {
  const ModelVolume& v = out_.after.volumes.at(name);
  return out_.after.closed(v.vault, v.basis);
}

/// What can be; the first refusal is the result.
int Predictor::activate_all() {
  int first = kDone;
  for (const auto& [name, v] : out_.after.volumes) {
    if (closed(name)) {
      first = kExists;
    } else {
      out_.after.active.insert(name);
    }
  }
  return first;
}

int Predictor::rekey() {
  if (!out_.after.up) return kExists;
  const ModelVolume* v = volume(words_.at(1));
  if (v == nullptr) return kNotFound;
  ModelVault& vault = out_.after.vaults.at(v->vault);
  if (!vault.encrypted) return kUsage;
  if (option("--cancel")) return rekey_cancel(vault);
  if (vault.rekey.empty()) {
    if (out_.after.in_use(v->vault)) return kBusy;
    vault.fresh_keys = fresh(vault, value("--key", vault.key));
    vault.rekey = "copy";
    out_.between.push_back(out_.after);
  } else if (option("--key")) {
    return kExists;
  }
  if (vault.rekey == "copy") {
    vault.keys = vault.fresh_keys;
    vault.key = vault.keys.front();
    vault.fresh_keys.clear();
    vault.rekey = "erase";
    out_.between.push_back(out_.after);
  }
  vault.rekey.clear();
  return kDone;
}

int Predictor::rekey_cancel(ModelVault& vault) {
  if (vault.rekey.empty()) return kNotFound;
  if (vault.rekey == "erase") return kExists;
  vault.rekey.clear();
  vault.fresh_keys.clear();
  return kDone;
}

int Predictor::pool_stock() {
  if (!out_.after.up) return kExists;
  if (option("--keep")) out_.after.stock = number(value("--keep"));
  return kDone;
}

}  // namespace tclone::lab::model

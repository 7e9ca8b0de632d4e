// SPDX-License-Identifier: GPL-2.0-or-later
// What came from what, as a tree: volumes, below each its versions, below each of those its clones.
#include <map>
#include <set>

#include "engine/api/api.h"
#include "engine/core/lookup.h"

namespace tclone::engine {
namespace {

class TreeBuilder {
 public:
  /// `all` must outlive it.
  explicit TreeBuilder(const Records& all) : all_(all) {
    for (const Version& v : all.versions) versions_.emplace(std::pair(v.volume, v.number), &v);
    for (const Version& v : all.versions) clones_[v.uuid];
    for (const Volume& v : all.volumes) {
      if (const auto of = v.origin ? clones_.find(v.origin->uuid) : clones_.end(); of != clones_.end()) {
        of->second.push_back(&v);
      } else {
        roots_.push_back(&v);
      }
    }
  }

  std::vector<TreeNode> build() {
    std::vector<TreeNode> out;
    for (const Volume* v : roots_) out.push_back(volume_node(*v));
    for (const Volume& v : all_.volumes) {  // what a hand-made cycle keeps away from every root
      if (!seen_.contains(v.name)) out.push_back(volume_node(v));
    }
    return out;
  }

 private:
  TreeNode volume_node(const Volume& v) {
    TreeNode node;
    node.text = v.name;
    node.own_key = v.own_key;
    // A hand-made cycle must not hang a listing; doctor names it.
    if (!seen_.insert(v.name).second) return node;
    for (const std::uint64_t number : v.versions) node.below.push_back(version_node(v, number));
    return node;
  }

  TreeNode version_node(const Volume& of, std::uint64_t number) {
    TreeNode node;
    node.text = of.name + "@" + std::to_string(number);
    node.version = true;
    for (const auto& [tag, n] : of.tags) {
      if (n == number) node.tags.push_back(tag);
    }
    const auto version = versions_.find({of.name, number});
    if (version == versions_.end()) return node;
    for (const Volume* v : clones_[version->second->uuid]) node.below.push_back(volume_node(*v));
    return node;
  }

  const Records& all_;
  std::map<std::pair<std::string, std::uint64_t>, const Version*> versions_;
  std::map<Uuid, std::vector<const Volume*>> clones_;  ///< of each version there is
  std::vector<const Volume*> roots_;                   ///< cloned from nothing, or from what is gone
  std::set<std::string> seen_;
};

}  // namespace

Result<std::vector<TreeNode>> tree(Env& env, const std::string& pool) {
  const auto run = [&]() -> Result<std::vector<TreeNode>> {
    Session s = TC_TRY(Session::look(env, pool));
    const Records all = TC_TRY(look_at_everything(s));
    return TreeBuilder(all).build();
  };
  return attempted(run(), "tree");
}

}  // namespace tclone::engine

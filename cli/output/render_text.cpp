// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/output/render.h"
#include "cli/output/text_table.h"

namespace tclone::cli {

const char* keying(const engine::VolumeView& volume) {
  if (!volume.encrypted) return "none";
  if (!volume.record.origin) return "base";
  return volume.record.own_key ? "own" : "shared";
}

namespace text {
namespace {

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : between) + printable(part);
  return out;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }
std::string size_or_dash(const std::optional<Bytes>& size) { return size ? format_size(*size) : "-"; }

std::string percent(const engine::Usage& usage) {
  if (usage.total.n == 0) return "-";
  std::array<char, 32> text{};
  const double share = 100.0 * static_cast<double>(usage.used.n) / static_cast<double>(usage.total.n);
  std::snprintf(text.data(), text.size(), "%.1f %%", share);
  return text.data();
}

std::string used_of(const engine::Usage& usage) {
  return format_size(usage.used) + " of " + format_size(usage.total) + " (" + percent(usage) + ")";
}

std::string tags_of(const std::map<std::string, std::uint64_t>& tags) {
  std::string out;
  for (const auto& [tag, number] : tags) out += (out.empty() ? "" : ", ") + tag + " = " + std::to_string(number);
  return out;
}

std::string key_text(const KeySource& key) {
  if (key.generated()) return "file made by tclone";
  return printable(key.reference.empty() ? key.kind : key.kind + ":" + key.reference);
}

std::string vault_state(const engine::VaultView& vault) { return or_dash(printable(vault.health)); }

void draw(std::string& out, const std::vector<engine::TreeNode>& nodes, const std::string& margin) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const engine::TreeNode& node = nodes[i];
    const bool last = i + 1 == nodes.size();
    out += margin + (last ? "└─ " : "├─ ") + printable(node.text);
    if (!node.tags.empty()) out += " (" + joined(node.tags, ", ") + ")";
    if (!node.version) out += node.own_key ? " [own key]" : " [shared key]";
    out += "\n";
    draw(out, node.below, margin + (last ? "   " : "│  "));
  }
}

void volume_lines(TextTable& table, const engine::VolumeView& view) {
  const Volume& v = view.record;
  table.row({"volume", v.name});
  table.row({"uuid", v.uuid.text()});
  table.row({"size", format_size(v.size)});
  table.row({"filesystem", to_text(v.fs)});
  table.row({"created", rfc3339(v.created)});
  table.row({"cloned from", v.origin ? v.origin->text() : "-"});
  table.row({"key", std::string(keying(view)) + (view.encrypted ? ", " + key_text(view.key) : "")});
  if (!v.follows.empty()) table.row({"follows", v.follows});
  table.row({"versions", std::to_string(v.versions.size())});
  table.row({"tags", or_dash(tags_of(v.tags))});
  table.row({"device", printable(view.device) + (view.active ? "" : " (not active)")});
  table.row({"mounted", or_dash(joined(view.mounts, ", "))});
  table.row({"holds", size_or_dash(view.mapped)});
  if (view.exclusive) table.row({"holds alone", format_size(*view.exclusive)});
}

void version_lines(TextTable& table, const engine::VersionView& view) {
  const Version& v = view.record;
  table.row({"version", v.ref().text()});
  table.row({"uuid", v.uuid.text()});
  table.row({"size", format_size(v.size)});
  table.row({"filesystem", to_text(v.fs)});
  table.row({"published", rfc3339(v.time)});
  table.row({"tags", or_dash(joined(view.tags, ", "))});
  table.row({"message", or_dash(printable(v.message))});
  table.row({"clones", or_dash(joined(view.clones, ", "))});
  table.row({"device", printable(view.device) + (view.active ? "" : " (not active)")});
}

void vault_lines(TextTable& table, const engine::VaultView& view) {
  const Vault& v = view.record;
  table.row({"vault", v.name + " (" + vault_state(view) + ")"});
  table.row({"encrypted", v.encrypted ? v.header.cipher + "-" + v.header.mode + ", key of " +
                                            std::to_string(v.header.key_bits) + " bits"
                                      : "no"});
  table.row({"vault data", view.data ? used_of(*view.data) : "-"});
  table.row({"vault metadata", view.metadata ? used_of(*view.metadata) : "-"});
  table.row({"taken from the pool", size_or_dash(view.allocated)});
}

}  // namespace

std::string pools(const std::vector<engine::PoolSummary>& pools) {
  TextTable table({"NAME", "STATE", "PATHS", "TROUBLE"});
  for (const auto& pool : pools)
    table.row({pool.name, pool.active ? "active" : "inactive", joined(pool.paths, " "), printable(pool.trouble)});
  return table.text();
}

std::string pool(const engine::PoolView& view) {
  TextTable facts;
  facts.row({"pool", view.summary.name + " (" + (view.summary.active ? "active" : "inactive") + ")"});
  facts.row({"uuid", view.summary.uuid.text()});
  facts.row({"paths", or_dash(joined(view.summary.paths, " "))});
  if (!view.summary.trouble.empty()) facts.row({"trouble", printable(view.summary.trouble)});
  if (!view.under_way.empty()) facts.row({"under way", printable(view.under_way)});
  if (!view.unfinished.empty()) facts.row({"unfinished", printable(view.unfinished) + "; run tclone recover"});
  if (!view.summary.active) return facts.text();
  facts.row({"health", or_dash(printable(view.health))});
  facts.row({"data", used_of(view.data)});
  facts.row({"metadata", used_of(view.metadata)});
  facts.row({"free", format_size(view.free) + (view.below_reserve ? ", below the reserve of " : ", reserve ") +
                         format_size(view.reserve)});
  facts.row({"when full", view.record.when_full == WhenFull::error ? "writes fail" : "writes wait"});
  facts.row({"volumes", std::to_string(view.volumes.size())});
  const auto ahead =
      std::count_if(view.vaults.begin(), view.vaults.end(), [](const auto& v) { return v.record.stock; });
  if (ahead > 0 || view.record.stock > 0) {
    facts.row({"stock", std::to_string(ahead) + " of " + std::to_string(view.record.stock) + " vaults made ahead"});
  }
  std::string out = facts.text();
  if (view.vaults.empty()) return out;

  TextTable vaults({"VAULT", "STATE", "VOLUMES", "VERSIONS", "CAPACITY", "USED", "FROM POOL"});
  for (const std::size_t column : {2U, 3U, 4U, 5U, 6U}) vaults.align(column, TextTable::Align::right);
  for (const engine::VaultView& vault : view.vaults) {
    vaults.row({vault.record.name, vault_state(vault), std::to_string(vault.record.volumes),
                std::to_string(vault.record.versions), format_size(vault.record.capacity),
                vault.data ? percent(*vault.data) : "-", size_or_dash(vault.allocated)});
  }
  return out + "\n" + vaults.text();
}

std::string volumes(const std::vector<engine::VolumeView>& volumes) {
  TextTable table({"NAME", "SIZE", "CLONED FROM", "KEY", "VERSIONS", "STATE", "HOLDS", "MOUNTED"});
  for (const std::size_t column : {1U, 4U, 6U}) table.align(column, TextTable::Align::right);
  for (const engine::VolumeView& view : volumes) {
    const Volume& v = view.record;
    table.row({v.name, format_size(v.size), v.origin ? v.origin->text() : "-", keying(view),
               std::to_string(v.versions.size()), view.active ? "active" : "inactive", size_or_dash(view.mapped),
               or_dash(joined(view.mounts, ", "))});
  }
  return table.text();
}

std::string tree(const std::vector<engine::TreeNode>& nodes) {
  std::string out;
  for (const engine::TreeNode& root : nodes) {
    out += printable(root.text) + (root.tags.empty() ? "" : " (" + joined(root.tags, ", ") + ")") + "\n";
    draw(out, root.below, "");
  }
  return out;
}

std::string versions(const std::vector<engine::VersionView>& versions) {
  TextTable table;
  table.align(2, TextTable::Align::right);
  for (const engine::VersionView& view : versions) {
    table.row({view.record.ref().text(), rfc3339(view.record.time), format_size(view.record.size),
               view.tags.empty() ? "" : "(" + joined(view.tags, ", ") + ")", printable(view.record.message)});
  }
  return table.text();
}

std::string details(const engine::Shown& shown) {
  TextTable table;
  if (shown.volume) volume_lines(table, *shown.volume);
  if (shown.version) version_lines(table, *shown.version);
  vault_lines(table, shown.vault);
  return table.text();
}

std::string findings(const std::vector<engine::Finding>& findings) {
  if (findings.empty()) return "nothing is wrong\n";
  std::string out;
  for (const engine::Finding& one : findings) {
    if (!out.empty()) out += "\n";
    out += (one.serious ? "wrong:  " : "advice: ") + printable(one.what) + "\n";
    if (!one.consequence.empty()) out += "  means:   " + printable(one.consequence) + "\n";
    if (!one.mend.empty()) out += "  to mend: " + printable(one.mend) + "\n";
  }
  return out;
}

std::string keys(const engine::KeyList& keys) {
  TextTable table({"SLOT", "KDF", "SOURCE"});
  for (const engine::KeySlotView& slot : keys.slots) {
    std::string sources;
    for (const KeySource& source : slot.sources) {
      sources += (sources.empty() ? "" : ", ") + key_text(source) + (source == keys.used ? " (asked by activate)" : "");
    }
    table.row({std::to_string(slot.slot), slot.kdf, sources.empty() ? "not made by tclone" : sources});
  }
  return table.text();
}

std::string plan(const engine::Outcome& outcome) {
  TextTable table;
  table.align(0, TextTable::Align::right);
  std::size_t number = 0;
  for (const engine::StepTime& step : outcome.steps) table.row({std::to_string(++number), printable(step.text)});
  return outcome.steps.empty() ? "nothing to do\n" : table.text();
}

std::string confirmation(const engine::Outcome& outcome) {
  return printable(outcome.operation) + (outcome.changed ? ": done\n" : ": nothing to do\n");
}

std::string timings(const engine::Outcome& outcome, double altogether_ms) {
  TextTable table;
  table.align(0, TextTable::Align::right);
  const auto row = [&table](double took, const std::string& what) {
    std::array<char, 32> ms{};
    std::snprintf(ms.data(), ms.size(), "%.2f ms", took);
    table.row({ms.data(), what});
  };
  for (const engine::StepTime& step : outcome.steps) row(step.ms, printable(step.text));
  row(altogether_ms, "altogether");
  return table.text("  ");
}

}  // namespace text
}  // namespace tclone::cli

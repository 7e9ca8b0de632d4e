// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/records.h"

#include "state/fields.h"
#include "state/reader.h"
#include "state/writer.h"

namespace tclone::state {
namespace {

constexpr std::string_view kEnd = "# end";

/// That of the pool's record says how its journal is kept: since 2 in a ring, which a tclone that only looks for journal.toml
/// would take for no journal. A pool of format 1 becomes one of format 2 with its next operation.
std::int64_t format_of(const std::string& file) { return file == kPoolFile ? kPoolFormat : kFormat; }

template <class Fields>
Result<std::string> write_file(const std::string& file, const std::string& what, Fields fields) {
  Writer::Sink sink{file, {}, {}};
  sink.out.reserve(2048);
  sink.out = "# " + what + ", see tclone-state(5)\nformat = " + std::to_string(format_of(file)) + "\n";
  Writer writer(sink);
  fields(writer);
  if (!sink.status) return tl::unexpected(sink.status.error());
  sink.out.append(kEnd).append("\n");
  return std::move(sink.out);
}

bool has_end(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return false;
  text = text.substr(0, last + 1);
  return text.ends_with(kEnd) && text.size() > kEnd.size() && text[text.size() - kEnd.size() - 1] == '\n';
}

std::string last_line(const std::string& file, std::string_view text) {
  return file + ":" + std::to_string(1 + std::count(text.begin(), text.end(), '\n'));
}

/// The format comes before everything else: of a newer file nothing further is understood.
Status check_format(const std::string& file, const Node& root) {
  const auto bad = [&](unsigned line, const std::string& why, const char* next) {
    return fail(Code::damaged, file + ":" + std::to_string(line), "format: " + why, next);
  };
  for (const Node& item : root.items) {
    if (item.key != "format") continue;
    if (item.kind != Node::Kind::integer) return bad(item.line, "must be an integer", "");
    if (item.integer > format_of(file))
      return bad(item.line, "is " + std::to_string(item.integer) + ", written by a newer tclone",
                 "update tclone on this host");
    if (item.integer < kFormat) return bad(item.line, "must be " + std::to_string(format_of(file)), "");
    return {};
  }
  return bad(1, "is missing", "tclone doctor tells what can be done");
}

template <class Record, class Fields>
Result<Record> read_file(const std::string& file, std::string_view text, Fields fields) {
  constexpr const char* kCutShort = "is cut short: its last line is not \"# end\"";
  Result<Node> root = parse_toml(file, text);
  if (!root) {
    if (!has_end(text)) root.error().why = std::string(kCutShort) + " (" + root.error().why + ")";
    return tl::unexpected(std::move(root).error());
  }
  TC_CHECK(check_format(file, *root));
  if (!has_end(text)) return fail(Code::damaged, last_line(file, text), kCutShort);
  std::erase_if(root->items, [](const Node& item) { return item.key == "format"; });
  Reader::Source source{file, {}};
  Reader reader(source, *root);
  Record record;
  fields(reader, record);
  reader.finish();
  if (!source.status) return tl::unexpected(std::move(source.status).error());
  return record;
}

}  // namespace

std::string vault_file(std::string_view name) { return "vaults/" + std::string(name) + ".toml"; }
std::string volume_file(std::string_view name) { return "volumes/" + std::string(name) + ".toml"; }
std::string version_file(std::string_view volume, std::uint64_t number) {
  return "versions/" + std::string(volume) + "@" + std::to_string(number) + ".toml";
}

Result<std::string> encode(const PoolRecord& pool) {
  return write_file(kPoolFile, "tclone pool " + pool.name, [&](Writer& io) { pool_fields(io, pool); });
}
Result<std::string> encode(const Vault& vault) {
  return write_file(vault_file(vault.name), "tclone vault " + vault.name, [&](Writer& io) { vault_fields(io, vault); });
}
Result<std::string> encode(const Volume& volume) {
  return write_file(volume_file(volume.name), "tclone volume " + volume.name,
                    [&](Writer& io) { volume_fields(io, volume); });
}
Result<std::string> encode(const Version& version) {
  return write_file(version_file(version.volume, version.number), "tclone version " + version.ref().text(),
                    [&](Writer& io) { version_fields(io, version); });
}
Result<std::string> encode(const Journal& journal) {
  return write_file(kJournalFile, "tclone operation under way", [&](Writer& io) { journal_fields(io, journal); });
}

Status check(const RecordChange& change) {
  TC_TRY(write_file("change", "change", [&](Writer& io) { change_fields(io, change); }));
  return {};
}

Result<PoolRecord> decode_pool(std::string_view text) {
  return read_file<PoolRecord>(kPoolFile, text, [](Reader& io, PoolRecord& pool) { pool_fields(io, pool); });
}
Result<Vault> decode_vault(const std::string& name, std::string_view text) {
  return read_file<Vault>(vault_file(name), text, [&](Reader& io, Vault& vault) {
    vault_fields(io, vault);
    io.require(vault.name == name, "name", "differs from the name of the file");
  });
}
Result<Volume> decode_volume(const std::string& name, std::string_view text) {
  return read_file<Volume>(volume_file(name), text, [&](Reader& io, Volume& volume) {
    volume_fields(io, volume);
    io.require(volume.name == name, "name", "differs from the name of the file");
  });
}
Result<Version> decode_version(const std::string& volume, std::uint64_t number, std::string_view text) {
  return read_file<Version>(version_file(volume, number), text, [&](Reader& io, Version& version) {
    version_fields(io, version);
    io.require(version.volume == volume, "volume", "differs from the name of the file");
    io.require(version.number == number, "number", "differs from the name of the file");
  });
}
Result<Journal> decode_journal(std::string_view text) {
  return read_file<Journal>(kJournalFile, text, [](Reader& io, Journal& journal) { journal_fields(io, journal); });
}

}  // namespace tclone::state

// SPDX-License-Identifier: GPL-2.0-or-later
// The command line as a table: the parser, the help, the completions and tclone(1) are all made from it, so that
// none of them can say something that another does not. A command that is not here does not exist.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tclone::cli {

enum class Id : std::uint8_t {
  pool_create,
  pool_list,
  pool_status,
  pool_activate,
  pool_deactivate,
  pool_import,
  pool_export,
  pool_destroy,
  pool_grow,
  pool_check,
  pool_repair,
  pool_stock,
  create,
  clone,
  publish,
  revert,
  refresh,
  list,
  tree,
  log,
  show,
  status,
  tag,
  untag,
  rename,
  rm,
  resize,
  activate,
  deactivate,
  mount,
  umount,
  path,
  key_add,
  key_rm,
  key_list,
  key_test,
  key_backup,
  key_restore,
  rekey,
  recover,
  doctor,
  policy_check,
  policy_list,
  policy_show,
  completion,
  version,
  names,
  man,  // hidden
};
constexpr std::size_t kCommands = static_cast<std::size_t>(Id::man) + 1;

/// What a word on the command line stands for: decides how it is completed.
enum class Kind : std::uint8_t {
  flag,   ///< an option without a value
  pool,   ///< an existing pool
  fresh,  ///< a name that does not exist yet
  volume,
  version,  ///< "db@3" or "db@stable"
  target,   ///< a volume or a version
  place,    ///< a volume or a folder
  file,
  dir,
  device,  ///< a block device or a file
  size,
  tag,     ///< a tag or a version number
  policy,  ///< a policy of this host
  key,     ///< a key source
  choice,  ///< one of `choices`
  number,
  text,
};

struct Positional {
  std::string_view name = {};  ///< as in the help: "NAME"
  Kind kind = Kind::text;
  std::string_view help = {};
  bool required = true;
  bool many = false;              ///< one or more; only the last may be
  std::string_view choices = {};  ///< separated by spaces
};

struct Option {
  std::string_view name = {};  ///< long form without dashes
  char letter = 0;             ///< short form, or 0
  Kind kind = Kind::flag;
  std::string_view value = {};  ///< as in the help: "SIZE"; empty for a flag
  std::string_view help = {};
  bool many = false;  ///< may be given several times
  std::string_view choices = {};
};

enum class Effect : std::uint8_t { none, looks, changes };

struct Command {
  Id id = Id::version;
  std::string_view words = {};        ///< "pool create"
  std::string_view summary = {};      ///< one line, no full stop
  std::string_view description = {};  ///< paragraphs separated by an empty line
  std::vector<Positional> positionals = {};
  std::vector<Option> options = {};  ///< its own; global_options() come on top
  Effect effect = Effect::changes;   ///< none: touches no pool and needs no root
  std::string_view shape = {};       ///< of --json, see shapes(); empty: no --json
  std::string_view exits = {};       ///< what its exit codes mean beyond the common ones; may be empty
  std::vector<std::string_view> examples = {};
  bool hidden = false;
};

/// In the order of the help, hidden ones last; the position of each is its Id.
[[nodiscard]] const std::vector<Command>& commands();
[[nodiscard]] const Command& command(Id id);
/// Those parts of the table that a command begun by one of these words can be in. Building all of it would be a sixth of
/// what `tclone version` does altogether.
[[nodiscard]] std::vector<const Command*> commands_with(const std::vector<std::string>& words);
/// A first word that several commands share.
struct CommandGroup {
  std::string_view word, summary;
};
[[nodiscard]] const std::vector<CommandGroup>& command_groups();
/// Accepted before and after every command.
[[nodiscard]] const std::vector<Option>& global_options();
/// Whether the option is there for this command: --dry-run and --timings only where something changes.
[[nodiscard]] bool applies(const Option& global, const Command& command);

/// "create NAME [OPTIONS]" as the usage line shows it, without the program's name.
[[nodiscard]] std::string synopsis(const Command& command);
/// "-m, --message TEXT"
[[nodiscard]] std::string spelling(const Option& option);
/// The words, as parts of `spaced`.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view spaced);
std::vector<std::string_view> words_of(std::string&& dangling) = delete;

struct ExitCode {
  int code;
  std::string_view meaning;
};
[[nodiscard]] const std::vector<ExitCode>& exit_codes();

/// One kind of JSON object: its fields, one "name: meaning" each.
struct Shape {
  std::string_view name;
  std::string_view text;
  std::vector<std::string_view> fields;
};
[[nodiscard]] const std::vector<Shape>& shapes();

// Parts of the table, one file each.
void add_pool_commands(std::vector<Command>& out);
void add_volume_commands(std::vector<Command>& out);
void add_look_commands(std::vector<Command>& out);
void add_key_commands(std::vector<Command>& out);
void add_care_commands(std::vector<Command>& out);
void add_policy_commands(std::vector<Command>& out);
void add_other_commands(std::vector<Command>& out);
void add_use_commands(std::vector<Command>& out);

}  // namespace tclone::cli

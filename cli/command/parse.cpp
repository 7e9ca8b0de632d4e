// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/parse.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "base/nearest.h"
#include "cli/command/cli11.h"
#include "cli/output/help.h"

namespace tclone::cli {
namespace {

/// A CLI11 app for the table, with those commands and options in it that the words on the line may mean: building all of
/// them would cost more than most commands do. CLI11 takes any other word for one that it does not know, as it should.
class Builder {
 public:
  explicit Builder(const std::vector<std::string>& args) : args_(args), app_("tclone") {
    app_.set_help_flag();
    add_globals();
    app_.require_subcommand(1);
    app_.fallthrough();
    for (const Command* command : commands_with(args)) add(*command);
  }

  Result<Parsed> run(const Environment& env);

 private:
  struct Slot {
    CLI::App* app = nullptr;
    const Command* command = nullptr;
  };

  void add_globals() {
    for (const Option& option : global_options()) {
      if (!asked(option)) continue;
      const std::string flags = names(option);
      if (option.kind == Kind::flag) {
        app_.add_flag(flags)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      } else {
        app_.add_option(flags)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      }
    }
  }

  static std::string names(const Option& option) {
    std::string out = "--" + std::string(option.name);
    if (option.letter != 0) out = std::string("-") + option.letter + "," + out;
    return out;
  }

  CLI::App* child(CLI::App& parent, std::string_view word) {
    CLI::App* app = parent.add_subcommand(std::string(word));
    app->set_help_flag();
    app->fallthrough();
    return app;
  }

  bool asked(std::string_view word) const { return std::find(args_.begin(), args_.end(), word) != args_.end(); }

  bool asked(const Option& option) const {
    return std::any_of(args_.begin(), args_.end(), [&](std::string_view word) {
      if (word.starts_with("--")) return word.substr(2, word.find('=') - 2) == option.name;
      return word.starts_with('-') && option.letter != 0 && word.find(option.letter) != std::string_view::npos;
    });
  }

  /// What was given for it; nothing when it is not on the line.
  static std::vector<std::string> given(const CLI::App& app, std::string_view option) {
    const CLI::Option* found = app.get_option_no_throw("--" + std::string(option));
    return found == nullptr ? std::vector<std::string>() : found->results();
  }

  void add(const Command& command) {
    if (!asked(command.words.substr(0, command.words.find(' ')))) return;
    const auto words = words_of(command.words);
    CLI::App* parent = &app_;
    if (words.size() == 2) {
      CLI::App*& group = groups_[words.front()];
      if (group == nullptr) {
        group = child(app_, words.front());
        group->require_subcommand(1);
      }
      parent = group;
      if (!asked(words.back())) return;
    }
    CLI::App* app = child(*parent, words.back());
    slots_.push_back({app, &command});
    for (const Option& option : command.options) {
      if (!asked(option)) continue;
      if (option.kind == Kind::flag) {
        app->add_flag(names(option));
      } else {
        CLI::Option* added = app->add_option(names(option))->expected(1);
        added->allow_extra_args(false);
        added->multi_option_policy(option.many ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::Throw);
      }
    }
    for (const Positional& p : command.positionals) {
      CLI::Option* added = app->add_option(std::string(p.name));
      if (!p.many) continue;
      added->expected(p.required ? 1 : 0, CLI::detail::expected_max_vector_size)->allow_extra_args();
      added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }

  const Slot* chosen() const {
    for (const Slot& slot : slots_)
      if (slot.app->parsed()) return &slot;
    return nullptr;
  }

  static Status take(const Option& option, std::vector<std::string> values, Invocation& out);
  Status take_globals(const Command& command, const Environment& env, Globals& out) const;

  const std::vector<std::string>& args_;
  CLI::App app_;
  /// The word of the group that was asked for, or "".
  std::string group() const {
    for (const auto& [word, app] : groups_)
      if (app->parsed()) return std::string(word);
    return {};
  }

  std::map<std::string_view, CLI::App*> groups_;
  std::vector<Slot> slots_;
};

/// `typed` is the word that is wrong, and `known` what may stand in its place.
tl::unexpected<Error> misuse(const std::string& words, std::string_view why, std::string_view typed = {},
                             const std::vector<std::string>& known = {}) {
  const std::string help = words.empty() ? "see tclone --help" : "see tclone " + words + " --help";
  return fail(Code::usage, "", why, did_you_mean(typed, known, help));
}

/// The first words of all commands, or the second ones of a group's.
std::vector<std::string> known_commands(std::string_view group) {
  std::vector<std::string> known;
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    const auto words = words_of(command.words);
    if (!group.empty() && (words.size() < 2 || words.front() != group)) continue;
    known.emplace_back(group.empty() ? words.front() : words.back());
  }
  return known;
}

std::vector<std::string> known_options(const Command& command) {
  std::vector<std::string> known;
  for (const Option& option : command.options) known.push_back("--" + std::string(option.name));
  for (const Option& option : global_options())
    if (applies(option, command)) known.push_back("--" + std::string(option.name));
  return known;
}

/// The first of the words that looks like an option, without its value; "" when none does.
std::string first_option(const std::vector<std::string>& words) {
  const auto found = std::find_if(words.begin(), words.end(), [](const auto& word) { return word.starts_with("--"); });
  return found == words.end() ? std::string() : found->substr(0, found->find('='));
}

Status check_choice(std::string_view words, std::string_view what, std::string_view choices, const std::string& value) {
  const auto known = words_of(choices);
  if (choices.empty() || std::find(known.begin(), known.end(), value) != known.end()) return {};
  std::string list;
  for (const std::string_view one : known) list.append(list.empty() ? "" : ", ").append(one);
  return misuse(std::string(words), std::string(what) + ": '" + value + "' is none of " + list);
}

Status Builder::take(const Option& option, std::vector<std::string> values, Invocation& out) {
  if (values.empty()) return {};
  for (const std::string& value : values) {
    TC_CHECK(check_choice(out.command().words, "--" + std::string(option.name), option.choices, value));
    if (value.empty() && option.kind != Kind::text)
      return misuse(std::string(out.command().words), "--" + std::string(option.name) + ": the value is empty");
  }
  out.put(option.name, std::move(values));
  return {};
}

Result<log::Level> level_of(const std::string& text) {
  if (text.empty() || text == "warn") return log::Level::warn;
  if (text == "debug") return log::Level::debug;
  if (text == "info") return log::Level::info;
  if (text == "error") return log::Level::error;
  return fail(Code::usage, "TCLONE_LOG", "'" + text + "' is none of debug, info, warn, error");
}

Status Builder::take_globals(const Command& command, const Environment& env, Globals& out) const {
  const std::string words(command.words);
  for (const Option& option : global_options()) {
    if (!given(app_, option.name).empty() && !applies(option, command))
      return misuse(words, "--" + std::string(option.name) + " means nothing here");
  }
  const auto has = [&](const char* name) { return !given(app_, name).empty(); };
  out.json = has("json");
  out.dry_run = has("dry-run");
  out.quiet = has("quiet");
  out.timings = has("timings");
  out.verbose = static_cast<int>(given(app_, "verbose").size());
  out.pool = has("pool") ? given(app_, "pool").back() : env("TCLONE_POOL");
  if (has("pool") && out.pool.empty()) return misuse(words, "--pool: the value is empty");
  out.level = TC_TRY(level_of(env("TCLONE_LOG")));
  if (out.verbose == 1) out.level = std::min(out.level, log::Level::info);
  if (out.verbose > 1) out.level = log::Level::debug;
  if (has("lock-timeout")) {
    const std::string text = given(app_, "lock-timeout").back();
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || seconds > 86400)
      return misuse(words, "--lock-timeout: '" + text + "' is no number of seconds from 0 to 86400");
    out.lock_timeout = std::chrono::seconds(seconds);
  }
  return {};
}

/// CLI11 tells a word too many, an option that it does not know and so on; its texts are kept, its line breaks not.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

/// "--size: 1 required  missing" and "--size: At Most 1 required but received 2" in words.
std::string mismatch(const std::string& text) {
  const std::string option = text.substr(0, text.find(':'));
  if (text.find("At Most") != std::string::npos) return option + ": it is given more than once";
  if (text.ends_with(" missing")) return option + ": its value is missing";
  return one_line(text);
}

Result<Parsed> Builder::run(const Environment& env) {
  std::string trouble;
  try {
    app_.parse(std::vector<std::string>(args_.rbegin(), args_.rend()));
  } catch (const CLI::RequiredError&) {
    // Nothing but the command itself is required of CLI11: what is missing behind it is told below.
  } catch (const CLI::ArgumentMismatch& error) {
    trouble = mismatch(error.what());
  } catch (const CLI::ParseError& error) {
    trouble = one_line(error.what());
  }
  const Slot* slot = chosen();
  const std::string in_group = group();
  // Asking for help is right whatever else is wrong or missing, except behind "--" or as the value of an option.
  if (!given(app_, "help").empty()) {
    if (slot != nullptr) return Parsed{Help{command_help(*slot->command)}};
    return Parsed{Help{in_group.empty() ? program_help() : group_help(in_group)}};
  }
  if (slot == nullptr) {
    const std::vector<std::string> unknown = app_.remaining(true);
    if (trouble.empty()) trouble = unknown.empty() ? "no command was given" : "no command is called " + unknown.front();
    return misuse(in_group, trouble, unknown.empty() ? "" : unknown.front(), known_commands(in_group));
  }
  const Command& command = *slot->command;
  if (!trouble.empty()) {
    return misuse(std::string(command.words), trouble, first_option(app_.remaining(true)), known_options(command));
  }

  Invocation out(command);
  TC_CHECK(take_globals(command, env, out.globals));
  for (const Option& option : command.options) TC_CHECK(take(option, given(*slot->app, option.name), out));
  for (const Positional& p : command.positionals) {
    std::vector<std::string> values = slot->app->get_option(std::string(p.name))->results();
    if (values.empty() && p.required) return misuse(std::string(command.words), std::string(p.name) + " is missing");
    for (const std::string& value : values) {
      if (value.empty()) return misuse(std::string(command.words), std::string(p.name) + " is empty");
      TC_CHECK(check_choice(command.words, p.name, p.choices, value));
    }
    if (!values.empty()) out.put(p.name, std::move(values));
  }
  return Parsed{std::move(out)};
}

}  // namespace

Result<Parsed> parse(const std::vector<std::string>& args, const Environment& env) {
  try {
    return Builder(args).run(env);
  } catch (const CLI::Error& error) {
    return fail(Code::failed, "command line", one_line(error.what()), "this is a mistake in tclone: please report it");
  }
}

}  // namespace tclone::cli

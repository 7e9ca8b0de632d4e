// SPDX-License-Identifier: GPL-2.0-or-later
#include <fstream>

#include "cli/command/parse.h"
#include "cli/command/request.h"
#include "cli/output/help.h"
#include "unit/catch.h"
#include "unit/cli/golden.h"

using namespace tclone;
using namespace tclone::cli;

namespace {

/// A shell's splitting, as far as the examples need it: blanks and single quotes.
std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> out;
  bool open = false;
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      open = false;
    } else {
      if (!open) out.emplace_back();
      open = true;
      out.back() += c;
    }
  }
  return out;
}

std::string none(const char*) { return {}; }

Result<Parsed> parse_line(std::string_view line, const Environment& env = none) {
  std::vector<std::string> words = split(line);
  if (!words.empty() && words.front() == "tclone") words.erase(words.begin());
  return parse(words, env);
}

Invocation call(std::string_view line) {
  INFO(line);
  auto parsed = parse_line(line);
  if (!parsed) FAIL(parsed.error().text());
  REQUIRE(std::holds_alternative<Invocation>(*parsed));
  return std::get<Invocation>(std::move(*parsed));
}

void check_misuse(std::string_view line) {
  INFO(line);
  const auto parsed = parse_line(line);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == Code::usage);
  CHECK(parsed.error().next.find("--help") != std::string::npos);
}

}  // namespace

TEST_CASE("every command is in the table at its place and parses its examples") {
  REQUIRE(commands().size() == kCommands);
  for (std::size_t i = 0; i < kCommands; ++i) {
    const Command& command = commands()[i];
    INFO(command.words);
    CHECK(static_cast<std::size_t>(command.id) == i);
    CHECK(command.hidden == (command.words.substr(0, 2) == "__"));
    REQUIRE_FALSE(command.examples.empty());
    for (const std::string_view example : command.examples) CHECK(call(example).command().id == command.id);
  }
}

TEST_CASE("every example gives a request that the engine may be asked") {
  for (const Command& command : commands()) {
    for (const std::string_view example : command.examples) {
      INFO(example);
      const Invocation c = call(example);
      switch (command.id) {
        case Id::pool_create: CHECK(request::pool_create(c)); break;
        case Id::pool_activate: CHECK(request::pool_activate(c).volumes); break;
        case Id::pool_import: CHECK_FALSE(request::pool_import(c).paths.empty()); break;
        case Id::create: CHECK(request::create(c)); break;
        case Id::clone: CHECK(request::clone(c)); break;
        case Id::publish: CHECK_FALSE(request::publish(c).names.empty()); break;
        case Id::revert:
        case Id::refresh: CHECK_FALSE(request::restart(c).name.empty()); break;
        case Id::activate:
        case Id::deactivate: CHECK(request::activation(c)); break;
        case Id::mount: CHECK_FALSE(request::mount(c).name.empty()); break;
        case Id::resize: CHECK(request::new_size(c)); break;
        default: break;
      }
    }
  }
}

TEST_CASE("global options are understood before and after the command") {
  for (const char* line : {"-p fast --json list", "list -p fast --json", "--json list --pool=fast"}) {
    const Invocation c = call(line);
    CHECK(c.globals.pool == "fast");
    CHECK(c.globals.json);
  }
  const Invocation c = call("--dry-run pool -q create --timings test --lock-timeout 5 -vv");
  CHECK(c.command().id == Id::pool_create);
  CHECK(c.globals.dry_run);
  CHECK(c.globals.quiet);
  CHECK(c.globals.timings);
  CHECK(c.globals.lock_timeout == std::chrono::seconds(5));
  CHECK(c.globals.level == log::Level::debug);
}

TEST_CASE("the environment gives way to options") {
  const Environment env = [](const char* name) {
    return std::string(name) == "TCLONE_POOL" ? "fast" : std::string(name) == "TCLONE_LOG" ? "error" : "";
  };
  const auto plain = parse_line("list", env);
  CHECK(std::get<Invocation>(*plain).globals.pool == "fast");
  CHECK(std::get<Invocation>(*plain).globals.level == log::Level::error);
  const auto given = parse_line("list -p other -v", env);
  CHECK(std::get<Invocation>(*given).globals.pool == "other");
  CHECK(std::get<Invocation>(*given).globals.level == log::Level::info);
  const auto wrong = parse_line("list", [](const char*) { return std::string("loud"); });
  CHECK(wrong.error().code == Code::usage);
  // An empty value is a script's mistake, and must not mean whatever pool there is.
  CHECK(parse_line("list --pool=", env).error().code == Code::usage);
}

TEST_CASE("whoever waits for a pool's lock can be told for how long") {
  CHECK(std::get<Invocation>(*parse_line("pool check --lock-timeout 5")).globals.lock_timeout ==
        std::chrono::seconds(5));
}

TEST_CASE("wrong usage is refused") {
  for (const char* line : {"",
                           "nonsense",
                           "pool",
                           "pool nonsense",
                           "create",
                           "create db extra --size 1G",
                           "create db --size",
                           "create db --what",
                           "mount a b c",
                           "create db --fs btrfs --size 1G",
                           "create db --size 1G --size 2G",
                           "list --dry-run",
                           "list extra",
                           "version --pool x",
                           "completion tcsh",
                           "completion bash --json",
                           "log",
                           "rename a",
                           "clone db",
                           "publish",
                           "create '' --size 1G",
                           "list --lock-timeout 5",
                           "rm db --lock-timeout soon",
                           "create db --size ''"})
    check_misuse(line);
}

TEST_CASE("an option without its value, or given twice, is told of in words") {
  const auto why = [](const char* line) { return parse_line(line).error().why; };
  CHECK(why("create db --size") == "--size: its value is missing");
  CHECK(why("publish db -m") == "--message: its value is missing");
  CHECK(why("create db --size 1G --size 2G") == "--size: it is given more than once");
}

TEST_CASE("names may be words that are commands as well") {
  CHECK(call("create list --size 1G").one("NAME") == "list");
  CHECK(call("pool create list").one("NAME") == "list");
  CHECK(call("clone pool create").one("NAME") == "create");
  CHECK(call("publish pool list version").all("NAME").size() == 3);
}

TEST_CASE("a value may begin with a dash and an option may be repeated where it says so") {
  const Invocation c = call("publish db -m '-1 % faster' --tag a --tag b files");
  CHECK(c.one("message") == "-1 % faster");
  CHECK(c.all("tag") == std::vector<std::string>{"a", "b"});
  CHECK(c.all("NAME") == std::vector<std::string>{"db", "files"});
}

TEST_CASE("a first word with a slash is a device and not the name of a pool") {
  const auto devices = request::pool_create(call("pool create /dev/sdb /dev/sdc"));
  CHECK(devices->name == "default");
  CHECK(devices->devices == std::vector<std::string>{"/dev/sdb", "/dev/sdc"});
  const auto both = request::pool_create(call("pool create fast /dev/sdb --sector-size 512 --when-full error"));
  CHECK(both->name == "fast");
  CHECK(both->sector_size == 512);
  CHECK(both->when_full == WhenFull::error);
  CHECK_FALSE(request::pool_create(call("pool create /dev/sdb --size 1G")));
}

TEST_CASE("options that exclude each other are refused before the engine is asked") {
  CHECK_FALSE(request::create(call("create db")));
  CHECK_FALSE(request::create(call("create db --size 1G --plain --key prompt")));
  CHECK_FALSE(request::create(call("create db --from x.img --fs xfs")));
  CHECK(request::create(call("create db --from x.img")));
  CHECK_FALSE(request::clone(call("clone db web1 --shared-key --key prompt")));
  CHECK_FALSE(request::clone(call("clone db web1 --shared-key --vault v")));
  CHECK_FALSE(request::activation(call("activate")));
  CHECK_FALSE(request::activation(call("activate db --all")));
  CHECK_FALSE(request::new_size(call("resize db +1G")));
}

TEST_CASE("an argument names the pool in preference to an option") {
  CHECK(request::pool(call("pool status fast")) == "fast");
  CHECK(request::pool(call("-p slow pool status")) == "slow");
  CHECK(request::pool(call("-p slow pool status fast")) == "fast");
}

TEST_CASE("with_secrets for an option that a command does not have is a mistake in the program") {
  CHECK_THROWS_AS(call("list").has("size"), std::logic_error);
}

TEST_CASE("help is given whatever else is missing, for the program, the group and each command") {
  const auto help = [](std::string_view line) {
    const auto parsed = parse_line(line);
    INFO(line);
    REQUIRE(parsed);
    REQUIRE(std::holds_alternative<Help>(*parsed));
    return std::get<Help>(*parsed).text;
  };
  CHECK(help("--help") == program_help());
  CHECK(help("pool -h") == group_help("pool"));
  for (const Command& command : commands())
    CHECK(help(std::string(command.words) + " --help") == command_help(command));
}

TEST_CASE("help texts are as they were") {
  CHECK(program_help() == golden("tests/golden/help/tclone.txt", program_help()));
  CHECK(group_help("pool") == golden("tests/golden/help/pool.txt", group_help("pool")));
  for (const Id id : {Id::clone, Id::publish, Id::rm}) {
    const Command& one = command(id);
    CHECK(command_help(one) == golden("tests/golden/help/" + std::string(one.words) + ".txt", command_help(one)));
  }
}

TEST_CASE("no line of help is wider than a terminal") {
  for (const Command& command : commands()) {
    std::istringstream lines(command_help(command));
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      CHECK(line.size() <= 80);
    }
  }
}

TEST_CASE("an unknown command or option names the one that was probably meant") {
  const auto next = [](const char* line) {
    const auto parsed = parse_line(line);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::usage);
    return parsed.error().next;
  };
  CHECK(next("tclone pubish db") == "did you mean publish? see tclone --help");
  CHECK(next("tclone pool crate") == "did you mean create? see tclone pool --help");
  CHECK(next("tclone create db --sise 1G") == "did you mean --size? see tclone create --help");
  CHECK(next("tclone create db --dryrun") == "did you mean --dry-run? see tclone create --help");
  CHECK(next("tclone snapshot db") == "see tclone --help");
  CHECK(next("tclone create db --whatever") == "see tclone create --help");
}

TEST_CASE("every command stands under a heading of the help, once") {
  const std::string help = program_help();
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    const std::string line = "\n  " + std::string(command.words) + " ";
    const std::size_t at = help.find(line);
    INFO(command.words);
    REQUIRE(at != std::string::npos);
    CHECK(help.find(line, at + 1) == std::string::npos);
  }
}

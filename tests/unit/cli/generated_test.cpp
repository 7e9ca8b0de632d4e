// SPDX-License-Identifier: GPL-2.0-or-later
// The files that are made from the table and checked in. TCLONE_UPDATE=1 makes them anew.
#include "cli/generate/complete.h"
#include "cli/generate/manpage.h"
#include "unit/catch.h"
#include "unit/cli/golden.h"

using namespace tclone::cli;

TEST_CASE("the checked-in completions are what the table gives") {
  CHECK(golden("completions/tclone.bash", complete_bash()) == complete_bash());
  CHECK(golden("completions/_tclone", complete_zsh()) == complete_zsh());
  CHECK(golden("completions/tclone.fish", complete_fish()) == complete_fish());
}

TEST_CASE("the checked-in manual page is what the table gives") {
  CHECK(golden("man/tclone.1", manual_page()) == manual_page());
}

TEST_CASE("every command and option is in every completion and in the manual, and no hidden one is") {
  const std::string bash = complete_bash();
  const std::string zsh = complete_zsh();
  const std::string fish = complete_fish();
  const std::string man = manual_page();
  for (const Command& command : commands()) {
    INFO(command.words);
    std::string macros = "\n.It";
    for (const auto word : words_of(command.words)) macros += " Cm " + std::string(word);
    CHECK((bash.find("    '" + std::string(command.words) + "')") == std::string::npos) == command.hidden);
    CHECK((zsh.find("(" + std::string(words_of(command.words).back()) + ")\n") == std::string::npos) == command.hidden);
    CHECK((fish.find("\n# " + std::string(command.words) + "\n") == std::string::npos) == command.hidden);
    CHECK((man.find(macros) == std::string::npos) == command.hidden);
    if (command.hidden) continue;
    for (const Option& option : command.options) {
      INFO(option.name);
      CHECK(bash.find("--" + std::string(option.name)) != std::string::npos);
      CHECK(zsh.find("--" + std::string(option.name)) != std::string::npos);
      CHECK(fish.find(" -l " + std::string(option.name)) != std::string::npos);
      CHECK(man.find("Fl -" + std::string(option.name)) != std::string::npos);
    }
  }
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/generate/manpage.h"

#include <cctype>

#include "cli/command/commands.h"
#include "cli/output/help.h"

namespace tclone::cli {
namespace {

constexpr const char* kDate = "November 20, 2026";

/// Plain text for mdoc: backslashes and the dashes of options escaped, no line that looks like a macro.
std::string escaped(std::string_view text) {
  std::string out;
  char before = ' ';
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-' && (before == ' ' || before == '-' || before == '\n' || before == '(')) {
      out += "\\-";
    } else {
      out += c;
    }
    before = c;
  }
  return out;
}

/// Text in lines, each sentence on its own as mdoc wants it; an empty line becomes a paragraph.
std::string prose(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    std::string paragraph = escaped(text.substr(0, end));
    for (std::size_t at = 0; (at = paragraph.find_first_of(".?:", at)) != std::string::npos; ++at) {
      const bool ends = paragraph[at] != ':' && at + 2 < paragraph.size() && paragraph[at + 1] == ' ' &&
                        std::isupper(static_cast<unsigned char>(paragraph[at + 2])) != 0;
      if (ends) paragraph[at + 1] = '\n';
    }
    std::string lines;
    std::size_t from = 0;
    while (from < paragraph.size()) {
      const std::size_t stop = std::min(paragraph.find('\n', from), paragraph.size());
      std::string line = wrapped(std::string_view(paragraph).substr(from, stop - from), 78);
      for (std::size_t at = 0; at < line.size();
           at = line.find('\n', at) == std::string::npos ? line.size() : line.find('\n', at) + 1)
        if (line[at] == '.' || line[at] == '\'') line.insert(at, "\\&");
      lines += line + "\n";
      from = stop + 1;
    }
    out += (out.empty() ? "" : ".Pp\n") + lines;
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

/// A word as an argument of a macro.
std::string word(std::string_view text) {
  const std::string out = escaped(text);
  return text.find(' ') == std::string_view::npos ? out : "\"" + out + "\"";
}

std::string option_item(const Option& option) {
  std::string out = ".It";
  const auto value = [&] { return option.kind == Kind::flag ? std::string() : " Ar " + word(option.value); };
  if (option.letter != 0) out += std::string(" Fl ") + option.letter + value() + " ,";
  out += " Fl -" + std::string(option.name) + value() + "\n";
  std::string help(option.help);
  help[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(help[0])));
  return out + prose(help + (option.many && option.kind != Kind::flag ? ". May be repeated." : "."));
}

std::string option_list(const std::vector<Option>& options) {
  std::string out = ".Bl -tag -width Ds\n";
  for (const Option& option : options) out += option_item(option);
  return out + ".El\n";
}

/// The command line of a command, as a list item.
std::string head(const Command& command) {
  std::string out = ".It";
  for (const std::string_view one : words_of(command.words)) out += " Cm " + std::string(one);
  for (const Positional& p : command.positionals) {
    const std::string name = " Ar " + std::string(p.name) + (p.many ? " ..." : "");
    out += p.required ? name : " Oo" + name + " Oc";
  }
  for (const Option& option : command.options) {
    out += " Oo Fl ";
    out += option.letter != 0 && option.kind != Kind::flag ? std::string(1, option.letter)
                                                           : "-" + std::string(option.name);
    if (option.kind != Kind::flag) out += " Ar " + word(option.value);
    out += " Oc";
    if (option.many && option.kind != Kind::flag) out += " Ns ...";
  }
  return out + "\n";
}

std::string one_command(const Command& command) {
  std::string out = head(command) + prose(command.description);
  if (!command.options.empty()) out += option_list(command.options);
  if (!command.exits.empty()) out += ".Pp\n" + prose(command.exits);
  if (!command.shape.empty()) out += ".Pp\nJSON: " + std::string(command.shape) + ".\n";
  return out;
}

struct Group {
  const char* title;
  Id first, last;
};
constexpr Group kGroups[] = {
    {"Pools", Id::pool_create, Id::pool_stock},
    {"Volumes, versions and clones", Id::create, Id::refresh},
    {"Looking", Id::list, Id::status},
    {"Names, tags and sizes", Id::tag, Id::resize},
    {"Devices and mounting", Id::activate, Id::path},
    {"Keys", Id::key_add, Id::rekey},
    {"Care", Id::recover, Id::version},
};

std::string all_commands() {
  std::string out = ".Sh COMMANDS\n";
  for (const Group& group : kGroups) {
    out += std::string(".Ss ") + group.title + "\n.Bl -tag -width Ds\n";
    for (std::size_t i = static_cast<std::size_t>(group.first); i <= static_cast<std::size_t>(group.last); ++i)
      out += one_command(commands()[i]);
    out += ".El\n";
  }
  return out;
}

std::string json_section() {
  std::string out =
      ".Sh JSON OUTPUT\n" +
      prose(
          "With --json a command prints one object on standard output. Sizes are bytes, times are RFC 3339 in UTC. "
          "Fields may be added in later versions; none is renamed or removed. Each command above names its "
          "shape.") +
      ".Bl -tag -width Ds\n";
  for (const Shape& shape : shapes()) {
    out += ".It " + std::string(shape.name) + "\n" + prose(shape.text) + ".Bl -tag -width Ds -compact\n";
    for (const std::string_view field : shape.fields) {
      const std::size_t colon = field.find(": ");
      std::string meaning(field.substr(colon + 2));
      out += ".It " + word(field.substr(0, colon)) + "\n" + prose(meaning + ".");
    }
    out += ".El\n";
  }
  return out + ".El\n";
}

std::string exit_section() {
  std::string out = ".Sh EXIT STATUS\n.Bl -tag -width Ds\n";
  for (const ExitCode& one : exit_codes())
    out += ".It " + std::to_string(one.code) + "\n" + prose(std::string(one.meaning) + ".");
  return out + ".El\n";
}

std::string examples() {
  std::string out = ".Sh EXAMPLES\n";
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    std::string summary(command.summary);
    summary[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(summary[0])));
    out += escaped(summary) + ":\n.Bd -literal -offset indent -compact\n";
    for (const std::string_view example : command.examples) out += escaped(example) + "\n";
    out += ".Ed\n.Pp\n";
  }
  out.erase(out.size() - 4);
  return out;
}

constexpr const char* kKeys = R"(.Sh KEY SOURCES
A key never stands on a command line, in the environment or in the pool.
What stands there is its source:
.Bl -tag -width Ds
.It (nothing)
A random key of 512 bits in
.Pa /etc/tclone/keys/UUID.key ,
readable by root only.
It is made with the vault and destroyed with it.
Keep a copy: without it the data is gone.
.It Cm file : Ns Ar PATH
The content of a file that belongs to root and that nobody else can read.
.It Cm prompt
A passphrase, asked for on the terminal, twice when it is new.
.It Cm stdin
Standard input up to its end, less one newline there.
.It Cm keyring : Ns Ar DESCRIPTION
A key of type user in the kernel's keyrings.
.It Cm credential : Ns Ar NAME
A credential of the systemd service that runs the command, see
.Xr systemd.exec 5 .
.It Cm exec : Ns Ar COMMAND
What a command writes on its standard output, less one newline at its end.
No shell is in between: quotes and backslashes group words, and nothing is expanded.
It has 60 seconds; then it is killed, with everything it has started.
What it says on standard error is shown.
.It Cm token
A token in the LUKS2 header, such as
.Xr systemd-cryptenroll 1
makes.
It is enrolled in a header that is there, so create, clone and rekey refuse it: make the volume with another key, enrol
the token, then say
.Ql tclone key add NAME --key token .
A PIN that it wants is asked for on the terminal, once for all tokens of a type, after those that want none have failed.
A unit gets it as the credential that
.Xr systemd-cryptsetup 8
takes it from:
.Li cryptsetup.tpm2-pin ,
.Li cryptsetup.fido2-pin
or
.Li cryptsetup.pkcs11-pin ,
else
.Li cryptsetup.luks2-pin .
It is tried once, because hardware counts wrong ones and locks itself.
Once its hardware is gone,
.Ql tclone key rm NAME --key token --use SOURCE
lets activate ask another key, so keep one.
.El
.Pp
Files, keyrings and credentials, also those with a PIN, are used byte for byte.
Passphrases, and whatever is shorter than 32 bytes, are made expensive to guess with argon2id.
While a prompt, standard input, a command or a token is waited for, the pool is not locked; for a token this takes
libcryptsetup 2.6 or newer, and one of the four key slots must be free.
)";

constexpr const char* kEnd = R"(.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev TCLONE_POOL
The pool meant, as with
.Fl p .
.It Ev TCLONE_LOG
What is said on standard error: debug, info, warn (the default) or error.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/tclone/tclone.toml
.Li default_pool
names the pool to use where there are several.
.It Pa /etc/tclone/pools/NAME.toml
Where the pool of that name is found.
.It Pa /etc/tclone/policies.d/NAME.toml
A policy, see
.Xr tclone-policy 5 .
.It Pa /etc/tclone/keys/UUID.key
The keys that tclone made, one a vault.
.It Pa /var/lib/tclone/POOL
The state store of an active pool, see
.Xr tclone-state 5 .
.It Pa /var/lib/tclone/NAME.pool
A pool made without a device and without
.Fl -file .
.It Pa /run/tclone
Locks, mount points and indexes of records, until the next boot.
.El
)";

constexpr const char* kSee = R"(.Sh SEE ALSO
.Xr tclone-policy 5 ,
.Xr tclone-state 5 ,
.Xr tclone 7 ,
.Xr cryptsetup 8 ,
.Xr dmsetup 8
)";

}  // namespace

std::string manual_page() {
  std::string out = ".\\\" SPDX-License-Identifier: GPL-2.0-or-later\n.\\\" Made by \"tclone __man\": do not edit.\n";
  out += std::string(".Dd ") + kDate + "\n.Dt TCLONE 1\n.Os\n.Sh NAME\n.Nm tclone\n" +
         ".Nd thin, encrypted clones of block volumes\n.Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar arguments\n" +
         ".Op Ar options\n.Sh DESCRIPTION\n" +
         prose(
             "tclone freezes block volumes into immutable, numbered versions and makes writable clones of these, in "
             "milliseconds whatever the size. What a clone writes is encrypted under a key of its own. tclone(7) "
             "explains the words used here and says what is promised and what is not.\n\n"
             "Results go to standard output, everything else to standard error. Every command that works on a pool "
             "must be run as root. A name is made of a-z, 0-9, dot, underscore and dash, begins with a letter or "
             "digit and has at most 63 characters; a pool's name has no dash and at most 40. A SIZE is written "
             "like 10G or 512M, in powers of 1024.") +
         "The options below are accepted before and after the command, where they mean something:\n" +
         option_list(global_options());
  out += all_commands() + kKeys + json_section() + kEnd + exit_section() + examples() + kSee;
  return out;
}

}  // namespace tclone::cli

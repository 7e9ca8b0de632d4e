// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/keys/key_source.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <pty.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "crypt/keys/sources.h"
#include "tests/unit/crypt/support.h"

using namespace tclone;
using namespace tclone::crypt;
using namespace tclone::crypt::test;
using namespace std::chrono_literals;

namespace {

Result<Secret> exec(const std::string& command, std::chrono::milliseconds timeout = 10s) {
  return read_exec(command, "vault web1", timeout);
}

Result<Secret> from(const KeySource& source) {
  return read_secret(source, {"/nonexistent"}, Uuid{}, "vault web1", Purpose::unlock);
}

/// Puts `content` on standard input while it lives.
class StdinIs {
 public:
  StdinIs(const Folder& folder, const std::string& content) : saved_(dup(STDIN_FILENO)) {
    write_file(folder / "stdin", content);
    const UniqueFd file(open((folder / "stdin").c_str(), O_RDONLY | O_CLOEXEC));
    dup2(file.get(), STDIN_FILENO);
  }
  ~StdinIs() { dup2(saved_.get(), STDIN_FILENO); }
  StdinIs(const StdinIs&) = delete;
  StdinIs& operator=(const StdinIs&) = delete;

 private:
  UniqueFd saved_;
};

}  // namespace

TEST_CASE("key sources are read and written in the same words") {
  for (const char* text : {"file:/etc/k", "file", "prompt", "stdin", "keyring:a b:c", "credential:db.key",
                           "exec:pass show 'my db'", "token"}) {
    const auto source = parse_key_source(text);
    REQUIRE(source);
    CHECK(to_text(*source) == text);
  }
  CHECK(parse_key_source("keyring:a:b")->reference == "a:b");
}

TEST_CASE("a relative key file is recorded by its absolute path") {
  const auto source = parse_key_source("file:some/../k");
  REQUIRE(source);
  CHECK(source->reference == (std::filesystem::current_path() / "k").string());
}

TEST_CASE("what is no key source is a usage error") {
  for (const char* text :
       {"",        ":",        "files:/k",   "none",       "file:",       "prompt:",         "prompt:x",     "stdin:x",
        "token:1", "keyring",  "keyring:",   "credential", "credential:", "credential:../k", "credential:.", "exec",
        "exec:",   "exec:   ", "exec:'open", "exec:''",    "exec:a\\",    "FILE:/k",         "file:/a\nb"}) {
    const auto source = parse_key_source(text);
    INFO(text);
    REQUIRE_FALSE(source);
    CHECK(source.error().code == Code::usage);
  }
}

TEST_CASE("a passphrase that is given in place of its source is not said again") {
  for (const char* text : {"hunter2", "hunter2:file", "exec:'hunter2", "prompt:hunter2", "stdin:hunter2",
                           "token:hunter2", "credential:hunter2/x"}) {
    const auto source = parse_key_source(text);
    INFO(text);
    REQUIRE_FALSE(source);
    CHECK_THAT(source.error().text() + source.error().next, !tclone::test::ContainsSubstring("hunter2"));
  }
}

TEST_CASE("only long keys that no person types get the cheap derivation") {
  CHECK(cost_of({"file", ""}, 64) == Cost::machine);
  CHECK(cost_of({"exec", "x"}, 32) == Cost::machine);
  CHECK(cost_of({"exec", "x"}, 31) == Cost::human);
  CHECK(cost_of({"prompt", ""}, 500) == Cost::human);
  CHECK(cost_of({"stdin", ""}, 500) == Cost::human);
}

TEST_CASE("commands are split into words as documented") {
  using Words = std::vector<std::string>;
  CHECK(split_command("a  b\tc").value() == Words{"a", "b", "c"});
  CHECK(split_command("sh -c 'echo \"x y\" | cat'").value() == Words{"sh", "-c", "echo \"x y\" | cat"});
  CHECK(split_command(R"(a\ b "c \" d" '\n' '' e'f'g)").value() == Words{"a b", "c \" d", "\\n", "", "efg"});
  CHECK(split_command("$HOME *").value() == Words{"$HOME", "*"});
}

TEST_CASE("a command's output is the key, less one newline, byte for byte otherwise") {
  CHECK(text_of(exec("printf 'a\\000b\\n'").value()) == std::string("a\0b", 3));
  CHECK(text_of(exec("printf 'k\\n\\n'").value()) == "k\n");
  CHECK(text_of(exec("printf k").value()) == "k");
}

TEST_CASE("a command of 8 MiB output is read whole, more is refused") {
  CHECK(exec("head -c 8388608 /dev/zero").value().size() == 8388608);
  const auto huge = exec("head -c 8388610 /dev/zero");
  REQUIRE_FALSE(huge);
  CHECK(huge.error().code == Code::key);
  CHECK_FALSE(exec("cat /dev/zero"));
}

TEST_CASE("a command that fails gives no key even when it printed one") {
  for (const char* command : {"sh -c 'echo key; exit 3'", "sh -c 'echo key; kill -9 $$'", "false", "/nonexistent/x"}) {
    const auto result = exec(command);
    INFO(command);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::key);
    CHECK_THAT(result.error().text(), !tclone::test::ContainsSubstring("echo key"));
  }
}

TEST_CASE("a command that prints nothing gives an empty key, which is refused") {
  const auto result = from({"exec", "true"});
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::key);
}

TEST_CASE("a command that hangs is ended in time") {
  for (const char* command :
       {"sleep 30", "sh -c 'exec >&-; exec sleep 30'", "sh -c 'echo k; while :; do sleep 1; done'"}) {
    const auto before = std::chrono::steady_clock::now();
    const auto result = exec(command, 300ms);
    INFO(command);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::key);
    CHECK(std::chrono::steady_clock::now() - before < 5s);
  }
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // nothing is left to reap
}

TEST_CASE("a command that leaves something running in the background is not waited for") {
  const auto before = std::chrono::steady_clock::now();
  const auto result = exec("sh -c 'sleep 3 & printf key'", 20s);
  REQUIRE(result);
  CHECK(text_of(*result) == "key");
  CHECK(std::chrono::steady_clock::now() - before < 2s);
}

TEST_CASE("a command's stderr goes to ours and its stdin is empty") {
  const Folder folder;
  const int saved = dup(STDERR_FILENO);
  const UniqueFd file(open((folder / "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  dup2(file.get(), STDERR_FILENO);
  const auto result = exec("sh -c 'echo hint >&2; cat; printf key'");
  dup2(saved, STDERR_FILENO);
  close(saved);
  REQUIRE(result);
  CHECK(text_of(*result) == "key");
  CHECK(read_file(folder / "err") == "hint\n");
}

TEST_CASE("a command inherits none of our descriptors") {
  const Folder folder;
  const UniqueFd leaked(open("/dev/null", O_RDONLY));  // NOLINT: without O_CLOEXEC on purpose
  const UniqueFd high(fcntl(leaked.get(), F_DUPFD, 77));
  REQUIRE(high.get() == 77);
  CHECK(text_of(exec("sh -c '[ -e /proc/self/fd/77 ] && printf open || printf closed'").value()) == "closed");
}

TEST_CASE("standard input is read to its end, less one newline") {
  const Folder folder;
  const auto with = [&](const std::string& content) {
    const StdinIs in(folder, content);
    return from({"stdin", ""});
  };
  CHECK(text_of(with("pass\nphrase\n").value()) == "pass\nphrase");
  CHECK(text_of(with(std::string("\0\n\n", 3)).value()) == std::string("\0\n", 2));
  CHECK(with("").error().code == Code::key);
  CHECK(with("\n").error().code == Code::key);
}

TEST_CASE("a credential is a file of the credentials folder") {
  const Folder folder;
  write_file(folder / "db.key", "s\n");
  REQUIRE(unsetenv("CREDENTIALS_DIRECTORY") == 0);
  CHECK(from({"credential", "db.key"}).error().code == Code::key);
  REQUIRE(setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1) == 0);
  CHECK(text_of(from({"credential", "db.key"}).value()) == "s\n");
  CHECK(from({"credential", "other"}).error().code == Code::key);
  REQUIRE(unsetenv("CREDENTIALS_DIRECTORY") == 0);
}

TEST_CASE("a key of the kernel keyring is found by its description, or the user is told how to add it") {
  const std::string name = "tclone-unit-" + Uuid::random().text();
  const auto missing = from({"keyring", name});
  REQUIRE_FALSE(missing);
  if (missing.error().code == Code::kernel) return;  // a sandbox that forbids the keyring
  CHECK(missing.error().code == Code::key);
  CHECK_THAT(missing.error().next, tclone::test::ContainsSubstring("keyctl padd"));
  const std::string payload("k\0\n", 3);
  const long key = syscall(SYS_add_key, "user", name.c_str(), payload.data(), payload.size(), KEY_SPEC_PROCESS_KEYRING);
  REQUIRE(key >= 0);
  CHECK(text_of(from({"keyring", name}).value()) == payload);
  syscall(SYS_keyctl, KEYCTL_REVOKE, key);
  CHECK(from({"keyring", name}).error().code == Code::key);
}

TEST_CASE("a token gives no secret") { CHECK(from({"token", ""}).error().code == Code::usage); }

namespace {

struct Secrets {
  std::string terminal;  ///< all that could be seen on it
  std::string outcome;   ///< "=SECRET" or "!CODE TEXT", "" if the process was ended by a signal
  int signal = 0;
  bool echo_after = false;
};

/// Runs the prompt in a child with a terminal of its own; each entry of `typed` is typed when a question stands.
Secrets ask(Purpose purpose, const std::vector<std::string>& typed) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd result(ends[0]);
  UniqueFd writer(ends[1]);
  int master_fd = -1;
  const pid_t child = forkpty(&master_fd, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int number : {SIGINT, SIGSEGV, SIGTERM}) signal(number, SIG_DFL);  // not Catch's
    const auto secret = read_prompt("vault web1", purpose);
    const auto failed = [](const Error& e) { return "!" + std::to_string(static_cast<int>(e.code)) + " " + e.text(); };
    const std::string out = secret ? "=" + text_of(*secret) : failed(secret.error());
    if (write(writer.get(), out.data(), out.size()) < 0) _exit(1);
    _exit(0);
  }
  writer.reset();
  const UniqueFd master(master_fd);
  Secrets asked;
  const auto read_some = [&] {
    char some[256];
    const ssize_t got = read(master.get(), some, sizeof(some));
    if (got > 0) asked.terminal.append(some, static_cast<std::size_t>(got));
    return got > 0;
  };
  std::size_t seen = 0;
  for (const std::string& line : typed) {
    while (asked.terminal.find(": ", seen) == std::string::npos && read_some()) {
    }
    seen = asked.terminal.size();
    REQUIRE(write(master.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  }
  char out[512];
  const ssize_t got = read(result.get(), out, sizeof(out));
  if (got > 0) asked.outcome.assign(out, static_cast<std::size_t>(got));
  termios state{};
  asked.echo_after = tcgetattr(master.get(), &state) == 0 && (state.c_lflag & ECHO) != 0;
  while (read_some()) {
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) asked.signal = WTERMSIG(status);
  return asked;
}

}  // namespace

TEST_CASE("a prompt asks once to unlock and shows nothing of the answer") {
  const Secrets asked = ask(Purpose::unlock, {"hunter2\n"});
  CHECK(asked.outcome == "=hunter2");
  CHECK_THAT(asked.terminal, tclone::test::ContainsSubstring("Passphrase for vault web1: "));
  CHECK_THAT(asked.terminal, !tclone::test::ContainsSubstring("hunter2"));
  CHECK(asked.echo_after);
}

TEST_CASE("a prompt asks twice to create, and the answers must agree") {
  const Secrets same = ask(Purpose::create, {"hunter2\n", "hunter2\n"});
  CHECK(same.outcome == "=hunter2");
  CHECK_THAT(same.terminal, !tclone::test::ContainsSubstring("hunter2"));
  const Secrets different = ask(Purpose::create, {"hunter2\n", "hunter3\n"});
  CHECK(different.outcome.rfind("!7", 0) == 0);
  CHECK_THAT(different.outcome,
             tclone::test::ContainsSubstring("differ") && !tclone::test::ContainsSubstring("hunter"));
}

TEST_CASE("an empty answer and the end of input are refused") {
  CHECK(ask(Purpose::unlock, {"\n"}).outcome.rfind("!7", 0) == 0);
  CHECK(ask(Purpose::unlock, {"\x04"}).outcome.rfind("!7", 0) == 0);
}

TEST_CASE("an interrupted prompt leaves the terminal with its echo") {
  const Secrets asked = ask(Purpose::unlock, {"\x03"});
  CHECK(asked.outcome.empty());
  CHECK(asked.signal == SIGINT);
  CHECK(asked.echo_after);
}

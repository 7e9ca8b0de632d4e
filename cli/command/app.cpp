// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/app.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "cli/command/confirm.h"
#include "cli/command/request.h"
#include "cli/output/exit.h"

namespace tclone::cli {
namespace {

/// The words of a command line in its log and in the error of a parse that failed.
std::string spoken(const Invocation& call) {
  std::string out(call.command().words);
  for (const Positional& p : call.command().positionals)
    for (const std::string& word : call.all(p.name)) out += " " + word;
  return out;
}

Ran timed(Session& session) {
  const auto begun = std::chrono::steady_clock::now();
  Ran ran = run_of(session.call.command().id)(session);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  if (log::enabled(log::Level::info)) {
    std::array<char, 32> ms{};
    std::snprintf(ms.data(), ms.size(), "%.1f ms", took.count());
    log::info(spoken(session.call) + (ran ? ": done in " : ": failed after ") + ms.data());
  }
  return ran;
}

Ran perform(const Invocation& call, const Host& host, Output& out) {
  if (call.command().effect == Effect::none) return run_without_pool(call, host.paths, out);
  TC_CHECK(request::check(call));
  if (!host.root) {
    return fail(Code::key, "", "only root may work on pools", "run it as root, for example with sudo");
  }
  TC_CHECK(confirm(call));
  return host.with_env(call, [&](engine::Env& env) {
    Session session{call, env, out};
    return timed(session);
  });
}

}  // namespace

int run(const std::vector<std::string>& args, const Host& host) {
  const auto begun = Output::Clock::now();
  Globals before;  // of a line that could not be understood
  before.json = std::find(args.begin(), args.end(), "--json") != args.end();
  const auto parsed = parse(args, host.env);
  if (!parsed) {
    Output(before).fail(parsed.error());
    return exit_code(parsed.error());
  }
  if (const Help* help = std::get_if<Help>(&*parsed)) {
    Output out(before);
    out.print(help->text);
    return out.flush() ? 0 : static_cast<int>(Code::failed);
  }
  const Invocation& call = std::get<Invocation>(*parsed);
  log::set_level(call.globals.level);
  Output out(call.globals, begun);
  Ran ran = perform(call, host, out);
  if (ran) {
    const Status written = out.flush();
    if (written) return *ran;
    ran = tl::unexpected(written.error());
  }
  Error error = std::move(ran).error();
  if (error.attempted.empty()) error.attempted = spoken(call);
  out.fail(error);
  return exit_code(error);
}

}  // namespace tclone::cli

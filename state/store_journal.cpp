// SPDX-License-Identifier: GPL-2.0-or-later
// The store's journal: as a rule an entry of the ring, whose number stands in journal.done once it is no longer needed; in
// journal.toml when it is too long for a slot.
#include <charconv>

#include "base/fault.h"
#include "state/files.h"
#include "state/records.h"
#include "state/ring.h"
#include "state/rules.h"
#include "state/store.h"

namespace tclone {
namespace {

constexpr const char* kDoneFile = "journal.done";

/// The number of the last entry whose operation has ended; 0 when there was none.
Result<std::uint64_t> read_done(const state::Folder& folder) {
  const auto text = state::read_whole(folder, kDoneFile);
  if (!text && text.error().code == Code::not_found) return std::uint64_t{0};
  if (!text) return tl::unexpected(text.error());
  std::uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc{} || stopped == end || *stopped != '\n' || stopped + 1 != end || number > state::kMostNumber)
    return fail(Code::damaged, kDoneFile, "does not hold a number");
  return number;
}

Status write_done(const state::Folder& folder, std::uint64_t number) {
  TC_CHECK(state::write_temp(folder, kDoneFile, std::to_string(number) + '\n'));
  return state::publish_temp(folder, kDoneFile);
}

/// The ring as it is now.
struct Seen {
  state::Ring ring;
  std::uint64_t done = 0;
  std::vector<state::RingEntry> open;  ///< entries whose operation has not ended, as far as the disk knows
};

/// nullopt when there is no ring yet.
Result<std::optional<Seen>> look_at_ring(const state::Folder& folder) {
  std::optional<state::Ring> ring = TC_TRY(state::Ring::open(folder));
  if (!ring) return std::optional<Seen>();
  const std::uint64_t done = TC_TRY(read_done(folder));
  std::vector<state::RingEntry> open = TC_TRY(ring->after(done));
  return std::optional<Seen>(Seen{std::move(*ring), done, std::move(open)});
}

/// For a ring that has no open entry.
Status add_to_ring(const state::Folder& folder, Seen& seen, const std::string& text) {
  const std::optional<state::RingEntry> last = TC_TRY(seen.ring.at(seen.done));
  state::RingEntry entry{seen.done + 1, last ? last->durable : 0, text};
  // The slot's entry may be the only durable copy of its records.
  if (entry.number > entry.durable + state::kRingSlots) {
    TC_CHECK(state::sync_filesystem(folder.fd(), Store::kRecords));
    entry.durable = seen.done;
  }
  return seen.ring.write(folder, entry);
}

}  // namespace

Result<std::optional<Journal>> Store::journal() const {
  const Result<std::string> text = state::read_whole(files_, state::kJournalFile);
  if (text) return std::optional<Journal>(TC_TRY(state::decode_journal(*text)));
  if (text.error().code != Code::not_found) return tl::unexpected(text.error());
  const std::optional<Seen> seen = TC_TRY(look_at_ring(files_));
  if (!seen || seen->open.empty()) return std::optional<Journal>();
  return std::optional<Journal>(TC_TRY(state::decode_journal(seen->open.back().text)));
}

Result<bool> Store::replay() {
  const std::optional<Seen> seen = TC_TRY(look_at_ring(files_));
  if (!seen || seen->open.size() < 2) return false;
  const std::vector<state::RingEntry>& open = seen->open;
  for (std::size_t i = 0; i + 1 < open.size(); ++i) {
    const Journal journal = TC_TRY(state::decode_journal(open[i].text));
    const Journal next = TC_TRY(state::decode_journal(open[i + 1].text));
    // One that was undone left the transaction where it was.
    if (next.from == journal.to) TC_CHECK(apply(journal.after, Durable::by_journal));
  }
  TC_CHECK(sync());
  TC_CHECK(write_done(files_, open[open.size() - 2].number));
  return true;
}

Status Store::write_journal(const Journal& journal) {
  const std::string text = TC_TRY(state::encode(journal));
  std::optional<Seen> seen = TC_TRY(look_at_ring(files_));
  if (state::is_there(files_, state::kJournalFile) || (seen && !seen->open.empty())) {
    return fail(Code::exists, folder_ + "/" + state::kRingFile, "an operation is under way or was interrupted",
                "tclone recover finishes or undoes it");
  }
  TC_CHECK(fits(journal, text.size()));
  TCLONE_FAULT_POINT("journal.write");
  if (!state::fits_ring(text.size())) return write_long_journal(text);
  TCLONE_FAULT_POINT("journal.sync");
  if (!seen) {
    TC_CHECK(state::Ring::make(files_));
    seen = TC_TRY(look_at_ring(files_));
    if (!seen) return fail(Code::damaged, state::kRingFile, "is gone right after it was made");
  }
  TC_CHECK(add_to_ring(files_, *seen, text));
  TCLONE_FAULT_POINT("journal.sync.done");
  return {};
}

/// Records that change without an operation: a journal that begins and ends at the transaction there is, so that recovery
/// does no more than write them. False when there is one under way, whose place it would take, or no room.
Result<bool> Store::note_in_ring(const RecordChange& change) {
  if (state::is_there(files_, state::kJournalFile) || !state::is_there(files_, state::kPoolFile)) return false;
  std::optional<Seen> seen = TC_TRY(look_at_ring(files_));
  if (!seen || !seen->open.empty()) return false;
  Journal journal;
  journal.operation = "write records";
  journal.from = TC_TRY(pool()).transaction;
  journal.to = journal.from;
  journal.after = change;
  const std::string text = TC_TRY(state::encode(journal));
  if (!state::fits_ring(text.size())) return false;
  TC_CHECK(add_to_ring(files_, *seen, text));
  return true;
}

Status Store::write_long_journal(const std::string& text) {
  if (Status written = state::write_temp(files_, state::kJournalFile, text); !written) {
    state::remove_temp(files_, state::kJournalFile);
    return written;
  }
  TCLONE_FAULT_POINT("journal.rename");
  TC_CHECK(state::publish_temp(files_, state::kJournalFile));
  TCLONE_FAULT_POINT("journal.sync");
  TC_CHECK(state::sync_filesystem(files_.fd(), kRecords));
  TCLONE_FAULT_POINT("journal.sync.done");
  return {};
}

Status Store::clear_journal() {
  TCLONE_FAULT_POINT("journal.clear");
  if (state::is_there(files_, state::kJournalFile)) {
    TC_CHECK(state::remove_file(files_, state::kJournalFile));
    // It must not come back with a power cut beside a later entry of the ring.
    TC_CHECK(state::sync_filesystem(files_.fd(), kRecords));
  } else if (const auto seen = TC_TRY(look_at_ring(files_)); seen && !seen->open.empty()) {
    TC_CHECK(write_done(files_, seen->open.back().number));
  }
  TCLONE_FAULT_POINT("journal.clear.done");
  return {};
}

}  // namespace tclone

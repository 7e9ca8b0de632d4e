// SPDX-License-Identifier: GPL-2.0-or-later
// The journal's ring: torn slots, many journals one after the other, and records that a power cut took.
#include "state/ring.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "state/store.h"
#include "unit/catch.h"
#include "unit/state/samples.h"

using namespace tclone;
namespace fs = std::filesystem;

namespace {

struct Made {
  samples::TempFolder folder;
  std::string path = folder / "state";
  Store store = Store::create(path, samples::pool()).value();
};

/// The journal of the nth operation, which raises a counter of the pool's record.
Journal nth(std::uint64_t n) {
  Journal out = samples::journal();
  out.operation = "operation " + std::to_string(n);
  out.from = n;
  out.to = n + 1;
  out.after = {};
  out.after.pool = samples::pool();
  out.after.pool->transaction = n + 1;
  return out;
}

void run(Store& store, const Journal& journal) {
  REQUIRE(store.write_journal(journal));
  REQUIRE(store.apply(journal.after, Store::Durable::by_journal));
  REQUIRE(store.clear_journal());
}

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("a slot that was torn or garbled anywhere holds no entry, and a whole one holds what was written") {
  std::mt19937 random(7);
  for (const std::size_t length : {0U, 1U, 3900U, 5000U, 16000U}) {
    std::string text(length, ' ');
    for (char& c : text) c = static_cast<char>(random());
    const state::RingEntry entry{29, 17, text};
    REQUIRE(state::fits_ring(length));
    const std::string slot = state::encode_slot(entry);
    CHECK(slot.size() % state::kRingAlign == 0);
    REQUIRE(slot.size() <= state::kRingSlotBytes);
    CHECK(state::decode_slot(slot) == entry);
    // A sector at a time, from either end: the others are what was there before.
    for (std::size_t kept = 512; kept < slot.size(); kept += 512) {
      std::string torn(slot.size(), '\0');
      torn.replace(0, kept, slot, 0, kept);
      if (torn != slot) CHECK_FALSE(state::decode_slot(torn).has_value());
      std::string late = slot;
      late.replace(0, kept, std::string(kept, '\0'));
      CHECK_FALSE(state::decode_slot(late).has_value());
    }
    for (int i = 0; i < 200; ++i) {
      std::string garbled = slot;
      const std::size_t at = random() % (length + 30);
      garbled[at] = static_cast<char>(garbled[at] ^ (1 << (random() % 8)));
      if (state::decode_slot(garbled) == entry) FAIL_CHECK("a change at " << at << " goes unnoticed");
    }
  }
  CHECK_FALSE(state::fits_ring(state::kRingSlotBytes));
  CHECK_FALSE(state::decode_slot("").has_value());
}

TEST_CASE(
    "as many journals as one likes follow each other, each with one durable write and a sync of records now and then") {
  Made m;
  run(m.store, nth(0));  // makes the ring
  const std::uint64_t before = durable_writes();
  constexpr std::uint64_t kMany = 5 * state::kRingSlots;
  for (std::uint64_t n = 1; n <= kMany; ++n) {
    REQUIRE(m.store.write_journal(nth(n)));
    CHECK(m.store.journal().value().value() == nth(n));
    REQUIRE(m.store.clear_journal());
    CHECK_FALSE(m.store.journal().value().has_value());
  }
  CHECK(durable_writes() - before <= kMany + kMany / (state::kRingSlots - 2) + 1);
  CHECK(durable_writes() - before > kMany);  // or an entry was overwritten that records may still be needed from
}

TEST_CASE(
    "records that a power cut took are written again from the ring, in order, and those of an undone operation are "
    "not") {
  for (std::uint64_t lost = 1; lost < state::kRingSlots; ++lost) {
    for (std::uint64_t total : {std::uint64_t{15}, std::uint64_t{40}}) {
      INFO(total << " operations, the last " << lost << " of which are lost");
      Made m;
      std::string pool, done;
      for (std::uint64_t n = 1; n <= total; ++n) {
        if (n == total - lost + 1) {
          pool = text_of(m.path + "/pool.toml");
          done = fs::exists(m.path + "/journal.done") ? text_of(m.path + "/journal.done") : "";
        }
        run(m.store, nth(n));
      }
      // One that was undone, and one that is under way.
      Journal undone = nth(total + 1);
      undone.after.pool->next_outer = 777;
      REQUIRE(m.store.write_journal(undone));
      REQUIRE(m.store.clear_journal());
      if (lost + 2 > state::kRingSlots) continue;
      REQUIRE(m.store.write_journal(nth(total + 1)));
      std::ofstream(m.path + "/pool.toml") << pool;
      if (done.empty()) {
        fs::remove(m.path + "/journal.done");
      } else {
        std::ofstream(m.path + "/journal.done") << done;
      }
      Store after = Store::open(m.path).value();
      CHECK(after.journal().value().value() == nth(total + 1));
      CHECK(after.replay().value());
      CHECK(after.pool().value().transaction == total + 1);
      CHECK(after.pool().value().next_outer == samples::pool().next_outer);
      CHECK(after.journal().value().value() == nth(total + 1));
      CHECK_FALSE(after.replay().value());
      // Cut off before its end, it is done again and comes to the same.
      std::ofstream(m.path + "/pool.toml") << pool;
      fs::remove(m.path + "/journal.done");
      if (!done.empty()) std::ofstream(m.path + "/journal.done") << done;
      CHECK(after.replay().value());
      CHECK(after.pool().value().transaction == total + 1);
    }
  }
}

TEST_CASE("a journal that is too long for a slot is a file, and the ring goes on after it") {
  Made m;
  run(m.store, nth(1));
  Journal large = nth(2);
  for (int i = 0; i < 2000; ++i) large.steps.push_back("a step that says what it does");
  REQUIRE(m.store.write_journal(large));
  CHECK(fs::exists(m.path + "/journal.toml"));
  CHECK(m.store.journal().value().value() == large);
  REQUIRE(m.store.clear_journal());
  CHECK_FALSE(fs::exists(m.path + "/journal.toml"));
  CHECK_FALSE(m.store.journal().value().has_value());
  run(m.store, nth(3));
}

TEST_CASE("a ring or a number that is not one is refused, and nothing is written over it") {
  Made m;
  run(m.store, nth(1));
  std::ofstream(m.path + "/journal.done") << "many\n";
  CHECK(m.store.journal().error().code == Code::damaged);
  CHECK(m.store.write_journal(nth(2)).error().code == Code::damaged);
  std::ofstream(m.path + "/journal.done") << "18446744073709551615\n";  // the next would be 0
  CHECK(m.store.journal().error().code == Code::damaged);
  CHECK(m.store.write_journal(nth(2)).error().code == Code::damaged);
  std::ofstream(m.path + "/journal.done") << "1\n";
  fs::resize_file(m.path + "/journal", 100);
  CHECK(m.store.journal().error().code == Code::damaged);
  fs::remove(m.path + "/journal");
  fs::create_symlink("/etc/hostname", m.path + "/journal");
  CHECK_FALSE(m.store.journal().has_value());
}

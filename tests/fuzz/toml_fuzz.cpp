// SPDX-License-Identifier: GPL-2.0-or-later
// The record readers. The first byte chooses the record. What is read must be written again, and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "state/records.h"

using namespace tclone;
using namespace tclone::state;

namespace {

template <class Record, class Decode>
void round_trip(const Result<Record>& record, Decode decode) {
  if (!record) {
    if (record.error().code != Code::damaged) std::abort();
    return;
  }
  const Result<std::string> text = encode(*record);
  if (!text) std::abort();
  const Result<Record> again = decode(*text);
  if (!again || !(*again == *record)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto with = [&](auto decode) { round_trip(decode(text), decode); };
  switch (data[0]) {
    case 'p': with([](const std::string& t) { return decode_pool(t); }); break;
    case 'v': with([](const std::string& t) { return decode_vault("db", t); }); break;
    case 'o': with([](const std::string& t) { return decode_volume("db", t); }); break;
    case 'n': with([](const std::string& t) { return decode_version("db", 7, t); }); break;
    default: with([](const std::string& t) { return decode_journal(t); }); break;
  }
  return 0;
}

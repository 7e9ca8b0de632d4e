// SPDX-License-Identifier: GPL-2.0-or-later
// The index behind its checksum. What it gives are records that a file could hold, and it comes back as it was read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "state/index_codec.h"
#include "state/records.h"

using namespace tclone;
using namespace tclone::state;

namespace {

template <class Record>
void good_records(const Shelf<Record>& shelf) {
  if (shelf.stamps.size() != shelf.records.size()) std::abort();
  for (const Record& record : shelf.records)
    if (!encode(record)) std::abort();
}

template <class Record>
bool same(const Shelf<Record>& a, const Shelf<Record>& b) {
  return a.folder == b.folder && a.stamps == b.stamps && a.records == b.records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto index = decode_shelves({reinterpret_cast<const char*>(data), size});
  if (!index) return 0;
  good_records(index->vaults);
  good_records(index->volumes);
  good_records(index->versions);
  Uuid pool;
  pool.bytes[0] = 1;
  const auto again = decode_index(encode(*index, pool), pool);
  if (!again || !same(again->vaults, index->vaults) || !same(again->volumes, index->volumes) ||
      !same(again->versions, index->versions))
    std::abort();
  return 0;
}

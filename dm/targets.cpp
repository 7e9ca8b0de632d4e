// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/targets.h"

namespace tclone::dm {

Table linear(std::span<const Piece> pieces) {
  Table table;
  Sectors at{};
  for (const Piece& piece : pieces) {
    table.push_back({at, piece.length, "linear", piece.dev + " " + std::to_string(piece.start.n)});
    at = at + piece.length;
  }
  return table;
}

Table linear_flushing_at_zero(const Piece& piece, Sectors chunk) {
  return {{Sectors{}, piece.length, "striped",
           "1 " + std::to_string(chunk.n) + " " + piece.dev + " " + std::to_string(piece.start.n)}};
}

Table thin_pool(const std::string& metadata, const std::string& data, Sectors length, const PoolOptions& options) {
  std::string features;
  int count = 0;
  const auto feature = [&](const char* word) {
    features += std::string(" ") + word;
    ++count;
  };
  if (!options.zero) feature("skip_block_zeroing");
  if (!options.discard_passdown) feature("no_discard_passdown");
  if (options.error_if_full) feature("error_if_no_space");

  std::string params = metadata + " " + data + " " + std::to_string(options.block.n) + " " +
                       std::to_string(options.low_water) + " " + std::to_string(count) + features;
  return {{Sectors{}, length, "thin-pool", std::move(params)}};
}

Table thin(const std::string& pool, ThinId id, Sectors length, const std::optional<std::string>& external_origin) {
  std::string params = pool + " " + std::to_string(id.n);
  if (external_origin) params += " " + *external_origin;
  return {{Sectors{}, length, "thin", std::move(params)}};
}

std::string create_thin(ThinId id) { return "create_thin " + std::to_string(id.n); }
std::string create_snap(ThinId id, ThinId origin) {
  return "create_snap " + std::to_string(id.n) + " " + std::to_string(origin.n);
}
std::string delete_thin(ThinId id) { return "delete " + std::to_string(id.n); }
std::string set_transaction_id(std::uint64_t from, std::uint64_t to) {
  return "set_transaction_id " + std::to_string(from) + " " + std::to_string(to);
}

}  // namespace tclone::dm

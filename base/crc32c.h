// CRC32C (Castagnoli, polynomial 0x1EDC6F41 reflected): the checksum of the log and of snapshots.
//
// Uses SSE4.2 where the processor has it, decided once at run time, else tables. Pure; any thread.
// The values are those of RFC 3720 (iSCSI), appendix B.4: crc32c("123456789") == 0xE3069283.
#pragma once

#include <cstdint>
#include <string_view>

namespace kimdb {

// The CRC of what `crc` was computed over, followed by `bytes`. 0 is the CRC of nothing.
std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view bytes);

inline std::uint32_t crc32c(std::string_view bytes) { return crc32c_extend(0, bytes); }

// The CRC of two byte strings, one behind the other, from the CRC of each and the length of the
// second. So bytes that two checksums cover are read once. Some hundred nanoseconds.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                             std::uint64_t second_size_bytes);

// The table version whatever the processor has; for tests.
std::uint32_t crc32c_extend_portable(std::uint32_t crc, std::string_view bytes);

}  // namespace kimdb

#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ipv4_address.hpp>
#include <netkit/wire/mld.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// IGMP message types: RFC 1112, RFC 2236, RFC 3376.
enum class igmp_type : std::uint8_t {
    query = 0x11,
    report_v1 = 0x12,
    report_v2 = 0x16,
    leave = 0x17,
    report_v3 = 0x22,
};

/// An IGMPv2 message, or the start of an IGMPv3 query (RFC 2236 section 2).
struct igmp_header {
    std::uint8_t type;
    std::uint8_t maximum_response_time;  ///< tenths of a second; only in queries; 0 is an IGMPv1 query
    be16 checksum;
    ipv4_address group;  ///< 0.0.0.0 in a general query

    constexpr std::uint64_t sum() const { return sum_pair(type, maximum_response_time) + checksum.raw() + group.sum(); }
};
static_assert(wire_format<igmp_header> && sizeof(igmp_header) == 8);
static_assert(offsetof(igmp_header, checksum) == 2 && offsetof(igmp_header, group) == 4);

/// The query of IGMPv3, told from older ones by its 12 bytes or more; source addresses follow (RFC 3376 section 4.1).
struct igmp_query {
    igmp_header first;
    std::uint8_t flags;  ///< S (0x08) and the querier's robustness variable
    std::uint8_t interval_code;
    be16 sources;

    /// In tenths of a second, section 4.1.1: from 128 on the field is a floating-point number.
    constexpr unsigned maximum_response_time() const {
        const unsigned code = first.maximum_response_time;
        return code < 128 ? code : ((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);
    }
};
static_assert(wire_format<igmp_query> && sizeof(igmp_query) == 12 && offsetof(igmp_query, sources) == 10);

/// The report of IGMPv3; `records` group records follow (RFC 3376 section 4.2).
struct igmp_report {
    std::uint8_t type;
    std::uint8_t reserved;
    be16 checksum;
    be16 reserved_2;
    be16 records;

    constexpr std::uint64_t sum() const { return sum_pair(type, reserved) + checksum.raw() + reserved_2.raw() + records.raw(); }
};
static_assert(wire_format<igmp_report> && sizeof(igmp_report) == 8 && offsetof(igmp_report, records) == 6);

/// One group record; `sources` addresses and 4 × `auxiliary_words` bytes follow.
struct igmp_group_record {
    std::uint8_t type;
    std::uint8_t auxiliary_words;
    be16 sources;
    ipv4_address group;

    static constexpr igmp_group_record make(group_record type, const ipv4_address& group) { return {std::uint8_t(type), 0, 0, group}; }
    constexpr std::uint64_t sum() const { return sum_pair(type, auxiliary_words) + sources.raw() + group.sum(); }
};
static_assert(wire_format<igmp_group_record> && sizeof(igmp_group_record) == 8 && offsetof(igmp_group_record, group) == 4);

inline constexpr ipv4_address igmp_all_systems{224, 0, 0, 1};
inline constexpr ipv4_address igmp_all_routers{224, 0, 0, 2};
/// IGMPv3-capable routers listen here (RFC 3376 section 4.2.14).
inline constexpr ipv4_address igmp_v3_routers{224, 0, 0, 22};

inline std::string to_string(const igmp_header& header) {
    switch (igmp_type{header.type}) {
    case igmp_type::query: return "IGMP query " + to_string(header.group);
    case igmp_type::report_v1: return "IGMPv1 report " + to_string(header.group);
    case igmp_type::report_v2: return "IGMPv2 report " + to_string(header.group);
    case igmp_type::leave: return "IGMP leave " + to_string(header.group);
    default: return "IGMP type " + std::to_string(header.type);
    }
}

inline std::string to_string(const igmp_query& query) {
    return to_string(query.first) + " v3, " + std::to_string(query.sources) + " sources, within " +
           std::to_string(query.maximum_response_time()) + "/10 s";
}

inline std::string to_string(const igmp_report& report) { return "IGMPv3 report, " + std::to_string(report.records) + " records"; }

inline std::string to_string(const igmp_group_record& record) {
    std::string text = to_string(group_record{record.type}) + " " + to_string(record.group);
    if (record.sources != 0) text += ", " + std::to_string(record.sources) + " sources";
    return text;
}

}  // namespace netkit

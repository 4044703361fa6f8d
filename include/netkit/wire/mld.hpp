#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/core/ipv6_address.hpp>
#include <netkit/wire/icmpv6.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// Multicast listener query, report and done of MLDv1, whole from the ICMPv6 header on (RFC 2710 section 3).
/// A query of 28 bytes or more is MLDv2's: an `mld_query`.
struct mld_message {
    std::uint8_t type;
    std::uint8_t code;
    be16 checksum;
    be16 maximum_response_delay;  ///< milliseconds; only in queries
    be16 reserved;
    ipv6_address group;  ///< unspecified in a general query

    constexpr std::uint64_t sum() const {
        return sum_pair(type, code) + checksum.raw() + maximum_response_delay.raw() + reserved.raw() + group.sum();
    }
};
static_assert(wire_format<mld_message> && sizeof(mld_message) == 24);
static_assert(offsetof(mld_message, maximum_response_delay) == 4 && offsetof(mld_message, group) == 8);

/// The query of MLDv2; source addresses follow (RFC 3810 section 5.1).
struct mld_query {
    mld_message first;
    std::uint8_t flags;  ///< S (0x08) and the querier's robustness variable
    std::uint8_t interval_code;
    be16 sources;

    /// In milliseconds, section 5.1.3: from 32768 on the field is a floating-point number.
    constexpr std::uint32_t maximum_response_delay() const {
        const std::uint32_t code = first.maximum_response_delay;
        return code < 32768 ? code : ((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
    }
};
static_assert(wire_format<mld_query> && sizeof(mld_query) == 28 && offsetof(mld_query, sources) == 26);

/// What one group record of a report says, of MLDv2 and IGMPv3 alike (RFC 3810 section 5.2.12, RFC 3376 section 4.2.12).
enum class group_record : std::uint8_t {
    is_include = 1,
    is_exclude = 2,
    to_include = 3,  ///< with no sources: leaves the group
    to_exclude = 4,  ///< with no sources: joins the group
    allow_new_sources = 5,
    block_old_sources = 6,
};

/// The report of MLDv2; `records` group records follow (RFC 3810 section 5.2).
struct mld_report {
    std::uint8_t type;
    std::uint8_t code;
    be16 checksum;
    be16 reserved;
    be16 records;

    constexpr std::uint64_t sum() const { return sum_pair(type, code) + checksum.raw() + reserved.raw() + records.raw(); }
};
static_assert(wire_format<mld_report> && sizeof(mld_report) == 8 && offsetof(mld_report, records) == 6);

/// One group record; `sources` addresses and 4 × `auxiliary_words` bytes follow.
struct mld_group_record {
    std::uint8_t type;
    std::uint8_t auxiliary_words;
    be16 sources;
    ipv6_address group;

    static constexpr mld_group_record make(group_record type, const ipv6_address& group) { return {std::uint8_t(type), 0, 0, group}; }
    constexpr std::uint64_t sum() const { return sum_pair(type, auxiliary_words) + sources.raw() + group.sum(); }
};
static_assert(wire_format<mld_group_record> && sizeof(mld_group_record) == 20 && offsetof(mld_group_record, group) == 4);

/// MLDv2-capable routers listen here (RFC 3810 section 5.2.14).
inline constexpr ipv6_address mld_routers{0xff02'0000'0000'0000, 0x16};

inline std::string to_string(const mld_message& message) {
    switch (icmpv6_type{message.type}) {
    case icmpv6_type::multicast_listener_query: return "ICMPv6 multicast listener query " + to_string(message.group);
    case icmpv6_type::multicast_listener_report: return "ICMPv6 multicast listener report " + to_string(message.group);
    case icmpv6_type::multicast_listener_done: return "ICMPv6 multicast listener done " + to_string(message.group);
    default: return "ICMPv6 type " + std::to_string(message.type);
    }
}

inline std::string to_string(const mld_query& query) {
    return to_string(query.first) + " v2, " + std::to_string(query.sources) + " sources, within " +
           std::to_string(query.maximum_response_delay()) + " ms";
}

inline std::string to_string(const mld_report& report) {
    return "ICMPv6 multicast listener report v2, " + std::to_string(report.records) + " records";
}

inline std::string to_string(group_record type) {
    switch (type) {
    case group_record::is_include: return "is-include";
    case group_record::is_exclude: return "is-exclude";
    case group_record::to_include: return "to-include";
    case group_record::to_exclude: return "to-exclude";
    case group_record::allow_new_sources: return "allow";
    case group_record::block_old_sources: return "block";
    default: return "record " + std::to_string(std::uint8_t(type));
    }
}

inline std::string to_string(const mld_group_record& record) {
    std::string text = to_string(group_record{record.type}) + " " + to_string(record.group);
    if (record.sources != 0) text += ", " + std::to_string(record.sources) + " sources";
    return text;
}

}  // namespace netkit

#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/wire/ethernet.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit {

/// What follows the EtherType 0x8100 (IEEE 802.1Q section 9.6): tag control information and the EtherType of what is tagged.
struct vlan_tag {
    be16 control;
    be16 type;

    /// The VLAN identifier, 0 to 4095; 0 means priority only, 4095 is reserved.
    constexpr std::uint16_t id() const { return control & 0xfff; }
    /// The priority code point, 0 to 7.
    constexpr unsigned priority() const { return control >> 13u; }
    constexpr bool drop_eligible() const { return (control & 0x1000) != 0; }
    constexpr ether_type protocol() const { return ether_type{std::uint16_t(type)}; }

    static constexpr vlan_tag make(std::uint16_t id, ether_type type, unsigned priority = 0) {
        return {static_cast<std::uint16_t>((id & 0xfff) | (priority & 7) << 13), static_cast<std::uint16_t>(type)};
    }
};
static_assert(wire_format<vlan_tag> && sizeof(vlan_tag) == 4);
static_assert(offsetof(vlan_tag, type) == 2);

namespace detail {
/// All but the type.
inline std::string vlan_text(const vlan_tag& tag) {
    std::string text = "vlan " + std::to_string(tag.id());
    if (tag.priority() != 0) text += " priority " + std::to_string(tag.priority());
    if (tag.drop_eligible()) text += " drop-eligible";
    return text;
}
}  // namespace detail

inline std::string to_string(const vlan_tag& tag) { return detail::vlan_text(tag) + " " + to_string(tag.protocol()); }

}  // namespace netkit

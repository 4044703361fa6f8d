#pragma once

#include <netkit/wire/header_at.hpp>
#include <netkit/wire/neighbour_discovery.hpp>
#include <netkit/wire/option_view.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace netkit {

/// Lengths are in units of 8 bytes and count kind and length; a length of 0 or a residue makes the whole message invalid (RFC 4861
/// section 4.6).
struct nd_option_format {
    using kind = nd_option_kind;

    static option_step step(std::span<const std::byte> rest) {
        if (rest.size() < 8) return {option_step::malformed};
        const auto size = std::size_t(rest[1]) * 8;
        if (size == 0 || size > rest.size()) return {option_step::malformed};
        return {option_step::option, size};
    }
};

/// The options of a neighbour discovery message, which lie between its fixed part and its end.
using nd_options = option_view<nd_option_format>;

/// The option as its struct (`nd_prefix_option`, …), kind and length included; null where it is shorter than that.
template <wire_format Option>
const Option* nd_option_as(const nd_options::option& option) {
    // Kind and length lie before the data: the view's range has checked them.
    return option.data.size() + 2 < sizeof(Option) ? nullptr : reinterpret_cast<const Option*>(option.data.data() - 2);
}

inline std::string to_string(const nd_options::option& option) {
    switch (option.kind) {
    case nd_option_kind::source_link_address:
    case nd_option_kind::target_link_address:
        if (const auto address = nd_option_as<nd_link_address_option>(option))
            return (option.kind == nd_option_kind::source_link_address ? "source " : "target ") + to_string(address->mac);
        break;
    case nd_option_kind::prefix_information:
        if (const auto prefix = nd_option_as<nd_prefix_option>(option))
            return "prefix " + to_string(prefix->prefix) + "/" + std::to_string(prefix->prefix_length) +
                   (prefix->is_on_link() ? " on-link" : "") + (prefix->is_autonomous() ? " autonomous" : "");
        break;
    case nd_option_kind::mtu:
        if (const auto mtu = nd_option_as<nd_mtu_option>(option)) return "mtu " + std::to_string(mtu->mtu);
        break;
    case nd_option_kind::redirected_header: return "redirected packet";
    case nd_option_kind::nonce: return "nonce";
    case nd_option_kind::route_information: return "route information";
    case nd_option_kind::recursive_dns_servers: {
        const auto servers = nd_option_as<nd_dns_servers_option>(option);
        if (!servers->is_length_valid()) return "dns servers of a bad length";
        std::string text = "dns";
        for (std::size_t i = 0; i < servers->addresses(); ++i) text += " " + to_string(*header_at<ipv6_address>(option.data, 6 + 16 * i));
        return text;
    }
    case nd_option_kind::dns_search_list: return "dns search list";
    default: break;
    }
    return "option " + std::to_string(std::uint8_t(option.kind)) + " of " + std::to_string(option.data.size() + 2) + " bytes";
}

}  // namespace netkit

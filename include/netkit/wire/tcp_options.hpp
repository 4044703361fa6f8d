#pragma once

#include <netkit/core/byte_order.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/option_view.hpp>
#include <netkit/wire/tcp_option_kind.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace netkit {

struct tcp_option_format : octet_option_format {
    using kind = tcp_option_kind;
};

/// The options of a TCP header, which lie between its 20th byte and its header size (RFC 9293 section 3.2).
/// For all at once, and quickly, see `parse_tcp_options`.
using tcp_options = option_view<tcp_option_format>;

inline std::string to_string(const tcp_options::option& option) {
    switch (option.kind) {
    case tcp_option_kind::maximum_segment_size:
        if (const auto size = header_at<be16>(option.data)) return "mss " + std::to_string(*size);
        break;
    case tcp_option_kind::window_scale:
        if (!option.data.empty()) return "wscale " + std::to_string(std::to_integer<unsigned>(option.data[0]));
        break;
    case tcp_option_kind::sack_permitted: return "sackOK";
    case tcp_option_kind::sack: {
        std::string text = "sack " + std::to_string(option.data.size() / 8);
        for (std::size_t at = 0; const auto right = header_at<be32>(option.data, at + 4); at += 8)
            text += " {" + std::to_string(*header_at<be32>(option.data, at)) + ":" + std::to_string(*right) + "}";
        return text;
    }
    case tcp_option_kind::timestamps:
        if (const auto echo = header_at<be32>(option.data, 4))
            return "TS val " + std::to_string(*header_at<be32>(option.data)) + " ecr " + std::to_string(*echo);
        break;
    default: break;
    }
    return "option " + std::to_string(std::uint8_t(option.kind)) + " of " + std::to_string(option.data.size()) + " bytes";
}

}  // namespace netkit

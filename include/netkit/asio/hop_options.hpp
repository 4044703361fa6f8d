#pragma once

#include <netkit/asio/socket_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace netkit::detail {

/// Sets what sockets for datagrams have in common, hops, traffic class, broadcast and queue; false where it is none of them.
template <class Settings>
bool set_hop_option(Settings& options, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
    const auto is = [&](int l, int n) { return level == l && name == n; };
    const auto number = [&](auto&& use, int least = 0) {
        int value = 0;
        if (!read_option(value, data, size, error)) return;
        if (value < least || value > 255) error = boost::asio::error::invalid_argument;
        else use(static_cast<std::uint8_t>(value));
    };
    int value = 0;
    if (is(IPPROTO_IP, IP_MULTICAST_TTL) || is(IPPROTO_IPV6, IPV6_MULTICAST_HOPS)) number([&](std::uint8_t n) { options.multicast_hop_limit = n; });
    else if (is_hop_limit(level, name)) number([&](std::uint8_t n) { options.hop_limit = n; }, 1);
    else if (is_traffic_class(level, name)) number([&](std::uint8_t n) { options.traffic_class = n; });
    else if (is(IPPROTO_IP, IP_MULTICAST_LOOP) || is(IPPROTO_IPV6, IPV6_MULTICAST_LOOP)) number([&](std::uint8_t n) {
        // A host always hears what it sends to groups it has joined.
        if (n == 0) error = boost::asio::error::operation_not_supported;
    });
    else if (is(SOL_SOCKET, SO_BROADCAST)) {
        if (read_option(value, data, size, error)) options.broadcast = value != 0;
    } else if (is(SOL_SOCKET, SO_RCVBUF)) {
        if (read_option(value, data, size, error)) options.receive_buffer = static_cast<std::size_t>(std::max(value, 0));
    } else return false;
    return true;
}
/// The value of one of those; false where it is none of them.
template <class Settings>
bool get_hop_option(const Settings& options, int level, int name, void* data, std::size_t& size, boost::system::error_code& error) {
    const auto is = [&](int l, int n) { return level == l && name == n; };
    const auto give = [&](auto value) { write_option(static_cast<int>(value), data, size, error); };
    if (is(IPPROTO_IP, IP_MULTICAST_TTL) || is(IPPROTO_IPV6, IPV6_MULTICAST_HOPS)) give(options.multicast_hop_limit);
    else if (is(IPPROTO_IP, IP_MULTICAST_LOOP) || is(IPPROTO_IPV6, IPV6_MULTICAST_LOOP)) give(1);
    else if (is_hop_limit(level, name)) give(options.hop_limit == 0 ? 64 : options.hop_limit);
    else if (is_traffic_class(level, name)) give(options.traffic_class);
    else if (is(SOL_SOCKET, SO_BROADCAST)) give(options.broadcast);
    else if (is(SOL_SOCKET, SO_RCVBUF)) give(options.receive_buffer);
    else return false;
    return true;
}

}  // namespace netkit::detail

#pragma once

#include <netkit/asio/protocol_tcp.hpp>
#include <netkit/asio/socket_options.hpp>
#include <netkit/protocol/tcp/socket_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace netkit::detail {

/// Calls f(field) with the field that a boolean option stands for; false where it stands for none.
template <class Options, class F>
bool with_tcp_flag(Options& options, int level, int name, F&& f) {
    const auto is = [&](int l, int n) { return level == l && name == n; };
    if (is(SOL_SOCKET, SO_REUSEADDR)) f(options.reuse_address);
    else if (is(SOL_SOCKET, SO_KEEPALIVE)) f(options.keep_alive);
    else if (is(IPPROTO_TCP, TCP_NODELAY)) f(options.no_delay);
    else if (is(IPPROTO_TCP, TCP_CORK)) f(options.cork);
    else if (is(IPPROTO_TCP, TCP_QUICKACK)) f(options.quick_ack);
    else if (is(IPPROTO_TCP, tcp_pacing_name)) f(options.pacing);
    else if (is(IPPROTO_IPV6, IPV6_V6ONLY)) f(options.v6_only);
    else return false;
    return true;
}

/// Notes an option that a program sets by the system's level, name and value. no_protocol_option where there is no such.
inline bool set_tcp_option(tcp_socket_options& options, int level, int name, const void* data, std::size_t size, boost::system::error_code& error) {
    if (level == SOL_SOCKET && name == SO_LINGER) {
        ::linger value{};
        if (!read_option(value, data, size, error)) return false;
        options.linger = value.l_onoff != 0;
        options.linger_time = tcp_seconds(static_cast<std::uint32_t>(std::max(0, value.l_linger)));
        return true;
    }
    int value = 0;
    if (!read_option(value, data, size, error)) return false;
    if (with_tcp_flag(options, level, name, [&](bool& flag) { flag = value != 0; })) return true;
    const auto number = static_cast<std::uint32_t>(value);
    if (value < 0) error = boost::asio::error::invalid_argument;
    else if (is_hop_limit(level, name) || is_traffic_class(level, name)) {
        if (number > 255 || (number == 0 && is_hop_limit(level, name))) error = boost::asio::error::invalid_argument;
        else (is_hop_limit(level, name) ? options.hop_limit : options.traffic_class) = static_cast<std::uint8_t>(number);
    } else if (level == SOL_SOCKET && name == SO_SNDBUF) options.send_buffer = number;
    else if (level == SOL_SOCKET && name == SO_RCVBUF) options.receive_buffer = number;
    else if (level == IPPROTO_TCP && name == TCP_KEEPIDLE) options.keep_alive_idle = tcp_seconds(number);
    else if (level == IPPROTO_TCP && name == TCP_KEEPINTVL) options.keep_alive_interval = tcp_seconds(number);
    else if (level == IPPROTO_TCP && name == TCP_KEEPCNT) options.keep_alive_count = static_cast<std::uint8_t>(std::min(number, 127u));
    else if (level == IPPROTO_TCP && name == TCP_USER_TIMEOUT) options.user_timeout = tcp_milliseconds(number);
    else if (level == IPPROTO_TCP && name == TCP_MAXSEG) options.maximum_segment = static_cast<std::uint16_t>(std::min(number, 65535u));
    else if (level == IPPROTO_TCP && name == tcp_ecn_name && number <= static_cast<std::uint32_t>(tcp_ecn::ask)) options.ecn = static_cast<tcp_ecn>(number);
    else if (level == IPPROTO_TCP && name == tcp_ecn_name) error = boost::asio::error::invalid_argument;
    else error = boost::asio::error::no_protocol_option;
    return !error;
}

/// The value of an option by the system's level and name. no_protocol_option where there is no such.
inline void get_tcp_option(const tcp_socket_options& options, int level, int name, void* data, std::size_t& size, boost::system::error_code& error) {
    if (level == SOL_SOCKET && name == SO_LINGER) {
        const ::linger value{.l_onoff = options.linger, .l_linger = static_cast<int>(options.linger_time.count())};
        return write_option(value, data, size, error);
    }
    const auto give = [&](auto value) { write_option(static_cast<int>(value), data, size, error); };
    if (with_tcp_flag(options, level, name, [&](const bool& flag) { give(flag); })) return;
    if (is_hop_limit(level, name)) give(options.hop_limit == 0 ? 64 : options.hop_limit);
    else if (is_traffic_class(level, name)) give(options.traffic_class & 0xfc);
    else if (level == SOL_SOCKET && name == SO_SNDBUF) give(options.send_buffer != 0 ? options.send_buffer : options.first_send_buffer);
    else if (level == SOL_SOCKET && name == SO_RCVBUF) give(options.receive_buffer != 0 ? options.receive_buffer : options.first_receive_buffer);
    else if (level == IPPROTO_TCP && name == TCP_KEEPIDLE) give(options.keep_alive_idle.count());
    else if (level == IPPROTO_TCP && name == TCP_KEEPINTVL) give(options.keep_alive_interval.count());
    else if (level == IPPROTO_TCP && name == TCP_KEEPCNT) give(options.keep_alive_count);
    else if (level == IPPROTO_TCP && name == TCP_USER_TIMEOUT) give(options.user_timeout.count());
    else if (level == IPPROTO_TCP && name == TCP_MAXSEG) give(options.maximum_segment);
    else if (level == IPPROTO_TCP && name == tcp_ecn_name) give(options.ecn);
    else error = boost::asio::error::no_protocol_option;
}

}  // namespace netkit::detail

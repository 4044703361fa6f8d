#pragma once

#include <netkit/asio/option_classes.hpp>
#include <netkit/protocol/tcp/socket_options.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_socket_iostream.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>

namespace netkit::detail {

/// Names, at IPPROTO_TCP, of options for which the system has none.
inline constexpr int tcp_ecn_name = 0x6e6b01, tcp_pacing_name = 0x6e6b02;

}  // namespace netkit::detail

namespace netkit::ip {

/// TCP on a stack of this library, for Asio: what `boost::asio::ip::tcp` is for the kernel's. One class for all stacks.
class tcp {
public:
    using endpoint = boost::asio::ip::basic_endpoint<tcp>;
    using socket = boost::asio::basic_stream_socket<tcp>;
    using acceptor = boost::asio::basic_socket_acceptor<tcp>;
    using resolver = boost::asio::ip::basic_resolver<tcp>;
    using iostream = boost::asio::basic_socket_iostream<tcp>;
    using no_delay = boost::asio::ip::tcp::no_delay;

    // Options that Asio has no class for, as tcp_socket_options has them. But for the last two they are the system's, and serve
    // kernel sockets as well.
    using cork = detail::value_option<IPPROTO_TCP, TCP_CORK, bool>;
    using quick_ack = detail::value_option<IPPROTO_TCP, TCP_QUICKACK, bool>;
    using maximum_segment = detail::value_option<IPPROTO_TCP, TCP_MAXSEG, int>;  ///< once connected: that of the connection
    using keep_alive_idle = detail::duration_option<IPPROTO_TCP, TCP_KEEPIDLE, std::chrono::seconds>;
    using keep_alive_interval = detail::duration_option<IPPROTO_TCP, TCP_KEEPINTVL, std::chrono::seconds>;
    using keep_alive_count = detail::value_option<IPPROTO_TCP, TCP_KEEPCNT, int>;
    using user_timeout = detail::duration_option<IPPROTO_TCP, TCP_USER_TIMEOUT, std::chrono::milliseconds>;
    /// By its name, of those that are compiled into the stack; invalid_argument where it is none of them.
    using congestion_control = detail::name_option<IPPROTO_TCP, TCP_CONGESTION>;
    using ecn = detail::value_option<IPPROTO_TCP, detail::tcp_ecn_name, tcp_ecn>;
    using pacing = detail::value_option<IPPROTO_TCP, detail::tcp_pacing_name, bool>;

    // Questions for io_control. Both count from what the program has written on.
    using bytes_unacknowledged = detail::bytes_command<SIOCOUTQ>;  ///< not acknowledged, sent or not
    using bytes_unsent = detail::bytes_command<SIOCOUTQNSD>;

    static tcp v4() noexcept { return tcp(AF_INET); }
    static tcp v6() noexcept { return tcp(AF_INET6); }
    int type() const noexcept { return SOCK_STREAM; }
    int protocol() const noexcept { return IPPROTO_TCP; }
    int family() const noexcept { return family_; }

    friend bool operator==(const tcp& a, const tcp& b) noexcept { return a.family_ == b.family_; }
    friend bool operator!=(const tcp& a, const tcp& b) noexcept { return a.family_ != b.family_; }

private:
    explicit tcp(int family) noexcept : family_(family) {}
    int family_;
};

}  // namespace netkit::ip

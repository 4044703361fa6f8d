#pragma once

#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <concepts>

namespace netkit::ip {

/// ICMP and ICMPv6 by hand on a stack of this library, for Asio: what `boost::asio::ip::icmp` is for the kernel's.
class icmp {
public:
    using endpoint = boost::asio::ip::basic_endpoint<icmp>;
    using socket = boost::asio::basic_raw_socket<icmp>;
    using resolver = boost::asio::ip::basic_resolver<icmp>;

    static icmp v4() noexcept { return icmp(AF_INET); }
    static icmp v6() noexcept { return icmp(AF_INET6); }
    int type() const noexcept { return SOCK_RAW; }
    int protocol() const noexcept { return family_ == AF_INET ? int(IPPROTO_ICMP) : int(IPPROTO_ICMPV6); }
    int family() const noexcept { return family_; }

    friend bool operator==(const icmp& a, const icmp& b) noexcept { return a.family_ == b.family_; }
    friend bool operator!=(const icmp& a, const icmp& b) noexcept { return a.family_ != b.family_; }

private:
    explicit icmp(int family) noexcept : family_(family) {}
    int family_;
};

/// Any one IP protocol on a stack of this library: `raw socket{io, raw::v4(253)}`. Endpoints know the family only, so that a socket
/// made from one sends, and hears nothing.
class raw {
public:
    using endpoint = boost::asio::ip::basic_endpoint<raw>;
    using socket = boost::asio::basic_raw_socket<raw>;
    using resolver = boost::asio::ip::basic_resolver<raw>;

    /// AF_INET or AF_INET6, and the number of a protocol, 0 to 255.
    raw(int family, int protocol) noexcept : family_(family), protocol_(protocol) {}
    static raw v4(int protocol = IPPROTO_RAW) noexcept { return raw(AF_INET, protocol); }
    static raw v6(int protocol = IPPROTO_RAW) noexcept { return raw(AF_INET6, protocol); }
    int type() const noexcept { return SOCK_RAW; }
    int protocol() const noexcept { return protocol_; }
    int family() const noexcept { return family_; }

    friend bool operator==(const raw& a, const raw& b) noexcept { return a.family_ == b.family_ && a.protocol_ == b.protocol_; }
    friend bool operator!=(const raw& a, const raw& b) noexcept { return !(a == b); }

private:
    int family_;
    int protocol_;
};

}  // namespace netkit::ip

namespace netkit {

/// The protocols whose sockets are raw.
template <class Protocol>
concept raw_protocol = std::same_as<Protocol, ip::icmp> || std::same_as<Protocol, ip::raw>;

}  // namespace netkit

#pragma once

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

namespace netkit::ip {

/// UDP on a stack of this library, for Asio: what `boost::asio::ip::udp` is for the kernel's. One class for all stacks.
class udp {
public:
    using endpoint = boost::asio::ip::basic_endpoint<udp>;
    using socket = boost::asio::basic_datagram_socket<udp>;
    using resolver = boost::asio::ip::basic_resolver<udp>;

    static udp v4() noexcept { return udp(AF_INET); }
    static udp v6() noexcept { return udp(AF_INET6); }
    int type() const noexcept { return SOCK_DGRAM; }
    int protocol() const noexcept { return IPPROTO_UDP; }
    int family() const noexcept { return family_; }

    friend bool operator==(const udp& a, const udp& b) noexcept { return a.family_ == b.family_; }
    friend bool operator!=(const udp& a, const udp& b) noexcept { return a.family_ != b.family_; }

private:
    explicit udp(int family) noexcept : family_(family) {}
    int family_;
};

}  // namespace netkit::ip

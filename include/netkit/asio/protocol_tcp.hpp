#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_socket_iostream.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

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

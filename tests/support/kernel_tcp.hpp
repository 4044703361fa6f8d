#pragma once

// TCP sockets of the kernel's, and what its TCP is told to leave out. For processes in a network namespace of their own.

#include <netkit/drivers/file_descriptor.hpp>

#include <tests/support/byte_stream.hpp>
#include <tests/support/network_namespace.hpp>

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netkit::test {

/// What the kernel's TCP offers and takes, for connections that begin from now on.
struct kernel_settings {
    bool sack = true, timestamps = true, window_scaling = true, ecn = true;

    /// False where a setting is missing.
    bool apply() const {
        const auto set = [](const char* name, bool on) { return write_file((std::string("/proc/sys/net/ipv4/tcp_") + name).c_str(), on ? "1" : "0"); };
        return set("sack", sack) && set("timestamps", timestamps) && set("window_scaling", window_scaling) && set("ecn", ecn);
    }
};
inline std::string to_string(const kernel_settings& s) {
    const auto word = [](bool on, const char* name) { return (on ? " +" : " -") + std::string(name); };
    return "kernel" + word(s.sack, "sack") + word(s.timestamps, "timestamps") + word(s.window_scaling, "scaling") + word(s.ecn, "ecn");
}
/// Each setting with each other, all on first.
inline std::vector<kernel_settings> every_setting() {
    std::vector<kernel_settings> all;
    for (unsigned bits = 16; bits-- > 0;) all.push_back({(bits & 8) != 0, (bits & 4) != 0, (bits & 2) != 0, (bits & 1) != 0});
    return all;
}
/// All on, one off at a time, all off.
inline std::vector<kernel_settings> telling_settings() {
    return {{}, {.sack = false}, {.timestamps = false}, {.window_scaling = false}, {.ecn = false}, {false, false, false, false}};
}

/// A TCP socket of the kernel's, which never waits; closed at the end of scope.
class kernel_tcp {
public:
    kernel_tcp() = default;
    explicit kernel_tcp(bool ipv6) : socket_(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}

    /// Begins to connect to the stack's port, with room for so many bytes; 0: as many as the kernel likes.
    static kernel_tcp connecting(bool ipv6, std::uint16_t port, int receive_buffer = 0) {
        kernel_tcp s(ipv6);
        if (receive_buffer) s.set(SOL_SOCKET, SO_RCVBUF, receive_buffer);
        s.connect(ipv6, port);
        return s;
    }
    static kernel_tcp listening(bool ipv6, std::uint16_t port, int receive_buffer = 0) {
        kernel_tcp s(ipv6);
        if (receive_buffer) s.set(SOL_SOCKET, SO_RCVBUF, receive_buffer);
        s.set(SOL_SOCKET, SO_REUSEADDR, 1);
        with_address(ipv6, "198.18.0.1", "fd00:6e6b::1", port, [&](const sockaddr* address, socklen_t size) { return ::bind(s.get(), address, size); });
        ::listen(s.get(), 128);
        return s;
    }
    void connect(bool ipv6, std::uint16_t port) {
        with_address(ipv6, "198.18.0.2", "fd00:6e6b::2", port, [&](const sockaddr* address, socklen_t size) { return ::connect(get(), address, size); });
    }
    /// Not open where none waits.
    kernel_tcp accept() {
        kernel_tcp s;
        s.socket_ = netkit::file_descriptor(::accept4(get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        return s;
    }

    bool is_open() const { return bool(socket_); }
    int get() const { return socket_.get(); }
    void close() { socket_ = netkit::file_descriptor(); }
    /// Closes with a reset.
    void abort() {
        const linger at_once{1, 0};
        ::setsockopt(get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }
    void shutdown() { ::shutdown(get(), SHUT_WR); }
    template <class T>
    bool set(int level, int option, T value) {
        return ::setsockopt(get(), level, option, &value, sizeof value) == 0;
    }
    template <class T = int>
    T option(int level, int name) const {
        T value{};
        socklen_t size = sizeof value;
        ::getsockopt(get(), level, name, &value, &size);
        return value;
    }
    ::tcp_info info() const { return option<::tcp_info>(IPPROTO_TCP, TCP_INFO); }
    /// Why it failed, once; 0 otherwise.
    int take_error() { return option(SOL_SOCKET, SO_ERROR); }
    bool established() const { return info().tcpi_state == 1; }

    /// How many bytes were taken.
    std::size_t send(std::span<const std::byte> bytes) {
        if (bytes.empty()) return 0;
        const auto n = ::send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        error_ = n < 0 ? errno : 0;
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }
    void send_some(stream_source& from) { from.sent(send(from.next())); }
    /// Takes all there is; then ended() and error() say how it stands.
    void receive_some(stream_sink& to) {
        static std::vector<std::byte> block(256 * 1024);
        ssize_t n;
        while ((n = ::recv(get(), block.data(), block.size(), 0)) > 0) to.take(std::span<const std::byte>(block).first(static_cast<std::size_t>(n)));
        ended_ = n == 0;
        error_ = n < 0 ? errno : 0;
    }
    /// The peer has sent its last byte, and it has been received.
    bool ended() const { return ended_; }
    /// Of the last call; EAGAIN where there was nothing to do.
    int error() const { return error_; }

private:
    template <class Call>
    static int with_address(bool ipv6, const char* v4, const char* v6, std::uint16_t port, Call&& call) {
        if (ipv6) {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(port);
            ::inet_pton(AF_INET6, v6, &address.sin6_addr);
            return call(reinterpret_cast<const sockaddr*>(&address), socklen_t(sizeof address));
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        ::inet_pton(AF_INET, v4, &address.sin_addr);
        return call(reinterpret_cast<const sockaddr*>(&address), socklen_t(sizeof address));
    }

    netkit::file_descriptor socket_;
    int error_ = 0;
    bool ended_ = false;
};

}  // namespace netkit::test

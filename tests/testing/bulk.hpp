#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace simulated {

/// What bulk_sender sends: bytes by chance that repeat themselves after a prime number of them, so that none can be lost, doubled or
/// swapped unnoticed.
class pattern {
public:
    static constexpr std::size_t piece = 16384;

    /// The `piece` bytes from an offset on.
    static std::span<const std::byte> at(std::uint64_t offset) {
        static const pattern the_one;
        return std::span<const std::byte>(the_one.bytes_).subspan(static_cast<std::size_t>(offset % period), piece);
    }

private:
    static constexpr std::size_t period = 65537;
    pattern() : bytes_(period + piece) {
        for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>((i % period + 1) * 0x9e3779b97f4a7c15 >> 56);
    }
    std::vector<std::byte> bytes_;
};

/// Sends so many bytes as fast as the socket takes them, and then the end of the stream.
class bulk_sender {
public:
    bulk_sender(netkit::stack_core& on, const netkit::endpoint& to, std::uint64_t size, const netkit::tcp_socket_options& options = {},
                std::string_view congestion_control = {})
        : left_(size) {
        (void)socket.open(on);
        socket.set_options(options);
        if (!congestion_control.empty()) error = socket.choose_congestion_control(congestion_control);
        socket.on_ready([](void* self) { static_cast<bulk_sender*>(self)->go_on(); }, this);
        if (error == netkit::errc::ok) error = socket.connect(to);
        if (error == netkit::errc::would_block) error = netkit::errc::ok;
    }
    netkit::tcp_socket socket;
    netkit::errc error = netkit::errc::ok;

private:
    void go_on() {
        if (!socket.connected()) {
            if (!socket.connecting() && error == netkit::errc::ok) error = socket.take_error();
            return;
        }
        while (left_ != 0) {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, pattern::piece));
            const auto sent = socket.send(pattern::at(done_).first(n));
            left_ -= sent.bytes;
            done_ += sent.bytes;
            if (sent.error == netkit::errc::would_block) return;
            if (sent.error != netkit::errc::ok) {
                error = sent.error;
                return;
            }
        }
        if (!ended_) (void)socket.shutdown(false, true);
        ended_ = true;
    }

    std::uint64_t left_, done_ = 0;
    bool ended_ = false;
};

/// Listens, and reads from the first that connects to the end of the stream, comparing what comes with what bulk_sender sends.
class bulk_receiver {
public:
    bulk_receiver(netkit::stack_core& on, std::uint16_t port, const netkit::tcp_socket_options& options = {}) {
        (void)listener_.open(on);
        listener_.set_options(options);
        (void)listener_.bind({{}, port});
        (void)listener_.listen(1);
        listener_.on_ready([](void* self) { static_cast<bulk_receiver*>(self)->accept(); }, this);
        socket.on_ready([](void* self) { static_cast<bulk_receiver*>(self)->go_on(); }, this);
    }
    netkit::tcp_socket socket;
    std::uint64_t received = 0;
    bool finished = false;   ///< the end of the stream has come
    bool as_sent = true;     ///< every byte so far was the one that was sent
    netkit::errc error = netkit::errc::ok;

private:
    void accept() {
        if (!socket.is_open() && listener_.accept(socket) == netkit::errc::ok) go_on();
    }
    void go_on() {
        std::array<std::byte, pattern::piece> bytes;
        for (;;) {
            const auto got = socket.receive(std::span<std::byte>(bytes));
            as_sent = as_sent && std::memcmp(bytes.data(), pattern::at(received).data(), got.bytes) == 0;
            received += got.bytes;
            if (got.error == netkit::errc::end_of_stream) {
                finished = true;
                (void)socket.shutdown(false, true);
                return;
            }
            if (got.error == netkit::errc::would_block || got.bytes == 0) {
                if (got.error != netkit::errc::would_block && got.error != netkit::errc::ok) error = got.error;
                return;
            }
        }
    }

    netkit::tcp_socket listener_;
};

}  // namespace simulated

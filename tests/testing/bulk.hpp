#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace simulated {

/// Sends so many bytes as fast as the socket takes them, and then the end of the stream.
class bulk_sender {
public:
    bulk_sender(netkit::stack_core& on, const netkit::endpoint& to, std::uint64_t size) : left_(size) {
        (void)socket.open(on);
        socket.on_ready([](void* self) { static_cast<bulk_sender*>(self)->go_on(); }, this);
        error = socket.connect(to);
        if (error == netkit::errc::would_block) error = netkit::errc::ok;
    }
    netkit::tcp_socket socket;
    netkit::errc error = netkit::errc::ok;

    /// What is sent at an offset: bytes that do not repeat themselves soon.
    static std::byte pattern(std::uint64_t at) { return static_cast<std::byte>((at * 0x9e3779b97f4a7c15) >> 56); }

private:
    void go_on() {
        if (!socket.connected()) {
            if (!socket.connecting() && error == netkit::errc::ok) error = socket.take_error();
            return;
        }
        while (left_ != 0) {
            std::array<std::byte, 16384> bytes;
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            for (std::size_t i = 0; i < n; ++i) bytes[i] = pattern(done_ + i);
            const auto sent = socket.send(std::span<const std::byte>(bytes).first(n));
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
    bulk_receiver(netkit::stack_core& on, std::uint16_t port) {
        (void)listener_.open(on);
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
        std::array<std::byte, 16384> bytes;
        for (;;) {
            const auto got = socket.receive(std::span<std::byte>(bytes));
            for (std::size_t i = 0; i < got.bytes; ++i) as_sent = as_sent && bytes[i] == bulk_sender::pattern(received + i);
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

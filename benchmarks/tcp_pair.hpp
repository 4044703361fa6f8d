#pragma once

#include <netkit/buffer/offload.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace netkit_benchmark {

/// Two hosts in one thread on a memory link of 64 frames and MTU 1500. Sockets need not know what a stack is made of, so that only
/// one file compiles it.
class tcp_pair {
public:
    virtual ~tcp_pair() = default;
    virtual netkit::stack_core& client() = 0;
    virtual netkit::stack_core& server() = 0;
    static std::unique_ptr<tcp_pair> make(netkit::offloads can = {});

    void turn() {
        client().poll();
        server().poll();
    }
    /// Takes port 7 of the server. Throws std::runtime_error where it cannot.
    void listen(netkit::tcp_socket& listener, const netkit::tcp_socket_options& options = {});
    /// The client's addresses, since one has too few ports for a hundred thousand connections to the same server.
    static constexpr std::size_t client_addresses = 8;
    /// Connects from one of the client's addresses, and waits until the server has accepted. Throws std::runtime_error where that fails.
    void connect(netkit::tcp_socket& from, netkit::tcp_socket& listener, netkit::tcp_socket& accepted, const netkit::tcp_socket_options& options = {}, std::size_t address = 0);

private:
    static netkit::ipv4_address client_address(std::size_t i) { return {198, 18, static_cast<std::uint8_t>(i), 1}; }

protected:
    static void add_client_addresses(auto& client, netkit::interface_id on) {
        for (std::size_t i = 0; i < client_addresses; ++i) client.add_address(on, netkit::address_prefix{client_address(i), 16});
    }
};

}  // namespace netkit_benchmark

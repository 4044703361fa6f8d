#pragma once

#include <netkit/buffer/offload.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/layers/tcp_socket.hpp>

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
    /// Connects, and waits until the server has accepted. Throws std::runtime_error where that fails.
    void connect(netkit::tcp_socket& from, netkit::tcp_socket& listener, netkit::tcp_socket& accepted, const netkit::tcp_socket_options& options = {});
};

}  // namespace netkit_benchmark

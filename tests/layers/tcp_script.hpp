#pragma once

#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/protocol/tcp/state.hpp>
#include <netkit/testing/scripted_host.hpp>
#include <netkit/testing/tcp_checks.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the scripts of TCP's behaviour share: a host at 198.18.0.2 without a link layer, and a peer at 198.18.0.1 whom the script plays.
namespace netkit::tcp_script {

using namespace netkit::testing;
using namespace std::chrono_literals;

struct subject_options {
    std::uint32_t host_begins = 0xffff'ffcb;  ///< the host's initial sequence number: near the end, so that most numbers wrap
    std::uint32_t peer_begins = 0xffff'fff0;
    std::size_t mtu = 1500;
    tcp_socket_options socket{};
};

/// A host that listens at port 80 unless told otherwise, a socket for the connection that a script is about, and its peer.
struct subject : scripted_host<ipv4<icmp, tcp<>>> {
    static constexpr std::uint16_t own_port = 80, peer_port = 4000;
    static constexpr ipv4_address own_address{198, 18, 0, 2}, peer_address{198, 18, 0, 1};

    tcp_socket listener, socket;
    tcp_peer peer;
    tcp_socket_options socket_options;

    explicit subject(const subject_options& o = {})
        : scripted_host({.link = {.mtu = o.mtu, .link = link_type::ip}}), peer(tcp({peer_address, peer_port}, {own_address, own_port}, o.peer_begins)), socket_options(o.socket) {
        add_address("198.18.0.2/24");
        choose_initial_sequence(o.host_begins);
    }

    /// The host's initial sequence numbers grow with time (RFC 6528): waits for the one wanted.
    void choose_initial_sequence(std::uint32_t wanted) {
        const auto key = tcp_flow_key::of(own_address, own_port, peer_address, peer_port);
        const auto next = host.template at<netkit::tcp>()->beginnings(key, host.environment_of().now()).sequence;
        pass(std::chrono::microseconds(4) * std::int64_t{wanted - next.value()});
        REQUIRE(host.template at<netkit::tcp>()->beginnings(key, host.environment_of().now()).sequence.value() == wanted);
    }

    void listen(std::size_t backlog = 5) {
        REQUIRE(listener.open(host) == errc::ok);
        listener.set_options(socket_options);
        REQUIRE(listener.bind({{}, own_port}) == errc::ok);
        REQUIRE(listener.listen(backlog) == errc::ok);
    }
    /// Starts to connect to the peer. The SYN is still to be expected.
    void connect() {
        REQUIRE(socket.open(host) == errc::ok);
        socket.set_options(socket_options);
        REQUIRE(socket.bind({{}, own_port}) == errc::ok);
        REQUIRE(socket.connect({peer_address, peer_port}) == errc::would_block);
    }
    /// A connection that the peer opened: `syn` is its SYN, of 0, and the handshake takes `round_trip`.
    void establish(const segment_builder& syn, duration round_trip = 100ms) {
        listen();
        inject(syn);
        expect(is_tcp(flags("S."), sequence(0), acknowledgement(1)));
        pass(round_trip);
        inject(peer.ack(1, 1));
        REQUIRE(listener.accept(socket) == errc::ok);
        expect_nothing();
    }
    void establish() { establish(peer.syn().mss(1460)); }

    std::size_t write(std::string_view text) { return socket.send(std::as_bytes(std::span(text))).bytes; }
    std::size_t write(std::size_t size) {
        const std::vector<std::byte> bytes(size, std::byte{'x'});
        return socket.send(std::span<const std::byte>(bytes)).bytes;
    }
    /// What can be read, then "<end of stream>" or what else receive says, unless it is that nothing is there.
    std::string read() {
        std::string all;
        std::vector<std::byte> buffer(70'000);
        for (;;) {
            const auto r = socket.receive(std::span<std::byte>(buffer));
            for (std::size_t i = 0; i < r.bytes; ++i) all += std::to_integer<char>(buffer[i]);
            if (r.error != errc::ok && r.error != errc::would_block) all += "<" + std::string(to_string(r.error)) + ">";
            if (r.bytes == 0) return all;
        }
    }
    errc finish() { return socket.shutdown(false, true); }

    /// The state of the connection with the peer, whoever holds it.
    tcp_state state() {
        auto here = host.template at<netkit::tcp>();
        const auto* flow = here->flows.find(tcp_flow_key::of(own_address, own_port, peer_address, peer_port));
        if (!flow) return listener.is_open() ? tcp_state::listen : tcp_state::closed;
        if (flow->kind == tcp_flow_kind::time_wait) return tcp_state::time_wait;
        if (flow->kind == tcp_flow_kind::half_open) return tcp_state::syn_received;
        using entry = typename netkit::tcp<>::entry;
        return static_cast<const entry*>(flow)->state;
    }
    void check_accounts() const {
        const auto& c = host.counters();
        CHECK(c.received == c.delivered + c.forwarded + c.dropped_in_all());
    }
};

}  // namespace netkit::tcp_script

#pragma once

#include <doctest/doctest.h>

#include "by_hand.hpp"

#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/pseudo_header.hpp>
#include <netkit/wire/tcp.hpp>
#include <netkit/wire/tcp_option_parser.hpp>
#include <netkit/wire/tcp_option_writer.hpp>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

/// A host with a listener at port 80, whose peers a test plays segment by segment.
namespace tcp_by_hand {

using namespace netkit;
using namespace netkit::test;
using namespace std::chrono_literals;

inline constexpr ipv4_address ours{198, 18, 0, 2}, peer{198, 18, 0, 1};

struct made {
    ipv4_address source = peer, target = ours;
    std::uint16_t source_port = 4000, target_port = 80;
    std::uint32_t sequence = 1000, acknowledgement = 0;
    tcp_flags flags = tcp_flags::syn;
    std::size_t payload = 0;
    std::uint8_t header_words = 5;
    std::vector<std::uint8_t> options{};
    bool good_checksum = true;

    frame bytes() const {
        const auto length = 20 + options.size() + payload;
        frame f(20 + length);
        ipv4_header ip{.version_ihl = 0x45, .tos = 0, .length = static_cast<std::uint16_t>(f.size()), .id = 1, .fragment = 0x4000, .ttl = 64, .protocol = 6, .checksum = {}, .source = source, .target = target};
        ip.checksum = checksum_of(sum16(ip));
        tcp_header h{};
        h.source = source_port;
        h.target = target_port;
        h.sequence = sequence;
        h.acknowledgement = acknowledgement;
        h.offset = static_cast<std::uint8_t>(header_words << 4);
        h.control = static_cast<std::uint8_t>(flags);
        h.window = 60000;
        std::memcpy(f.data(), &ip, 20);
        std::memcpy(f.data() + 20, &h, 20);
        if (!options.empty()) std::memcpy(f.data() + 40, options.data(), options.size());
        h.checksum = checksum_of(sum16(std::span<const std::byte>(f).subspan(20), pseudo_header_sum(source, target, ip_protocol::tcp, length)));
        if (!good_checksum) h.checksum = static_cast<std::uint16_t>(h.checksum ^ 1);
        std::memcpy(f.data() + 20, &h, 20);
        return f;
    }
};

struct fixture : host_by_hand<ipv4<icmp, tcp<>>> {
    tcp_socket listener;
    fixture() : host_by_hand({.link = link_type::ip}) {
        host.add_address(on, "198.18.0.2/24");
        REQUIRE(listener.open(host) == errc::ok);
        REQUIRE(listener.bind({ip_address{}, 80}) == errc::ok);
        REQUIRE(listener.listen(8) == errc::ok);
    }
    tcp_header reply_to(const made& m) {
        const auto all = exchange(m.bytes());
        REQUIRE(all.size() == 1);
        return at<tcp_header>(all[0], 20);
    }
    std::string end_of(const made& m) { return fate(host, on, m.bytes()); }
    /// An established connection; what we expect next from it.
    std::uint32_t connect(tcp_socket& s) {
        const auto answer = reply_to({});
        CHECK(exchange(made{.sequence = 1001, .acknowledgement = answer.sequence + 1, .flags = tcp_flags::ack}.bytes()).empty());
        REQUIRE(listener.accept(s) == errc::ok);
        return answer.sequence + 1;
    }
};

}  // namespace tcp_by_hand

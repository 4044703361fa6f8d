#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/context.hpp>
#include <netkit/wire/ethernet.hpp>
#include <netkit/wire/header_at.hpp>
#include <netkit/wire/ipv4.hpp>
#include <netkit/wire/tcp.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

namespace demo {

/// What was seen of a packet below one layer: the header that this layer has just pushed, or is about to pull.
struct waypoint {
    const char* layer;
    std::size_t header;    ///< its bytes
    std::size_t packet;    ///< bytes of the packet, that header included
    std::size_t headroom;  ///< bytes of room left in front of it
    std::string line;      ///< the header, for people
};

/// The way of the first segment with payload that leaves one host, down its layers and up those of the other.
class journey {
public:
    bool has_left() const { return left_; }
    bool has_arrived() const { return arrived_; }

    // Going down, the transport sees a segment first and the link last; going up, the other way round.
    void leaves(const waypoint& seen, bool by_transport, bool by_link, bool has_payload) {
        if (by_transport) leaving_ = has_payload;
        if (!leaving_) return;
        down_.push_back(seen);
        left_ = by_link;
    }
    void arrives(const waypoint& seen, bool by_transport, bool by_link, bool has_payload) {
        if (by_link) up_.clear();
        up_.push_back(seen);
        arrived_ = by_transport && has_payload;
    }

    void print(const char* sender, const char* receiver) const {
        std::printf("  %-14s %-9s %9s %9s %9s\n", "", "layer", "header", "packet", "headroom");
        for (const auto& each : down_) print(each, sender, "pushes");
        for (const auto& each : up_) print(each, receiver, "pulls");
    }

private:
    static void print(const waypoint& each, const char* host, const char* does) {
        std::printf("  %-6s %-7s %-9s %7zu B %7zu B %7zu B   %s\n", host, does, each.layer, each.header, each.packet, each.headroom, each.line.c_str());
    }

    std::vector<waypoint> down_, up_;
    bool leaving_ = false, left_ = false, arrived_ = false;
};

/// An observer below a layer whose header is Header: shows a journey what passes.
template <class Header>
class viewpoint {
public:
    journey* from_us = nullptr;  ///< null: nobody is interested
    journey* to_us = nullptr;

    void sent(netkit::context auto, const netkit::packet& p) {
        if (!from_us || from_us->has_left()) return;
        if (const auto* header = netkit::header_at<Header>(p.head())) from_us->leaves(seen(*header, p), is_transport, is_link, p.size() > size_of(*header));
    }
    void received(netkit::context auto, const netkit::packet& p) {
        if (!to_us || to_us->has_arrived()) return;
        if (const auto* header = netkit::header_at<Header>(p.head())) to_us->arrives(seen(*header, p), is_transport, is_link, p.size() > size_of(*header));
    }

private:
    static constexpr bool is_link = std::is_same_v<Header, netkit::ethernet_header>;
    static constexpr bool is_transport = std::is_same_v<Header, netkit::tcp_header>;

    static std::size_t size_of(const Header& header) {
        if constexpr (is_link) return sizeof header;
        else return header.header_size();
    }
    static waypoint seen(const Header& header, const netkit::packet& p) {
        const char* name = is_link ? "ethernet" : is_transport ? "tcp" : "ipv4";
        return {name, size_of(header), p.size(), p.headroom(), to_string(header)};
    }
};

}  // namespace demo

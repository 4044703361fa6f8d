#pragma once

#include <netkit/buffer/shared_packet.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

namespace netkit::detail {

// Operations of stream sockets that copy nothing; see socket_work.hpp.

template <class Implementation>
struct send_packet_work {
    Implementation* on;
    shared_packet packet;
    std::size_t bytes = 0;

    bool at_once() const { return false; }
    bool perform(boost::system::error_code& error) { return on->send(packet, bytes, error); }
    auto results(const boost::system::error_code& error) { return std::tuple(error, bytes); }
};

template <class Implementation>
struct receive_packet_work {
    Implementation* on;
    std::size_t most;
    shared_packet packet{};

    bool at_once() const { return false; }
    bool perform(boost::system::error_code& error) { return on->receive(packet, most, error); }
    auto results(const boost::system::error_code& error) { return std::tuple(error, std::move(packet)); }
};

template <class Implementation>
struct receive_packets_work {
    Implementation* on;
    std::span<shared_packet> into;
    std::size_t count = 0;

    bool at_once() const { return into.empty(); }
    bool perform(boost::system::error_code& error) { return on->receive(into, count, error); }
    auto results(const boost::system::error_code& error) { return std::tuple(error, count); }
};

}  // namespace netkit::detail

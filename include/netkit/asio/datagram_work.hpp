#pragma once

#include <netkit/layers/datagram.hpp>

#include <boost/system/error_code.hpp>

#include <tuple>
#include <utility>

namespace netkit::detail {

/// Receives a datagram without copying it; see socket_work.hpp.
template <class Implementation>
struct receive_datagram_work {
    Implementation* on;
    datagram received{};

    bool at_once() const { return false; }
    bool perform(boost::system::error_code& error) { return on->receive(received, error); }
    auto results(const boost::system::error_code& error) { return std::tuple<boost::system::error_code, datagram>(error, std::move(received)); }
};

}  // namespace netkit::detail

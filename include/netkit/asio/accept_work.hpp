#pragma once

#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/tcp_implementation.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <tuple>
#include <utility>

namespace netkit::detail {

// Operations of listeners; see socket_work.hpp. `from`, where not null, is told the peer's endpoint.

/// Accepts into a socket of the caller's. Another accept may be about to fill it: then this one takes no connection.
template <class Peer>
struct accept_work {
    tcp_implementation* on;
    Peer* peer;
    ip::tcp::endpoint* from;
    accepted_connection accepted{};

    bool at_once() const { return taken(); }
    bool perform(boost::system::error_code& error) {
        if (taken()) {
            error = boost::asio::error::already_open;
            return true;
        }
        if (!on->accept(accepted, error)) return false;
        if (!error) inside().promised = true;
        return true;
    }
    auto results(boost::system::error_code error) {
        if (accepted.socket) {
            inside().promised = false;
            // Opened since then, by the program.
            if (!error && peer->is_open()) error = boost::asio::error::already_open;
        }
        if (!error) {
            if (from) *from = accepted.remote;
            inside().take(std::move(accepted));
        }
        return std::tuple(error);
    }

private:
    tcp_implementation& inside() const { return socket_access::holder(*peer).implementation(); }
    bool taken() const { return peer->is_open() || inside().promised; }
};

/// Accepts into a new socket with the given executor.
template <class Executor, class Peer>
struct move_accept_work {
    tcp_implementation* on;
    Executor executor;
    ip::tcp::endpoint* from;
    Peer* type;  ///< null: says of what class the new socket is
    accepted_connection accepted{};

    bool at_once() const { return false; }
    bool perform(boost::system::error_code& error) { return on->accept(accepted, error); }
    auto results(const boost::system::error_code& error) {
        Peer peer(executor);
        if (!error) {
            if (from) *from = accepted.remote;
            socket_access::holder(peer).implementation().take(std::move(accepted));
        }
        return std::tuple<boost::system::error_code, Peer>(error, std::move(peer));
    }
};

}  // namespace netkit::detail

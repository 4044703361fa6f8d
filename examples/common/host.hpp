#pragma once

#include "host_options.hpp"

#include <netkit/asio/executor.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/layers/echo_sockets.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>

namespace example {

/// A host of both families with ICMP, UDP and TCP on the device that the options name. On `link` there is a second host, the
/// neighbour, at the other end, so that a program has somebody to talk to without any rights.
///
/// The composition is compiled in host.cpp alone: programs name neither it nor its layers.
class host {
public:
    /// Throws, saying what is wrong or missing, where an option is malformed or the device cannot be opened. When the device is gone for
    /// good (its interface was deleted), the io_context's run() throws.
    host(boost::asio::io_context& io, const host_options& options);
    ~host();

    /// What sockets of this host are made from. Those made from the io_context are this host's too.
    netkit::stack_executor executor();
    /// This host's first address; the unspecified one where it has none.
    netkit::ip_address address() const;
    /// For about a second after the start, IPv6 addresses may be another host's too, and are not used.
    bool is_checking_addresses() const;

    bool has_neighbour() const;
    netkit::stack_executor neighbour_executor();
    /// Its address in the network of this host's first one.
    netkit::ip_address neighbour_address() const;

    /// Has stop() called once, when SIGINT or SIGTERM comes, or the device is a file and has been read. Until then, or until ended(), that is
    /// work of the io_context.
    void on_end(std::function<void()> stop);
    void ended();
    /// Writes what is left of the capture. Throws where it could not be written completely.
    void finish_capture();

    /// Sends echo requests and gets the replies.
    std::unique_ptr<netkit::echo_socket> open_echo(bool v6);

    /// Each interface and its traffic, and what became of all frames, a line each.
    std::string report();

private:
    struct implementation;
    std::unique_ptr<implementation> implementation_;
};

}  // namespace example

#pragma once

#include "journey.hpp"

#include <netkit/asio/executor.hpp>
#include <netkit/core/ip_address.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace demo {

/// The line between the two hosts, each way.
struct line_options {
    std::chrono::microseconds delay{2000};
    double loss = 0.002;               ///< of frames, 0 to 1
    std::uint64_t rate = 100'000'000;  ///< bits a second; 0 is no limit
    std::uint64_t seed = 1;            ///< of the losses, and of the hosts' own chance
    std::string capture;               ///< pcapng file of the frames at the client's end; none where empty
};

/// Two hosts of different compositions, and the line between them. The compositions are compiled in network.cpp alone.
class network {
public:
    network(boost::asio::io_context& io, const line_options& options);
    ~network();

    /// What sockets of each are made from.
    netkit::stack_executor client();
    netkit::stack_executor server();
    netkit::ip_address server_address() const;

    /// How the two hosts and their line are made, for people.
    std::string describe() const;
    const journey& request() const;
    /// Writes what is left of the capture. Throws where it could not be written completely.
    void finish_capture();
    /// The counters of both hosts and of the line.
    std::string report();

private:
    struct implementation;
    std::unique_ptr<implementation> implementation_;
};

}  // namespace demo

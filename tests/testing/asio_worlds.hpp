#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/core/time.hpp>
#include <netkit/drivers/impairments.hpp>
#include <netkit/testing/link.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/testing/simulation_context.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>

// Two hosts of different composition on a line, and what runs programs on them. Their compositions are compiled in
// asio_worlds.cpp alone, as a program's own files need not name them.
namespace simulated_programs {

namespace net = boost::asio;
using namespace std::chrono_literals;
using netkit::simulation_executor;

class two_hosts {
    struct hosts;

public:
    explicit two_hosts(const netkit::impairments& line = {.delay = 1ms}, std::uint64_t seed = 1);
    two_hosts(const two_hosts&) = delete;
    ~two_hosts();

    netkit::testing::simulation simulation;

private:
    std::unique_ptr<hosts> hosts_;

public:
    netkit::testing::simulation_context programs{simulation};

    /// 198.18.0.1, IPv4 alone.
    simulation_executor client();
    /// 198.18.0.2 and fd00:6e6b::2.
    simulation_executor server();
    net::ip::address server_address() const { return net::ip::make_address("198.18.0.2"); }
    /// Forward is from the client to the server.
    netkit::testing::link& line();
    void remove_server();
    netkit::duration elapsed() const { return simulation.elapsed(); }
};

inline void rethrow(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

}  // namespace simulated_programs

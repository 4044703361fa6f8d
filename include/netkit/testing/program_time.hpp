#pragma once

#include <netkit/asio/service.hpp>
#include <netkit/testing/simulation.hpp>

#include <boost/asio/execution_context.hpp>

#include <stdexcept>

namespace netkit::testing {

/// Which simulation an io_context's programs run on: where their timers find it.
class program_time : public boost::asio::execution_context::service {
public:
    using key_type = program_time;
    static inline boost::asio::execution_context::id id;

    explicit program_time(boost::asio::execution_context& of) : service(of), network_(network_service::of(of)) {}
    static program_time& of(boost::asio::execution_context& context) { return boost::asio::use_service<program_time>(context); }

    /// Throws std::logic_error where the io_context's programs run on none.
    testing::simulation& simulation() const {
        if (!simulation_) throw std::logic_error("netkit: a timer with a simulation's executor on an io_context that no simulation_context runs");
        return *simulation_;
    }
    void simulation(testing::simulation& on) { simulation_ = &on; }
    network_service& network() const { return network_; }

private:
    void shutdown() noexcept override {}

    network_service& network_;
    testing::simulation* simulation_ = nullptr;
};

}  // namespace netkit::testing

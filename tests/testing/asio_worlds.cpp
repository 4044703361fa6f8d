#include "asio_worlds.hpp"

#include <netkit/asio/stack_lookup.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/udp.hpp>
#include <netkit/testing/connect.hpp>
#include <netkit/testing/host.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <doctest/doctest.h>

#include <optional>

namespace simulated_programs {

using small_host = netkit::testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::udp, netkit::tcp<>>>>;
using large_host = netkit::testing::host<
    netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::udp, netkit::tcp<>>>>;

struct two_hosts::hosts {
    hosts(netkit::testing::simulation& in, const netkit::impairments& how)
        : small(in, "small"), large(std::in_place, in, "large"), line(netkit::testing::connect(small, "198.18.0.1/24", *large, "198.18.0.2/24", how)) {
        (*large)->add_address(line.at_second, "fd00:6e6b::2/64");
    }
    small_host small;
    std::optional<large_host> large;
    netkit::testing::connection line;
};

two_hosts::two_hosts(const netkit::impairments& how, std::uint64_t seed) : simulation(seed), hosts_(std::make_unique<hosts>(simulation, how)) {}
two_hosts::~two_hosts() = default;

simulation_executor two_hosts::client() { return programs.get_executor(hosts_->small); }
simulation_executor two_hosts::server() { return programs.get_executor(*hosts_->large); }
netkit::testing::link& two_hosts::line() { return hosts_->line; }
void two_hosts::remove_server() {
    programs.remove(*hosts_->large);
    hosts_->large.reset();
}

}  // namespace simulated_programs

TEST_CASE("a simulation's executors name their hosts' stacks") {
    simulated_programs::two_hosts w;
    CHECK(w.client() == w.client());
    CHECK(w.client() != w.server());
    CHECK(&w.client().stack() != &w.server().stack());
    CHECK(netkit::stack_of(w.client()) == &w.client().stack());
    CHECK(netkit::stack_of(boost::asio::any_io_executor(w.server())) == &w.server().stack());
    CHECK(w.programs.get_executor().stack().core == nullptr);
}

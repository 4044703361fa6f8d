#pragma once

#include <netkit/compose/environment.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/testing/script.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace netkit::testing {

struct scripted_host_options {
    memory_link_options link{};
    script_options script{};
    mac_address mac{2, 0, 0, 0, 0, 2};
    std::uint64_t seed = 1;
};

namespace detail {
/// A stack with one wire: made before the script that holds its other end, and destroyed after it.
template <class Root>
struct host_on_a_wire {
    explicit host_on_a_wire(const scripted_host_options& o) : host(manual_environment(o.seed)) {
        auto [near, far] = memory_link::make(o.link);
        on = host.attach(std::move(near), o.link.link == link_type::ethernet ? o.mac : mac_address{});
        far_end = std::move(far);
    }
    stack<Root, memory_link, manual_environment> host;
    interface_id on{};
    memory_link far_end;
};
}  // namespace detail

/// A whole host stack on manual time, and the script that plays the rest of the world:
/// `scripted_host<ipv4<icmp, udp, tcp<>>> t({.link = {.link = link_type::ip}});`
template <class Root>
class scripted_host : detail::host_on_a_wire<Root>, public script {
    using base = detail::host_on_a_wire<Root>;

public:
    using base::host;
    using base::on;

    explicit scripted_host(const scripted_host_options& options = {})
        : base(options), script(base::host, base::on, std::move(base::far_end), base::host.environment_of().now(),
                                [this](time_point now) { base::host.environment_of().set(now); }, options.script) {}

    /// Gives the host an address, and as much time as it needs to see whether it is free.
    void add_address(std::string_view text) {
        host.add_address(on, text);
        pass(std::chrono::seconds(5));
        (void)take();
    }
};

}  // namespace netkit::testing

#pragma once

// A stack and the kernel at the two ends of a TAP device, for processes in a network namespace of their own that are made of
// doctest cases.

#include <netkit/compose/stack.hpp>
#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/impaired.hpp>
#include <netkit/drivers/tap.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/dual.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/icmpv6.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/ipv6.hpp>
#include <netkit/layers/ndp.hpp>
#include <netkit/layers/tcp.hpp>

#include <tests/support/impaired_sending.hpp>
#include <tests/support/network_namespace.hpp>
#include <tests/support/tshark.hpp>

#include <doctest/doctest.h>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace netkit::test {

/// What happens to frames between the two, in each direction.
struct line_faults {
    double loss = 0, duplicate = 0, reorder = 0;
    double mark = 0;                     ///< as a congested router does
    std::chrono::milliseconds delay{0};  ///< towards the stack only
};
inline std::string to_string(const line_faults& f) {
    const auto share = [](double of, const char* what) { return ", " + std::to_string(static_cast<int>(of * 1000)) + " of 1000 frames " + what; };
    return share(f.loss, "lost") + share(f.duplicate, "doubled") + share(f.reorder, "reordered") + share(f.mark, "marked") + ", " + std::to_string(f.delay.count()) + " ms late";
}

class stack_beside_kernel {
public:
    using host = netkit::ethernet<netkit::arp, netkit::dual<netkit::ipv4<netkit::icmp>, netkit::ipv6<netkit::icmpv6<netkit::ndp>>, netkit::tcp<>>>;
    // What is captured is what the kernel sees.
    using device = impaired_sending<netkit::impaired<netkit::capture<netkit::tap>>>;
    using stack_type = netkit::stack<host, device>;

    /// With `offload`, super-segments and partial checksums cross the device; the faults are better seen without.
    explicit stack_beside_kernel(bool offload, std::uint64_t seed = 1) : interface_(stack_.attach(make_device(offload, seed))) {
        stack_.add_address(interface_, "198.18.0.2/24");
        stack_.add_address(interface_, "fd00:6e6b::2/64");
    }
    ~stack_beside_kernel() {
        if (path_[0]) ::unlink(path_.data());
    }

    /// One round: what has come is taken, what is due is done. Waits a millisecond where there is nothing.
    void turn() {
        pollfd wanted{stack_.native_handle(interface_), POLLIN, 0};
        ::poll(&wanted, 1, 1);
        stack_.poll();
    }
    /// Turns until done() says true; false after so long.
    template <class Done>
    bool until(Done&& done, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            turn();
        }
        return true;
    }
    /// Until the stack is sure that its IPv6 address is its own.
    void detect_duplicate_address() { turn_for(std::chrono::duration_cast<std::chrono::milliseconds>(made_ + std::chrono::milliseconds(1300) - std::chrono::steady_clock::now())); }
    void turn_for(std::chrono::milliseconds time) {
        (void)until([] { return false; }, time);
    }

    void change_line(const line_faults& faults) {
        auto& sending = stack_.device_of(interface_);
        sending.change({faults.loss, faults.duplicate, faults.reorder, faults.mark});
        netkit::impairments how;
        how.loss = faults.loss;
        how.duplicate = faults.duplicate;
        how.reorder = faults.reorder;
        how.delay = faults.delay;
        how.reorder_by = std::chrono::milliseconds(1);
        sending.inner().change(how);
    }
    std::size_t frames_lost() {
        auto& sending = stack_.device_of(interface_);
        return sending.lost() + static_cast<std::size_t>(sending.inner().counters().lost);
    }

    std::size_t frames_marked() { return stack_.device_of(interface_).marked(); }

    stack_type& stack() { return stack_; }
    netkit::interface_id interface() const { return interface_; }

    /// What passed was well formed, by the stack's own account and by tshark's.
    void judge() {
        const auto& c = stack_.counters();
        CHECK(c[netkit::drop_reason::checksum] == 0);
        CHECK(c[netkit::drop_reason::malformed] == 0);
        CHECK(c[netkit::drop_reason::truncated] == 0);
        stack_.device_of(interface_).inner().inner().writer()->flush();
        if (have_tshark()) CHECK(complaints_of_tshark(path_.data(), "-d tcp.port==80,data") == "");
        else std::printf("NOT TRIED: tshark is not installed: the capture was not judged\n");
    }

private:
    device make_device(bool offload, std::uint64_t seed) {
        const int descriptor = ::mkstemp(path_.data());
        REQUIRE(descriptor >= 0);
        ::close(descriptor);
        netkit::tap_options options;
        options.offload = offload;
        for (const char* address : {"198.18.0.1/24", "fd00:6e6b::1/64"}) options.host_addresses.push_back(netkit::address_prefix::parse(address));
        auto tap = netkit::tap::open("nk%d", options);
        netkit::capture<netkit::tap> captured(std::move(tap), path_.data(), {.name = "between us and the kernel"});
        return device(netkit::impaired<netkit::capture<netkit::tap>>(std::move(captured), {}, seed), seed + 1);
    }

    std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
    std::array<char, 32> path_{"/tmp/netkit_system_XXXXXX"};
    stack_type stack_;
    netkit::interface_id interface_;
};

/// The main function of such a test: 77 where there are no rights to what it needs.
inline int run_beside_kernel(int argc, char** argv) {
    if (const auto why = enter_network_namespace()) return skip(*why);
    if (const auto why = why_no_tap()) return skip(*why);
    kernel_ipv6(true);
    // Whatever the machine's choice is; where this is missing, its choice it is.
    (void)write_file("/proc/sys/net/ipv4/tcp_congestion_control", "cubic");
    doctest::Context context(argc, argv);
    return context.run();
}

}  // namespace netkit::test

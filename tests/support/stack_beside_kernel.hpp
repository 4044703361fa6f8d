#pragma once

// A stack and the kernel at the two ends of a TAP device, and TCP connections between them. For processes in a network
// namespace of their own, made of doctest cases.

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
#include <netkit/layers/tcp_socket.hpp>

#include <tests/support/byte_stream.hpp>
#include <tests/support/impaired_sending.hpp>
#include <tests/support/kernel_tcp.hpp>
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
#include <span>
#include <string>
#include <vector>

namespace netkit::test {

/// What happens to frames between the two, in each direction.
struct line_faults {
    double loss = 0, duplicate = 0, reorder = 0;
    std::chrono::milliseconds delay{0};  ///< towards the stack only
};
inline std::string to_string(const line_faults& f) {
    const auto share = [](double of, const char* what) { return ", " + std::to_string(static_cast<int>(of * 1000)) + " of 1000 frames " + what; };
    return share(f.loss, "lost") + share(f.duplicate, "doubled") + share(f.reorder, "reordered") + ", " + std::to_string(f.delay.count()) + " ms late";
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
        // Until the stack is sure that its IPv6 address is its own.
        const auto detected = std::chrono::steady_clock::now() + std::chrono::milliseconds(1300);
        while (std::chrono::steady_clock::now() < detected) turn();
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
    void turn_for(std::chrono::milliseconds time) {
        (void)until([] { return false; }, time);
    }

    void change_line(const line_faults& faults) {
        auto& sending = stack_.device_of(interface_);
        sending.change({faults.loss, faults.duplicate, faults.reorder});
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
        else MESSAGE("tshark is not installed: the capture was not judged");
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

    std::array<char, 32> path_{"/tmp/netkit_system_XXXXXX"};
    stack_type stack_;
    netkit::interface_id interface_;
};

/// Who begins a connection.
enum class opener { kernel, stack };
inline constexpr std::array both_openers{opener::kernel, opener::stack};
inline std::string to_string(opener who) { return who == opener::kernel ? ", the kernel connects" : ", the stack connects"; }

/// One connection: our end of it, and the kernel's.
struct tcp_pair {
    netkit::tcp_socket ours;
    kernel_tcp theirs;

    void send_some(stream_source& from) {
        if (!from.done()) from.sent(ours.send(from.next()).bytes);
    }
    /// Takes all there is, and says why there is no more.
    netkit::errc receive_some(stream_sink& to) {
        static std::vector<std::byte> block(256 * 1024);
        for (;;) {
            const auto got = ours.receive(block);
            if (got.error != netkit::errc::ok) return got.error;
            to.take(std::span<const std::byte>(block).first(got.bytes));
        }
    }
};

/// A connection over which both send the same number of bytes, both at once.
struct transfer {
    explicit transfer(std::size_t bytes, std::size_t block = 128 * 1024) : size(bytes), from_us(bytes, block), from_them(bytes, block) {}

    /// What can be sent and received now.
    void exchange() {
        (void)pair.receive_some(to_us);
        pair.send_some(from_us);
        pair.theirs.receive_some(to_them);
        pair.theirs.send_some(from_them);
    }
    bool complete() const { return to_us.received() == size && to_them.received() == size; }
    void check() const {
        CHECK(to_us.received() == size);
        CHECK(to_them.received() == size);
        CHECK(to_us.wrong() == 0);
        CHECK(to_them.wrong() == 0);
    }
    /// Both say that there is no more; true once both have heard it.
    bool finish() {
        if (!finished) {
            (void)pair.ours.shutdown(false, true);
            pair.theirs.shutdown();
            finished = true;
        }
        pair.theirs.receive_some(to_them);
        return pair.receive_some(to_us) == netkit::errc::end_of_stream && pair.theirs.ended();
    }

    std::size_t size;
    tcp_pair pair;
    stream_source from_us, from_them;
    stream_sink to_us, to_them;
    bool finished = false;
};

/// Listeners of both on port 80, ours with these options, and connections made through them.
class tcp_meeting {
public:
    tcp_meeting(stack_beside_kernel& world, bool ipv6, const netkit::tcp_socket_options& options = {})
        : world_(world), ipv6_(ipv6), options_(options), theirs_(kernel_tcp::listening(ipv6, 80)) {
        REQUIRE(ours_.open(world.stack()) == netkit::errc::ok);
        ours_.set_options(options);
        REQUIRE(ours_.bind({netkit::ip_address::parse(ipv6 ? "::" : "0.0.0.0"), 80}) == netkit::errc::ok);
        REQUIRE(ours_.listen(128) == netkit::errc::ok);
    }

    /// False where there is no connection after ten seconds.
    bool connect(tcp_pair& pair, opener who) {
        if (who == opener::kernel) {
            pair.theirs = kernel_tcp::connecting(ipv6_, 80);
            return world_.until([&] { return (pair.ours.is_open() || ours_.accept(pair.ours) == netkit::errc::ok) && pair.theirs.established(); });
        }
        if (pair.ours.open(world_.stack()) != netkit::errc::ok) return false;
        pair.ours.set_options(options_);
        (void)pair.ours.connect({netkit::ip_address::parse(ipv6_ ? "fd00:6e6b::1" : "198.18.0.1"), 80});
        return world_.until([&] {
            if (!pair.theirs.is_open()) pair.theirs = theirs_.accept();
            return pair.theirs.is_open() && pair.ours.connected();
        });
    }
    netkit::tcp_socket& listener() { return ours_; }

private:
    stack_beside_kernel& world_;
    bool ipv6_;
    netkit::tcp_socket_options options_;
    netkit::tcp_socket ours_;
    kernel_tcp theirs_;
};

/// What both ends say was agreed on is what the kernel was set to, as far as we offer it.
template <class Ours>
void check_negotiated(const Ours& ours, const ::tcp_info& theirs, const kernel_settings& settings) {
    const auto has = [&](int option) { return (theirs.tcpi_options & option) != 0; };
    CHECK(ours.timestamps == settings.timestamps);
    CHECK(has(TCPI_OPT_TIMESTAMPS) == settings.timestamps);
    CHECK(ours.window_scaling == settings.window_scaling);
    CHECK(has(TCPI_OPT_WSCALE) == settings.window_scaling);
    if (settings.window_scaling) {
        CHECK(theirs.tcpi_snd_wscale == ours.receive_scale);
        CHECK(theirs.tcpi_rcv_wscale == ours.send_scale);
    }
    if constexpr (requires { ours.sack; }) {
        CHECK(ours.sack == settings.sack);
        CHECK(has(TCPI_OPT_SACK) == settings.sack);
    }
    if constexpr (requires { ours.ecn; }) {
        CHECK(bool(ours.ecn) == settings.ecn);
        CHECK(has(TCPI_OPT_ECN) == settings.ecn);
    }
}

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

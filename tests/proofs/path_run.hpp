#pragma once

#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/protocol/tcp/congestion/choice.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/link.hpp>
#include <netkit/testing/simulation.hpp>

#include <tests/proofs/path_models.hpp>
#include <tests/proofs/watched_end.hpp>
#include <tests/testing/bulk.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string_view>
#include <utility>

namespace proofs {

/// Two hosts, a path between them, and flows over it, all from the one to the other.
class path_run {
public:
    using host = netkit::testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<netkit::congestion_choice<netkit::cubic, netkit::reno>>>>,
                                       watched_end>;
    static constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

    struct flow {
        flow(path_run& in, std::uint16_t port, std::string_view algorithm, std::uint64_t size, const netkit::tcp_socket_options& options)
            : receiver(in.to_, port, options), sender(in.from_, {netkit::ip_address::parse("198.18.0.2"), port}, size, options, algorithm) {}
        simulated::bulk_receiver receiver;
        simulated::bulk_sender sender;
        netkit::tcp_info info() const { return sender.socket.info(); }
    };

    explicit path_run(const path& over, std::uint64_t seed = 1, watched_end::watcher look = {})
        : path_run(over, forward(over), seed, std::move(look)) {}
    /// The same with other troubles on the way.
    path_run(const path& over, const netkit::impairments& how, std::uint64_t seed, watched_end::watcher look = {})
        : net(seed), from_(net, "from"), to_(net, "to"), wire(net, "path", how, backward(over)), buffer_(buffer_for(over)) {
        from_->add_address(from_.attach(watched_end(wire.first(), net, std::move(look))), "198.18.0.1/24");
        to_->add_address(to_.attach(watched_end(wire.second(), net, {})), "198.18.0.2/24");
    }
    /// Begins to send now. Buffers are four times what the path with its queue holds.
    flow& add(std::string_view algorithm = "cubic", std::uint64_t size = endless, netkit::tcp_socket_options options = {}) {
        options.send_buffer = options.receive_buffer = buffer_;
        return flows_.emplace_back(*this, static_cast<std::uint16_t>(9 + flows_.size()), algorithm, size, options);
    }

    static netkit::duration seconds(double s) { return netkit::duration(static_cast<netkit::duration::rep>(s * 1e9)); }
    static netkit::impairments forward(const path& over) {
        auto how = backward(over);
        how.queue_limit = static_cast<std::size_t>(over.queue_frames());
        how.loss = over.loss;
        return how;
    }

    netkit::testing::simulation net;

private:
    static netkit::impairments backward(const path& over) {
        netkit::impairments how;
        how.rate = static_cast<std::uint64_t>(over.rate);
        how.delay = seconds(over.round_trip / 2);
        how.queue_limit = 1'000'000;
        return how;
    }
    static std::uint32_t buffer_for(const path& over) {
        return static_cast<std::uint32_t>(std::clamp(4 * path::frame * (over.segments() + over.queue_frames()), 1e6, 1e9));
    }

    host from_, to_;

public:
    netkit::testing::link wire;

private:
    std::uint32_t buffer_;
    std::deque<flow> flows_;
};

/// A flow measured for a while, after another while.
struct measurement {
    double goodput = 0;  ///< bits of payload a second
    netkit::tcp_info before, after;
    std::uint64_t overflowed = 0;  ///< frames that found the queue full, from the beginning
};
inline measurement measure(path_run& run, path_run::flow& of, double warm_up, double time) {
    measurement m;
    run.net.run_for(path_run::seconds(warm_up));
    m.before = of.info();
    const auto received = of.receiver.received;
    run.net.run_for(path_run::seconds(time));
    m.after = of.info();
    m.goodput = static_cast<double>(of.receiver.received - received) * 8 / time;
    m.overflowed = run.wire.forward().counters().dropped;
    return m;
}

}  // namespace proofs

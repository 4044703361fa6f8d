#pragma once

#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/random.hpp>
#include <netkit/layers/arp.hpp>
#include <netkit/layers/ethernet.hpp>
#include <netkit/layers/icmp.hpp>
#include <netkit/layers/ipv4.hpp>
#include <netkit/layers/tcp.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/testing/connect.hpp>
#include <netkit/testing/host.hpp>
#include <netkit/testing/simulation.hpp>

#include <tests/proofs/lines.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace proofs {

using proving_host = netkit::testing::host<netkit::ethernet<netkit::arp, netkit::ipv4<netkit::icmp, netkit::tcp<>>>>;

/// One side of a transfer: sends so many bytes made up from a seed, reads to the end what the other side sends, and digests both. A Digest has
/// update(bytes) and finish(), which gives text.
template <class Digest>
class side {
public:
    side(std::uint64_t size, std::uint64_t seed) : left_(size), random_(netkit::random_source::from_seed(seed)) { socket.on_ready(&side::run, this); }
    side(const side&) = delete;

    netkit::tcp_socket socket;
    std::string sent_digest, received_digest;
    std::uint64_t received = 0;
    netkit::errc error = netkit::errc::ok;

    bool finished() const { return !sent_digest.empty() && !received_digest.empty(); }
    void go_on() {
        if (!socket.connected()) {
            if (!socket.connecting() && error == netkit::errc::ok) error = socket.take_error();
            return;
        }
        write();
        read();
    }

private:
    static void run(void* self) { static_cast<side*>(self)->go_on(); }

    void write() {
        while (sent_digest.empty()) {
            if (begin_ == end_) {
                end_ = static_cast<std::size_t>(std::min<std::uint64_t>(left_, chunk_.size()));
                begin_ = 0;
                left_ -= end_;
                for (std::size_t i = 0; i < end_; i += 8) {
                    const auto word = random_();
                    std::memcpy(&chunk_[i], &word, 8);
                }
                sent_.update(std::span(chunk_).first(end_));
            }
            if (end_ == 0) {
                sent_digest = sent_.finish();
                (void)socket.shutdown(false, true);
                return;
            }
            const auto went = socket.send(std::span<const std::byte>(chunk_).subspan(begin_, end_ - begin_));
            begin_ += went.bytes;
            if (went.bytes != 0) continue;
            if (went.error != netkit::errc::would_block && went.error != netkit::errc::no_buffers) error = went.error;
            return;
        }
    }
    void read() {
        std::array<std::byte, 32768> bytes;
        for (;;) {
            const auto came = socket.receive(std::span<std::byte>(bytes));
            received_.update(std::span<const std::byte>(bytes).first(came.bytes));
            received += came.bytes;
            if (came.error == netkit::errc::end_of_stream && received_digest.empty()) received_digest = received_.finish();
            else if (came.error != netkit::errc::ok && came.error != netkit::errc::would_block && came.error != netkit::errc::end_of_stream) error = came.error;
            if (came.bytes == 0) return;
        }
    }

    std::uint64_t left_;
    netkit::random_source random_;
    Digest sent_, received_;
    std::array<std::byte, 32768> chunk_{};
    std::size_t begin_ = 0, end_ = 0;
};

/// What became of a transfer.
struct outcome {
    bool intact = false;             ///< both digests are equal, each way
    bool ended = false;              ///< both sides came to the end, and no error
    netkit::errc error = netkit::errc::ok;
    netkit::duration took{};         ///< of virtual time
    double real_seconds = 0;
    std::size_t most_memory = 0;     ///< bytes of packet buffers that the pools of both hosts ever had at once
    std::uint64_t frames = 0, lost = 0;
    netkit::tcp_info a{}, b{};

    bool good() const { return intact && ended; }
};

/// Sends `size` bytes each way at once over a bad line, to the end of both streams, or for a month of virtual time.
template <class Digest>
outcome transfer(const bad_line& line, std::uint64_t size, std::uint64_t seed) {
    const auto real_start = std::chrono::steady_clock::now();
    netkit::testing::simulation net(seed);
    proving_host a(net, "a"), b(net, "b");
    auto wire = netkit::testing::connect(a, "198.18.0.1/24", b, "198.18.0.2/24", line.how);
    // However long it takes: nobody gives up.
    netkit::tcp_socket_options patient;
    patient.user_timeout = netkit::tcp_milliseconds::max();

    netkit::tcp_socket listener;
    side<Digest> from(size, seed + 1), to(size, seed + 2);
    struct waiting {
        netkit::tcp_socket& listener;
        side<Digest>& to;
    } waiting{listener, to};
    (void)listener.open(b);
    listener.set_options(patient);
    (void)listener.bind({{}, 9});
    (void)listener.listen(1);
    listener.on_ready(
        [](void* at) {
            auto& w = *static_cast<struct waiting*>(at);
            if (!w.to.socket.is_open() && w.listener.accept(w.to.socket) == netkit::errc::ok) w.to.go_on();
        },
        &waiting);
    (void)from.socket.open(a);
    from.socket.set_options(patient);
    const netkit::endpoint peer{netkit::ip_address::parse("198.18.0.2"), 9};
    (void)from.socket.connect(peer);

    outcome result;
    const auto done = [&] {
        // Where three requests for the peer's link address were lost, there was no connection yet to lose anything.
        if (from.error == netkit::errc::host_unreachable && !to.socket.is_open()) {
            from.error = netkit::errc::ok;
            (void)from.socket.connect(peer);
        }
        return (from.finished() && to.finished()) || from.error != netkit::errc::ok || to.error != netkit::errc::ok;
    };
    auto random = netkit::random_source::from_seed(seed + 3);
    const auto start = net.now();
    constexpr netkit::duration month = 24h * 30;
    bool narrow = false, still = false;
    while (!done() && net.now() - start < month) {
        const netkit::duration step = line.mtu_changes || line.pauses ? netkit::duration(std::chrono::milliseconds(200 + random() % 3000)) : netkit::duration(1h);
        const auto before = net.now();
        net.run_until(done, step);
        // Where nothing is left to happen, it hangs.
        if (net.now() == before && !net.next_deadline() && !still) break;
        if (!done() && net.now() < before + step) net.run_until(before + step);
        result.most_memory = std::max(result.most_memory, a->buffers().allocated() + b->buffers().allocated());
        if (line.mtu_changes && random() % 2 == 0) wire.mtu((narrow = !narrow) ? 576 + random() % 800 : 1500);
        if (line.pauses) {
            still = !still;
            if (random() % 2 == 0) still ? wire.pause() : wire.resume();
            else still ? wire.cut() : wire.mend();
            if (!still) {
                wire.resume();
                wire.mend();
            }
        }
    }
    result.took = net.now() - start;
    result.error = from.error != netkit::errc::ok ? from.error : to.error;
    result.ended = from.finished() && to.finished() && result.error == netkit::errc::ok;
    result.intact = from.received == size && to.received == size && from.sent_digest == to.received_digest && to.sent_digest == from.received_digest;
    result.most_memory = std::max(result.most_memory, a->buffers().allocated() + b->buffers().allocated());
    for (auto* way : {&wire.forward(), &wire.backward()}) {
        const auto& c = way->counters();
        result.frames += c.sent;
        result.lost += c.lost + c.dropped + c.oversized + c.cut_off + c.corrupted;
    }
    result.a = from.socket.info();
    result.b = to.socket.info();
    result.real_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - real_start).count();
    return result;
}

}  // namespace proofs

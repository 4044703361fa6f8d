#pragma once

#include <netkit/protocol/tcp/calls.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>
#include <netkit/protocol/tcp/describe.hpp>
#include <netkit/protocol/tcp/receive_processing.hpp>
#include <netkit/protocol/tcp/time_wait.hpp>
#include <netkit/protocol/tcp/timers.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

/// TCP's machine alone: ends with a clock made up, whose segments a test reads, writes, loses and reorders.
namespace tcp_test {

using namespace std::chrono_literals;
using netkit::tcp_flags;
using netkit::tcp_state;
using netkit::time_point;
using connection = netkit::tcp_connection<netkit::reno>;
using bytes = std::vector<std::byte>;

/// A segment as it goes over the wire, without addresses and checksum.
struct segment {
    std::uint32_t sequence = 0, acknowledgement = 0;
    tcp_flags flags = tcp_flags::ack;
    std::uint16_t window = 65535;
    bytes payload{};
    netkit::tcp_parsed_options options{};
    std::uint16_t gso_size = 0;
    std::uint8_t ecn = 0;  ///< of the IP header: 2 says that routers may mark it, 3 that one did

    bool has(tcp_flags f) const { return netkit::has(flags, f); }
    std::uint32_t size() const { return static_cast<std::uint32_t>(payload.size()); }
    std::uint32_t end() const { return sequence + size() + (has(tcp_flags::syn) ? 1 : 0) + (has(tcp_flags::fin) ? 1 : 0); }
};

struct made_up_time {
    time_point now{std::chrono::seconds(1000)};
};

/// One end: a connection, or a listener for one.
class end {
public:
    explicit end(made_up_time& c, std::uint32_t initial_sequence = 1000) : clock_(&c), initial_(initial_sequence) { reset(); }

    connection& c() { return *connection_; }
    tcp_state state() const { return connection_->state; }
    netkit::pool& pool() { return *pool_; }
    /// Is shown each packet that leaves.
    std::function<void(netkit::packet&)> looks_at;
    /// What it sent and nobody has taken.
    std::deque<segment> sent;
    std::vector<netkit::drop_reason> drops;
    std::size_t delivered = 0;
    std::size_t resets = 0;  ///< answers to segments that belong to nothing
    bool admits = true;
    bool listening = false;
    std::uint16_t way_mss = 1460;
    std::uint16_t most_payload = 0;
    netkit::tcp_socket_options options{};

    void reset() {
        connection_ = std::make_unique<connection>();
        connection_->way.mss = way_mss;
    }
    void prepare() {
        connection_->way.mss = way_mss;
        connection_->way.most_payload = most_payload;
        connection_->options = netkit::tcp_shared_options(options);
    }
    void connect() {
        prepare();
        netkit::tcp_machine::open(*this, c(), beginnings());
    }
    void listen() { listening = true; }
    netkit::io_result write(std::span<const std::byte> data) {
        return netkit::tcp_machine::send(*this, c(), std::span<const std::span<const std::byte>>(&data, 1));
    }
    netkit::io_result write(std::size_t n) { return write(bytes(n, std::byte('x'))); }
    netkit::io_result read(std::span<std::byte> to, bool peek = false) {
        return netkit::tcp_machine::receive(*this, c(), std::span<const std::span<std::byte>>(&to, 1), peek);
    }
    netkit::io_result read(std::size_t n) {
        bytes to(n);
        return read(to);
    }
    void finish() { netkit::tcp_machine::finish_sending(*this, c()); }
    void close() { netkit::tcp_machine::close(*this, c()); }
    void set(const netkit::tcp_socket_options& o) { netkit::tcp_machine::options_changed(*this, c(), netkit::tcp_shared_options(o)); }

    /// A segment arrives.
    void arrive(const segment& s) {
        netkit::packet p(*pool_, 128, s.payload.size() + 60);
        if (!p) return;  // lost, as it is where a device finds no buffer
        netkit::tcp_header h{};
        std::byte space[40];
        const auto n = netkit::write_tcp_options(space, s.options);
        h.sequence = s.sequence;
        h.acknowledgement = s.acknowledgement;
        h.offset = netkit::tcp_header::make_offset(20 + n);
        h.control = static_cast<std::uint8_t>(s.flags);
        h.window = s.window;
        p.append(std::as_bytes(std::span(&h, 1)));
        p.append(std::span<const std::byte>(space, n));
        p.append(s.payload);
        p.frames(1);
        p.gso_size(s.gso_size);
        netkit::tcp_segment parsed;
        netkit::read_tcp_segment(p, parsed);
        parsed.ecn = s.ecn;
        const auto before = delivered + drops.size();
        if (state() == tcp_state::time_wait) {
            answer_in_time_wait(parsed);
            deliver(p);
        } else if (state() == tcp_state::closed) {
            if (listening && parsed.has(tcp_flags::syn)) {
                listening = false;
                prepare();
                deliver(p);
                netkit::tcp_machine::open_passive(*this, c(), beginnings(), parsed);
            } else {
                if (!parsed.has(tcp_flags::rst)) refuse(c(), parsed);
                drop(std::move(p), netkit::drop_reason::no_socket);
            }
        } else {
            netkit::tcp_machine::receive(*this, c(), parsed, std::move(p));
        }
        CHECK(delivered + drops.size() == before + 1);
    }
    /// The soonest moment at which something is to be done.
    time_point deadline() const { return armed_; }
    void expire() {
        if (armed_ > clock_->now) return;
        armed_ = time_point::max();
        netkit::tcp_machine::expired(*this, c());
    }
    /// Lets time pass, in which only this end does things.
    void pass(netkit::duration by) {
        const auto until = clock_->now + by;
        while (armed_ <= until) {
            clock_->now = std::max(clock_->now, armed_);
            expire();
        }
        clock_->now = until;
    }
    segment take() {
        REQUIRE(!sent.empty());
        auto s = std::move(sent.front());
        sent.pop_front();
        return s;
    }

    // The machine's host.
    time_point now() const { return clock_->now; }
    netkit::pool& buffers() { return *pool_; }
    netkit::packet allocate(std::size_t size) { return netkit::packet(*pool_, 128, size); }
    template <class C>
    netkit::errc send(C& its, netkit::packet p, const netkit::tcp_header& h, const netkit::tcp_option_bytes& its_options) {
        if (looks_at) looks_at(p);
        segment s;
        s.sequence = h.sequence;
        s.acknowledgement = h.acknowledgement;
        s.flags = h.flags();
        s.window = h.window;
        s.gso_size = p.gso_size();
        s.ecn = its.ecn_capable_segment ? 2 : 0;
        s.payload.resize(p.size());
        p.copy_to(s.payload);
        netkit::parse_tcp_options(its_options.bytes, s.options);
        sent.push_back(std::move(s));
        return netkit::errc::ok;
    }
    template <class C>
    void arm(C&, time_point when) {
        armed_ = std::min(armed_, when);
    }
    bool memory_is_scarce() const { return netkit::tcp_machine::is_memory_scarce(*pool_); }
    template <class C>
    bool admit(C&) {
        return admits;
    }
    template <class C>
    void refuse(C&, const netkit::tcp_segment& s) {
        ++resets;
        const auto h = netkit::tcp_refusal(s).header();
        segment r;
        r.sequence = h.sequence;
        r.acknowledgement = h.acknowledgement;
        r.flags = h.flags();
        r.window = 0;
        sent.push_back(r);
    }
    void deliver(netkit::packet&) { ++delivered; }
    void drop(netkit::packet, netkit::drop_reason why) { drops.push_back(why); }

private:
    void answer_in_time_wait(const netkit::tcp_segment& s) {
        netkit::tcp_time_wait w;
        w.send_next = c().send_highest;
        w.receive_next = c().receive_next;
        const auto what = netkit::time_wait_answer(w, s);
        if (what != netkit::tcp_time_wait_answer::acknowledge && what != netkit::tcp_time_wait_answer::restart) return;
        segment answer;
        answer.sequence = w.send_next.value();
        answer.acknowledgement = w.receive_next.value();
        answer.options.has_timestamps = c().timestamps;
        answer.options.ts_value = netkit::tcp_timing::timestamp_clock(clock_->now) + c().timestamp_offset;
        sent.push_back(answer);
    }
    netkit::tcp_beginnings beginnings() const { return {netkit::sequence_number(initial_), 77}; }

    made_up_time* clock_;
    std::uint32_t initial_;
    std::unique_ptr<netkit::pool> pool_ = std::make_unique<netkit::pool>();
    std::unique_ptr<connection> connection_;
    time_point armed_ = time_point::max();
};

/// What a link between two ends does to segments, each way alike.
struct weather {
    netkit::duration delay = 10ms;
    netkit::duration jitter = 0ms;  ///< more, by chance: reorders
    double loss = 0, duplication = 0;
};

/// Two ends joined by a link, driven through time.
class pair {
public:
    explicit pair(weather w = {}, std::uint64_t seed = 1, std::uint32_t isn_a = 1000, std::uint32_t isn_b = 5000)
        : a(time, isn_a), b(time, isn_b), weather_(w), random_(seed) {}

    made_up_time time;
    end a, b;
    /// Loses what it says is lost: (from a, the how-manieth segment of that side, the segment).
    std::function<bool(bool, std::size_t, const segment&)> loses;
    /// What happens to each on its way: (from a, the segment).
    std::function<void(bool, segment&)> changes;
    std::vector<segment> log_a, log_b;  ///< what a and b sent
    bool keep_log = false;

    /// Opens the connection from a to b.
    void open() {
        b.listen();
        a.connect();
        run_until([&] { return a.state() == tcp_state::established && b.state() == tcp_state::established; }, 600s);
    }
    void weather_is(const weather& w) { weather_ = w; }
    /// Runs until `done`, or until nothing is left to happen, or `limit` has passed. Whether it was done.
    template <class F>
    bool run_until(F&& done, netkit::duration limit) {
        const auto last = time.now + limit;
        for (;;) {
            collect(a, true);
            collect(b, false);
            if (done()) return true;
            // What `done` had them send.
            collect(a, true);
            collect(b, false);
            auto next = std::min(a.deadline(), b.deadline());
            if (!under_way_.empty()) next = std::min(next, under_way_.front().when);
            if (next == time_point::max() || next > last) {
                time.now = last;
                return false;
            }
            time.now = std::max(time.now, next);
            a.expire();
            b.expire();
            collect(a, true);
            collect(b, false);
            while (!under_way_.empty() && under_way_.front().when <= time.now) {
                std::pop_heap(under_way_.begin(), under_way_.end(), later);
                auto t = std::move(under_way_.back());
                under_way_.pop_back();
                (t.to_b ? b : a).arrive(t.s);
            }
        }
    }
    void run(netkit::duration limit) {
        run_until([] { return false; }, limit);
    }

private:
    struct travelling {
        time_point when;
        std::uint64_t order;
        bool to_b;
        segment s;
    };
    static bool later(const travelling& x, const travelling& y) { return x.when != y.when ? x.when > y.when : x.order > y.order; }
    double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }
    void collect(end& from, bool to_b) {
        for (; !from.sent.empty(); from.sent.pop_front()) {
            auto& s = from.sent.front();
            auto& count = to_b ? count_a_ : count_b_;
            ++count;
            if (keep_log) (to_b ? log_a : log_b).push_back(s);
            if (loses && loses(to_b, count, s)) continue;
            if (chance() < weather_.loss) continue;
            if (changes) changes(to_b, s);
            put(s, to_b);
            if (chance() < weather_.duplication) put(s, to_b);
        }
    }
    void put(const segment& s, bool to_b) {
        const auto jitter = weather_.jitter.count() == 0 ? netkit::duration{} : netkit::duration(static_cast<std::int64_t>(chance() * static_cast<double>(weather_.jitter.count())));
        under_way_.push_back({time.now + weather_.delay + jitter, order_++, to_b, s});
        std::push_heap(under_way_.begin(), under_way_.end(), later);
    }

    weather weather_;
    std::mt19937_64 random_;
    std::vector<travelling> under_way_;
    std::uint64_t order_ = 0;
    std::size_t count_a_ = 0, count_b_ = 0;
};

inline bytes pattern(std::size_t n, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    bytes result(n);
    for (auto& b : result) b = static_cast<std::byte>(random());
    return result;
}

/// Sends all of `data` from one end to the other, which reads as it comes; true where exactly that came, and then the end.
inline bool transfer(pair& p, end& from, end& to, const bytes& data, netkit::duration limit, std::size_t read_size = 5000) {
    std::size_t written = 0;
    bytes got;
    bytes buffer(read_size);
    bool ended = false, finished = false;
    p.run_until(
        [&] {
            while (written < data.size()) {
                const auto r = from.write(std::span<const std::byte>(data).subspan(written));
                written += r.bytes;
                if (r.bytes == 0) break;
            }
            if (written == data.size() && !finished) {
                from.finish();
                finished = true;
            }
            for (;;) {
                const auto r = to.read(buffer);
                if (r.error == netkit::errc::end_of_stream) ended = true;
                if (r.bytes == 0) break;
                got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(r.bytes));
            }
            return ended;
        },
        limit);
    return ended && got == data;
}

}  // namespace tcp_test

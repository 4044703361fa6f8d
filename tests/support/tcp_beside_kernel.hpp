#pragma once

// TCP connections between a stack and the kernel.

#include <netkit/layers/tcp_socket.hpp>

#include <tests/support/byte_stream.hpp>
#include <tests/support/kernel_tcp.hpp>
#include <tests/support/stack_beside_kernel.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <span>
#include <string>
#include <vector>

namespace netkit::test {

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

/// The options of a program that asks for all that can be agreed on.
inline netkit::tcp_socket_options asking_for_all() {
    netkit::tcp_socket_options options;
    options.ecn = netkit::tcp_ecn::ask;
    return options;
}

/// A connection over which both send the same number of bytes, both at once.
struct transfer {
    explicit transfer(std::size_t bytes) : size(bytes), from_us(bytes), from_them(bytes) {}

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

/// Listeners of both on port 80, and connections made through them: our sockets with these options, the kernel's with a receive
/// buffer of so many bytes, where that is not 0.
class tcp_meeting {
public:
    tcp_meeting(stack_beside_kernel& world, bool ipv6, const netkit::tcp_socket_options& options = {}, int kernel_buffer = 0)
        : world_(world), ipv6_(ipv6), options_(options), kernel_buffer_(kernel_buffer), theirs_(kernel_tcp::listening(ipv6, 80, kernel_buffer)) {
        if (ipv6) world.detect_duplicate_address();
        REQUIRE(ours_.open(world.stack()) == netkit::errc::ok);
        ours_.set_options(options);
        REQUIRE(ours_.bind({netkit::ip_address::parse(ipv6 ? "::" : "0.0.0.0"), 80}) == netkit::errc::ok);
        REQUIRE(ours_.listen(128) == netkit::errc::ok);
    }

    /// Either end of a connection that the other is to accept.
    void begin(kernel_tcp& theirs) const { theirs = kernel_tcp::connecting(ipv6_, 80, kernel_buffer_); }
    void begin(netkit::tcp_socket& ours) {
        REQUIRE(ours.open(world_.stack()) == netkit::errc::ok);
        ours.set_options(options_);
        REQUIRE(ours.connect({netkit::ip_address::parse(ipv6_ ? "fd00:6e6b::1" : "198.18.0.1"), 80}) == netkit::errc::would_block);
    }
    /// Whether a connection was waiting.
    bool accept(kernel_tcp& theirs) {
        theirs = theirs_.accept();
        return theirs.is_open();
    }
    bool accept(netkit::tcp_socket& ours) { return ours_.accept(ours) == netkit::errc::ok; }

    /// Both. False where there is no connection after ten seconds.
    bool connect(tcp_pair& pair, opener who) {
        if (who == opener::kernel) {
            begin(pair.theirs);
            return world_.until([&] { return (pair.ours.is_open() || accept(pair.ours)) && pair.theirs.established(); });
        }
        begin(pair.ours);
        return world_.until([&] { return (pair.theirs.is_open() || accept(pair.theirs)) && pair.ours.connected(); });
    }

private:
    stack_beside_kernel& world_;
    bool ipv6_;
    netkit::tcp_socket_options options_;
    int kernel_buffer_;
    netkit::tcp_socket ours_;
    kernel_tcp theirs_;
};

/// What both ends say was agreed on is what the kernel was set to, where we ask for all.
inline void check_negotiated(const netkit::tcp_info& ours, const ::tcp_info& theirs, const kernel_settings& settings) {
    const auto has = [&](int option) { return (theirs.tcpi_options & option) != 0; };
    CHECK(ours.timestamps == settings.timestamps);
    CHECK(has(TCPI_OPT_TIMESTAMPS) == settings.timestamps);
    CHECK(ours.window_scaling == settings.window_scaling);
    CHECK(has(TCPI_OPT_WSCALE) == settings.window_scaling);
    if (settings.window_scaling) {
        CHECK(theirs.tcpi_snd_wscale == ours.receive_scale);
        CHECK(theirs.tcpi_rcv_wscale == ours.send_scale);
    }
    CHECK(ours.selective_acknowledgements == settings.sack);
    CHECK(has(TCPI_OPT_SACK) == settings.sack);
    CHECK(ours.ecn == settings.ecn);
    CHECK(has(TCPI_OPT_ECN) == settings.ecn);
}

struct transfer_of_kind {
    transfer_of_kind(const kernel_settings& s, opener o, std::size_t bytes) : settings(s), who(o), t(bytes) {}

    kernel_settings settings;
    opener who;
    transfer t;
};
/// A connection of each kind, to do something with all of them at once, since much of it is waiting.
class one_of_each {
public:
    one_of_each(stack_beside_kernel& world, tcp_meeting& meeting, std::size_t bytes) : world_(world) {
        for (const auto& settings : every_setting())
            for (const auto who : both_openers) {
                REQUIRE(settings.apply());
                auto& t = all_.emplace_back(settings, who, bytes).t;
                REQUIRE(meeting.connect(t.pair, who));
            }
    }
    std::size_t size() const { return all_.size(); }
    template <class F>
    void check(F&& f) {
        for (auto& each : all_) {
            INFO(to_string(each.settings) << to_string(each.who));
            f(each.t);
        }
    }
    /// Does something with each, time and again, until it is true of all; false after so long.
    template <class F>
    bool until(F&& f, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
        return world_.until([&] { return std::ranges::count_if(all_, [&](auto& each) { return f(each.t); }) == std::ssize(all_); }, limit);
    }
    /// All send and receive all there is.
    bool complete(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
        const bool result = until([](transfer& t) { return t.exchange(), t.complete(); }, limit);
        check([](transfer& t) { t.check(); });
        return result;
    }
    /// All are told of the end, and hear of it.
    bool finish() {
        return until([](transfer& t) { return t.finish(); });
    }

private:
    stack_beside_kernel& world_;
    std::list<transfer_of_kind> all_;
};

}  // namespace netkit::test

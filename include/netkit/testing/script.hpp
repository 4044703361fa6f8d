#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/interface_id.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/time.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/testing/housekeeping.hpp>
#include <netkit/testing/packet_builder.hpp>
#include <netkit/testing/packet_check.hpp>
#include <netkit/testing/script_log.hpp>
#include <netkit/testing/seen_packet.hpp>
#include <netkit/testing/segment_builder.hpp>
#include <netkit/testing/tcp_numbers.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <initializer_list>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netkit::testing {

/// When a packet is due, from now on: `within(200ms)`, `after(1s)`, `between(1s, 1200ms)`.
struct due {
    duration earliest{}, latest{};
};
inline due within(duration latest) { return {{}, latest}; }
/// Neither sooner nor later, give or take `tolerance`.
inline due after(duration exactly, duration tolerance = {}) { return {exactly - tolerance, exactly + tolerance}; }
inline due between(duration earliest, duration latest) { return {earliest, latest}; }

/// A check, and where in the script it stands.
struct expectation {
    expectation(packet_check c, std::source_location at = std::source_location::current()) : check(std::move(c)), here(at) {}
    packet_check check;
    std::source_location here;
};

struct script_options {
    /// Answers the host's ARP and neighbour discovery (everybody is at `mac`), and keeps these and group membership from the script.
    bool housekeeping = true;
    mac_address mac{2, 0, 0, 0, 0, 1};
};

/// A script holds the far end of a host's wire, and the host's time. It says what arrives, and what must leave, when; nothing else
/// may: a packet that nobody expected fails the script at its next injection, or at its end. Failures are script_failure exceptions.
class script {
public:
    /// `move_time` sets the host's clock, which says `now`.
    script(stack_core& host, interface_id on, memory_link far_end, time_point now, std::function<void(time_point)> move_time, const script_options& options = {})
        : host_(host), on_(on), far_(std::move(far_end)), move_time_(std::move(move_time)), options_(options), began_(now), now_(now) {}
    script(const script&) = delete;
    /// The end of the script, unless something else has already gone wrong.
    ~script() noexcept(false) {
        if (std::uncaught_exceptions() == 0 && !came_.empty()) fail_unexpected("the script ended", {});
    }

    /// One side of TCP connections, played by the script.
    tcp_peer tcp(const endpoint& own, const endpoint& host, std::uint32_t initial_sequence = 1000) { return {numbers_, own, host, initial_sequence}; }
    const tcp_numbers& numbers() const { return numbers_; }

    /// Gives the host a packet. All that it sent before must have been expected.
    void inject(const made_packet& made, std::source_location here = std::source_location::current()) { inject({made}, here); }
    /// Several packets, which arrive together.
    void inject(std::initializer_list<made_packet> all, std::source_location here = std::source_location::current()) {
        settle();
        if (!came_.empty()) fail_unexpected("something was injected", here);
        for (const auto& made : all) send(made);
        settle();
    }

    /// The next packets that leave, or have left, are these, one after the other, and leave now. Returns the last of them.
    template <std::same_as<packet_check>... More>
    seen_packet expect(const expectation& first, const More&... more) {
        return expect_all(due{duration::min() / 2, {}}, first.here, {first.check, more...});
    }
    /// The same, when they are due. Time passes until they leave.
    template <std::same_as<packet_check>... More>
    seen_packet expect(const due& when, const expectation& first, const More&... more) {
        return expect_all(when, first.here, {first.check, more...});
    }
    /// Nothing leaves, now and for so long.
    void expect_nothing(duration for_so_long = {}, std::source_location here = std::source_location::current()) {
        pass(for_so_long);
        if (!came_.empty()) fail_unexpected("nothing was to come for " + time_text(for_so_long), here);
    }
    /// From now on the script does not see packets like this.
    void ignore(packet_check check) { ignored_.push_back(std::move(check)); }

    /// Lets time pass. What leaves meanwhile is to be expected afterwards.
    void pass(duration by) { pass_until(now_ + by, [] { return false; }); }
    /// Lets the host do what there is to do now.
    void settle() {
        for (int quiet = 0, most = 10'000; quiet < 2 && most != 0; --most) quiet = host_.poll() + drain() == 0 ? quiet + 1 : 0;
    }
    /// Everything that has left and was not expected yet, for scripts that look themselves.
    std::vector<seen_packet> take() {
        settle();
        std::vector<seen_packet> all(std::make_move_iterator(came_.begin()), std::make_move_iterator(came_.end()));
        came_.clear();
        return all;
    }
    /// Since the script began.
    duration elapsed() const { return now_ - began_; }
    /// What went either way, as failures tell it.
    std::string log_text() const { return log_.text(numbers_); }

private:
    void send(const made_packet& made) {
        auto bytes = made.bytes;
        if (far_.link() == link_type::ethernet && !made.is_frame) {
            const auto type = std::to_integer<unsigned>(bytes.empty() ? std::byte{} : bytes[0]) >> 4 == 6 ? ether_type::ipv6 : ether_type::ipv4;
            bytes = ethernet_frame(options_.mac, host_.interface(on_).mac, type, bytes).bytes;
        }
        packet p(buffers_, 0, bytes.size());
        if (!p || !p.append(bytes)) throw script_failure("netkit: this packet of " + std::to_string(bytes.size()) + " bytes fits no buffer");
        if (far_.transmit(std::span(&p, 1)) != 1) throw script_failure("netkit: the wire is full: poll the host, or give the link more capacity");
        log_.add(true, elapsed(), far_.link(), std::move(bytes));
    }
    std::size_t drain() {
        std::size_t count = 0;
        packet p;
        while (far_.receive({buffers_, 0}, std::span(&p, 1)) == 1) {
            ++count;
            if (p.checksum() == checksum_state::partial) p.complete_checksum();
            packet_bytes bytes(p.size());
            p.copy_to(bytes);
            p.reset();
            arrived(std::move(bytes));
        }
        return count;
    }
    void arrived(packet_bytes bytes) {
        log_.add(false, elapsed(), far_.link(), bytes);
        seen_packet seen(std::move(bytes), far_.link(), now_);
        numbers_.apply(seen, true);
        if (options_.housekeeping && is_housekeeping(seen)) {
            if (const auto answer = neighbours_answer(seen, options_.mac)) send(*answer);
            return;
        }
        const auto matches = [&](const packet_check& c) { return c.problem(seen).empty(); };
        if (std::none_of(ignored_.begin(), ignored_.end(), matches)) came_.push_back(std::move(seen));
    }
    /// Goes from one of the host's deadlines to the next, until `end` or until `enough()`.
    template <class Enough>
    void pass_until(time_point end, Enough enough) {
        settle();
        while (now_ < end && !enough()) {
            const auto deadline = host_.next_deadline();
            now_ = deadline ? std::clamp(*deadline, now_ + duration(1), end) : end;
            move_time_(now_);
            settle();
        }
    }
    seen_packet expect_all(const due& when, const std::source_location& here, std::initializer_list<packet_check> checks) {
        const auto asked = now_;
        seen_packet last;
        std::size_t nth = 0;
        for (const auto& check : checks) {
            ++nth;
            const auto heading = [&] {
                auto text = "expected " + (nth > 1 ? "as number " + std::to_string(nth) + " " : std::string()) + check.words;
                if (when.latest <= duration{}) return text;
                return text + (when.earliest > duration{} ? ", between " + time_text(asked + when.earliest - began_) + " and " : ", until ") + time_text(asked + when.latest - began_);
            };
            pass_until(asked + when.latest, [&] { return !came_.empty(); });
            if (came_.empty()) fail(heading(), "  nothing came until " + time_text(elapsed()) + "\n", here);
            auto p = std::move(came_.front());
            came_.pop_front();
            auto problem = check.problem(p);
            if (problem.empty() && nth == 1 && p.when < asked + when.earliest) problem = "too early";
            if (problem.empty() && p.when > asked + when.latest) problem = "too late";
            if (!problem.empty()) fail(heading(), "  came at " + time_text(p.when - began_) + ": " + to_string(p) + "\n  " + problem + "\n", here);
            last = std::move(p);
        }
        return last;
    }

    [[noreturn]] void fail(const std::string& expected, const std::string& came, const std::source_location& here) {
        auto text = place_text(here) + ": " + expected + "\n" + came + "  all that happened:\n" + log_.text(numbers_);
        came_.clear();
        throw script_failure(text);
    }
    [[noreturn]] void fail_unexpected(const std::string& when, const std::source_location& here) {
        std::string came;
        for (const auto& p : came_) came += "  came at " + time_text(p.when - began_) + ": " + to_string(p) + "\n";
        fail("not expected when " + when, came, here);
    }

    stack_core& host_;
    interface_id on_;
    pool buffers_;
    memory_link far_;
    std::function<void(time_point)> move_time_;
    script_options options_;
    time_point began_, now_;
    std::deque<seen_packet> came_;
    std::vector<packet_check> ignored_;
    tcp_numbers numbers_;
    script_log log_;
};

}  // namespace netkit::testing

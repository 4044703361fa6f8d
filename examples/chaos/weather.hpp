#pragma once

#include <netkit/asio/executor.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/random.hpp>
#include <netkit/drivers/impairments.hpp>
#include <netkit/testing/link.hpp>
#include <netkit/testing/simulation.hpp>
#include <netkit/testing/waitable_timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace example {

/// What happens to one link, and to the router's interface at its second end: something else every few seconds.
class weather {
public:
    weather(netkit::testing::simulation& world, netkit::testing::link& line, netkit::interface& at_router) : line_(line), at_router_(at_router), chance_(world.chance_for("weather")) { change_line(); }

    /// Never ends.
    boost::asio::awaitable<void, netkit::simulation_executor> changes() {
        const boost::asio::use_awaitable_t<netkit::simulation_executor> token;
        netkit::testing::steady_timer<> timer(co_await boost::asio::this_coro::executor);
        for (;;) {
            timer.expires_after(std::chrono::milliseconds(between(200, 4000)));
            co_await timer.async_wait(token);
            ++count_;
            const auto what = between(0, 9);
            if (what < 6) change_line();
            else if (what < 8) change_mtu();
            else {
                const bool is_cut = what == 8;
                if (is_cut) line_.cut();
                else line_.pause();
                timer.expires_after(std::chrono::milliseconds(between(10, 5000)));
                co_await timer.async_wait(token);
                if (is_cut) line_.mend();
                else line_.resume();
            }
        }
    }
    unsigned count() const { return count_; }

private:
    std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + chance_() % (most - least + 1); }
    /// Mostly nothing, sometimes as much as that.
    double sometimes(double most) { return between(0, 2) == 0 ? most * static_cast<double>(between(0, 1000)) / 1000 : 0; }
    netkit::impairments any_line() {
        constexpr std::array<std::uint64_t, 4> rates{1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
        return {.rate = rates[between(0, rates.size() - 1)],
                .queue_limit = between(10, 500),
                .delay = std::chrono::milliseconds(between(0, 100)),
                .jitter = std::chrono::milliseconds(between(0, 20)),
                .loss = sometimes(0.2),
                .bursts = {.begin = sometimes(0.01), .end = 0.2},
                .duplicate = sometimes(0.05),
                .corrupt = sometimes(0.02),
                .reorder = sometimes(0.1)};
    }
    void change_line() {
        line_.forward().change(any_line());
        line_.backward().change(any_line());
    }
    /// The router knows, and tells those who send packets that are too long; the host at the other end is not told.
    void change_mtu() {
        const auto bytes = between(0, 1) == 0 ? 1500 : between(576, 1500);
        line_.backward().mtu(bytes);
        at_router_.mtu = static_cast<std::uint32_t>(bytes);
    }

    netkit::testing::link& line_;
    netkit::interface& at_router_;
    netkit::random_source chance_;
    unsigned count_ = 0;
};

}  // namespace example

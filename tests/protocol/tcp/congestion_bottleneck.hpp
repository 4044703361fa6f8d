#pragma once

#include <netkit/protocol/tcp/congestion/congestion_control.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <random>

/// A congestion control on a link with a rate and a queue, without TCP: what is lost is found when what was sent after it arrives.
namespace congestion_test {

using netkit::time_point;

struct bottleneck {
    double rate = 12.5e6;                           ///< bytes a second
    netkit::duration rtt = std::chrono::milliseconds(40);  ///< of an empty link
    double queue = 500e3;                           ///< bytes
    double loss = 0;
};

template <class Control>
class flow {
public:
    flow(bottleneck link, std::uint64_t seed, bool paces) : link_(link), random_(seed), paces_(paces) { control.start(segment, now); }

    static constexpr std::uint32_t segment = 1500;
    Control control{};
    time_point now{std::chrono::seconds(1000)};
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0, sent = 0;  ///< segments
    std::uint64_t timeouts = 0;
    netkit::duration queued_for{};     ///< the sum of the time that delivered segments spent in the queue
    std::uint32_t least_window = ~0u;  ///< since it was last set

    bottleneck& link() { return link_; }
    void run(netkit::duration time) {
        const auto end = now + time;
        while (now < end) step();
    }
    /// The part of the link's rate that arrives in so long.
    double utilization(netkit::duration time) {
        const auto before = delivered;
        const auto began = now;
        run(time);
        return double(delivered - before) / (link_.rate * std::chrono::duration<double>(now - began).count());
    }

private:
    struct transmission {
        std::uint64_t number;
        time_point sent_at, acknowledged_at;
        netkit::duration queued;
        bool dropped;
        std::uint64_t delivered;
        time_point delivered_at, burst_began;
    };

    std::uint32_t in_flight() const { return static_cast<std::uint32_t>(under_way_.size()) * segment; }
    netkit::duration time_of(double bytes, double rate) const { return std::chrono::nanoseconds(static_cast<std::int64_t>(bytes / rate * 1e9)); }
    void step() {
        const bool may_send = in_flight() + segment <= control.window();
        const auto next_send = may_send ? std::max(now, paced_until_) : time_point::max();
        auto heard = time_point::max();
        for (const auto& t : under_way_)
            if (!t.dropped) {
                heard = t.acknowledged_at;
                break;
            }
        if (next_send <= heard && may_send) {
            now = next_send;
            send();
        } else if (heard != time_point::max()) {
            now = std::max(now, heard);
            acknowledge();
        } else {
            now += std::chrono::seconds(1);
            ++timeouts;
            control.timed_out({.in_flight = in_flight(), .segment = segment, .now = now}, false);
            lost += under_way_.size();
            under_way_.clear();
        }
    }
    void send() {
        if (under_way_.empty()) burst_began_ = delivered_at_ = now;
        transmission t{next_++, now, {}, {}, false, delivered, delivered_at_, burst_began_};
        const auto begins = std::max(now, busy_until_);
        t.queued = begins - now;
        t.dropped = std::chrono::duration<double>(t.queued).count() * link_.rate > link_.queue || std::uniform_real_distribution<double>(0, 1)(random_) < link_.loss;
        if (!t.dropped) busy_until_ = begins + time_of(segment, link_.rate);
        t.acknowledged_at = busy_until_ + link_.rtt;
        under_way_.push_back(t);
        ++sent;
        if (!paces_) return;
        const auto rate = control.pacing_rate(smoothed_);
        if (rate != 0) paced_until_ = std::max(paced_until_, now) + time_of(segment, double(rate));
    }
    void acknowledge() {
        netkit::tcp_acknowledged news;
        news.in_flight = in_flight();
        bool some_lost = false;
        while (under_way_.front().dropped) {
            if (under_way_.front().number >= recover_) some_lost = true;
            ++lost;
            under_way_.pop_front();
        }
        const auto t = under_way_.front();
        under_way_.pop_front();
        const bool recovering = t.number < recover_;
        if (some_lost) {
            control.lost({.in_flight = news.in_flight, .segment = segment, .now = now});
            recover_ = next_;
        }
        delivered += segment;
        queued_for += t.queued;
        const auto rtt = std::chrono::duration_cast<netkit::tcp_microseconds>(now - t.sent_at);
        smoothed_ = smoothed_.count() == 0 ? rtt : netkit::tcp_microseconds((7ull * smoothed_.count() + rtt.count()) / 8);
        least_ = std::min(least_, rtt);
        delivered_at_ = now;
        burst_began_ = t.sent_at;
        const auto took = std::max(t.sent_at - t.burst_began, now - t.delivered_at);
        news.bytes = news.segment = segment;
        news.round_ended = t.number >= round_end_;
        if (news.round_ended) round_end_ = next_;
        news.recovering = recovering;
        news.now = now;
        news.rtt = rtt;
        news.smoothed_rtt = smoothed_;
        news.least_rtt = least_;
        if (took >= least_) news.delivered = {static_cast<std::uint32_t>(delivered - t.delivered), std::chrono::duration_cast<netkit::tcp_microseconds>(took)};
        if (!(recovering || some_lost) || netkit::congestion_hears_recovery<Control>) control.acknowledged(news);
        least_window = std::min(least_window, control.window());
    }

    bottleneck link_;
    std::mt19937_64 random_;
    bool paces_;
    std::deque<transmission> under_way_;
    std::uint64_t next_ = 1, recover_ = 0, round_end_ = 0;
    time_point busy_until_{}, paced_until_{}, delivered_at_{}, burst_began_{};
    netkit::tcp_microseconds smoothed_{0}, least_ = netkit::tcp_microseconds::max();
};

}  // namespace congestion_test

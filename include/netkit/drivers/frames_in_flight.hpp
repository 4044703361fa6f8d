#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/compose/segmentation.hpp>
#include <netkit/core/random.hpp>
#include <netkit/core/time.hpp>
#include <netkit/drivers/impairments.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace netkit {

/// Frames on their way along a bad line: decides by chance what becomes of each, and holds it until it arrives. Knows no
/// device, no clock, and nothing of rates and queues.
class frames_in_flight {
public:
    struct statistics {
        std::uint64_t lost = 0, duplicated = 0, corrupted = 0, reordered = 0;
    };

    frames_in_flight(const impairments& how, random_source chance, link_type link) : how_(checked(how)), random_(chance), link_(link) {}

    /// For frames added from now on; those in flight arrive as they would have.
    void change(const impairments& how) { how_ = checked(how); }
    const impairments& how() const { return how_; }

    /// Takes a frame whose last bit leaves the sender at `sent`.
    void add(packet frame, time_point sent) {
        if (is_lost()) {
            ++statistics_.lost;
            return;
        }
        if (chance(how_.corrupt)) corrupt(frame);
        if (chance(how_.duplicate)) duplicate(frame, sent);
        hold(std::move(frame), sent);
    }

    bool empty() const { return size() == 0; }
    std::size_t size() const { return overtaken_.size() + in_order_.size() + late_.size() + held_back_.size(); }
    std::size_t bytes() const { return bytes_; }
    /// When the next one arrives; time_point::max() where none does.
    time_point next_arrival() const {
        if (!overtaken_.empty()) return overtaken_at_;
        auto next = in_order_.empty() ? time_point::max() : in_order_.front_control<notes>().due;
        if (!late_.empty()) next = std::min(next, late_.front().due);
        for (const auto& each : held_back_) next = std::min(next, each.due);
        return next;
    }
    /// The next frame that has arrived by `now`; empty where none has.
    packet arrive(time_point now) {
        if (!overtaken_.empty()) return passing(overtaken_.pop_front(), now);
        const auto due = next_arrival();
        if (due > now) return {};
        if (!in_order_.empty() && in_order_.front_control<notes>().due == due) return passing(in_order_.pop_front(), now);
        if (!late_.empty() && late_.front().due == due) {
            std::pop_heap(late_.begin(), late_.end(), falls_due_later);
            auto frame = std::move(late_.back().frame);
            late_.pop_back();
            return passing(std::move(frame), now);
        }
        const auto found = std::find_if(held_back_.begin(), held_back_.end(), [&](const auto& each) { return each.due == due; });
        auto frame = std::move(found->frame);
        held_back_.erase(found);
        return passing(std::move(frame), now);
    }
    /// All that are in flight are gone.
    void clear() {
        overtaken_.clear();
        in_order_.clear();
        late_.clear();
        held_back_.clear();
        bytes_ = 0;
    }
    const statistics& counters() const { return statistics_; }

private:
    struct notes {
        time_point due;
        std::uint64_t number;
    };
    struct late_frame {
        time_point due;
        std::uint64_t number;
        std::size_t overtakers;  // still to come, where it waits for those
        packet frame;
    };
    // Those due at the same time keep their order.
    static bool falls_due_later(const late_frame& a, const late_frame& b) { return a.due != b.due ? a.due > b.due : a.number > b.number; }

    bool chance(double probability) {
        constexpr double two_to_53 = 9007199254740992.0;
        return probability > 0 && static_cast<double>(random_() >> 11) / two_to_53 < probability;
    }
    bool is_lost() {
        if (how_.bursts.begin > 0) {
            in_burst_ = in_burst_ ? !chance(how_.bursts.end) : chance(how_.bursts.begin);
            if (in_burst_ && chance(how_.bursts.loss)) return true;
        }
        return chance(how_.loss);
    }
    /// ARP is spared, as nothing would notice: a real Ethernet's own checksum is not part of our frames.
    void corrupt(packet& frame) {
        const auto network = find_network_header(frame.head(), link_);
        const std::size_t from = link_ == link_type::ethernet ? sizeof(ethernet_header) : 0;
        if (network.type == ether_type::arp || frame.size() <= from) return;
        // Slices are the sender's own bytes.
        if (!frame.linearize()) return;
        if (frame.checksum() == checksum_state::partial) frame.complete_checksum();
        frame.checksum(checksum_state::unknown);
        const auto bit = random_() % ((frame.size() - from) * 8);
        frame.head()[from + bit / 8] ^= std::byte(1u << bit % 8);
        ++statistics_.corrupted;
    }
    void duplicate(const packet& frame, time_point sent) {
        auto twin = frame.copy();
        if (!twin) return;
        ++statistics_.duplicated;
        hold(std::move(twin), sent);
    }
    void hold(packet frame, time_point sent) {
        bytes_ += frame.size();
        auto due = sent + how_.delay;
        if (how_.jitter > duration::zero()) due += duration(static_cast<duration::rep>(random_() % static_cast<std::uint64_t>(how_.jitter.count() + 1)));
        due = std::max(due, last_due_);
        const auto number = next_number_++;
        frame.control(notes{due, number});
        if (chance(how_.reorder)) {
            ++statistics_.reordered;
            return hold_late({due + how_.reorder_by, number, how_.reorder_behind, std::move(frame)});
        }
        last_due_ = due;
        in_order_.push_back(std::move(frame));
    }
    void hold_late(late_frame late) {
        if (late.overtakers != 0) return held_back_.push_back(std::move(late));
        late_.push_back(std::move(late));
        std::push_heap(late_.begin(), late_.end(), falls_due_later);
    }
    /// A frame that arrives may be the last of those that others wait to be overtaken by.
    packet passing(packet frame, time_point now) {
        bytes_ -= frame.size();
        if (held_back_.empty()) [[likely]] return frame;
        const auto number = frame.control<notes>().number;
        std::erase_if(held_back_, [&](late_frame& each) {
            if (each.number > number || --each.overtakers != 0) return false;
            overtaken_.push_back(std::move(each.frame));
            overtaken_at_ = now;
            return true;
        });
        return frame;
    }

    impairments how_;
    random_source random_;
    link_type link_;
    bool in_burst_ = false;
    packet_queue in_order_;
    std::vector<late_frame> late_;       // a heap, the next due in front
    std::vector<late_frame> held_back_;  // until so many have overtaken them
    packet_queue overtaken_;             // by as many as they waited for
    time_point overtaken_at_{};
    std::size_t bytes_ = 0;
    std::uint64_t next_number_ = 0;
    time_point last_due_{};
    statistics statistics_;
};

}  // namespace netkit

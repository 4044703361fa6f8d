#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/random.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/drivers/capture_writer.hpp>
#include <netkit/drivers/frames_in_flight.hpp>
#include <netkit/drivers/impairments.hpp>
#include <netkit/drivers/line_rate.hpp>
#include <netkit/testing/drop_tail_queue.hpp>
#include <netkit/testing/queueing_discipline.hpp>
#include <netkit/testing/simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace netkit::testing {

struct link_options {
    std::size_t mtu = 1500;  ///< bytes of a network packet; frames longer than it and its link header are lost
    link_type link = link_type::ethernet;
    offloads can{.scatter = true};  ///< what hosts need not do; borrowed slices cross the link uncopied
};

/// One direction of a link: a queue, a line that sends one frame after another from it, and the way to the other end, on which
/// frames may be lost. All of it may change while it runs.
class link_direction {
public:
    struct statistics {
        std::uint64_t sent = 0, sent_bytes = 0;            ///< frames that the near end has sent
        std::uint64_t arrived = 0, arrived_bytes = 0;      ///< frames that the far end has been given
        std::uint64_t oversized = 0;                       ///< of those sent, lost for being longer than the MTU
        std::uint64_t dropped = 0, marked = 0;             ///< by the queue
        std::uint64_t lost = 0, duplicated = 0, corrupted = 0, reordered = 0;  ///< by chance, on the way
        std::uint64_t no_buffers = 0;                      ///< lost at the far end, whose pool was exhausted
        std::uint64_t cut_off = 0;                         ///< lost since the link was cut, or nobody is at the far end
    };
    /// Where a capture looks at frames: as they are sent, before the queue; or as they arrive.
    enum class tap_point : std::uint8_t { sent, arrived };

    link_direction(simulation& in, random_source chance, const impairments& how, const link_options& options)
        : in_(in), options_(options), queue_(drop_tail_queue(limits(how))), flight_(how, chance, options.link), line_free_(*this), arrival_(*this) {}
    link_direction(const link_direction&) = delete;
    link_direction& operator=(const link_direction&) = delete;

    /// What the line does, from the next frame on that it begins to send. The queue's limits are those of drop_tail_queue, where
    /// that is the queue.
    void change(const impairments& how) {
        flight_.change(how);
        if (auto* plain = queue_.get<drop_tail_queue>()) plain->change(limits(how));
    }
    const impairments& line() const { return flight_.how(); }
    /// Another queue, to which the frames that wait go over.
    template <queueing_discipline Q>
    void queue(Q q) {
        any_queue next(std::move(q));
        while (auto frame = queue_.dequeue(in_.now())) next.enqueue(std::move(frame), in_.now());
        const auto gone = queue_.counters();
        earlier_queues_.dropped += gone.dropped;
        earlier_queues_.marked += gone.marked;
        queue_ = std::move(next);
        send_next();
    }
    /// The queue, where it is a Q; else null.
    template <queueing_discipline Q>
    Q* queue_as() {
        return queue_.get<Q>();
    }
    /// For frames sent from now on. Interfaces keep the MTU they were attached with.
    void mtu(std::size_t bytes) { options_.mtu = bytes; }
    std::size_t mtu() const { return options_.mtu; }
    const link_options& options() const { return options_; }

    /// Nothing leaves the queue until resumed; what is on its way arrives.
    void pause() { paused_ = true; }
    void resume() {
        paused_ = false;
        send_next();
    }
    bool paused() const { return paused_; }
    /// All that waits, is on its way, or is sent until the link is mended is lost.
    void cut() {
        cut_ = true;
        statistics_.cut_off += flight_.size();
        flight_.clear();
        while (queue_.dequeue(in_.now())) ++statistics_.cut_off;
        arrival_.disarm();
        line_free_.disarm();
    }
    void mend() { cut_ = false; }
    bool is_cut() const { return cut_; }

    /// Frames that wait for the line, and those on their way.
    std::size_t queued() const { return queue_.size(); }
    std::size_t queued_bytes() const { return queue_.bytes(); }
    std::size_t in_flight() const { return flight_.size(); }
    statistics counters() const {
        auto all = statistics_;
        const auto by_queue = queue_.counters();
        const auto& on_the_way = flight_.counters();
        all.dropped = by_queue.dropped + earlier_queues_.dropped;
        all.marked = by_queue.marked + earlier_queues_.marked;
        all.lost = on_the_way.lost;
        all.duplicated = on_the_way.duplicated;
        all.corrupted = on_the_way.corrupted;
        all.reordered = on_the_way.reordered;
        return all;
    }

    /// Has every frame written to a file from now on, under an interface of its own there. Null stops that.
    void capture(std::shared_ptr<capture_writer> to, std::string_view name, tap_point at = tap_point::arrived) {
        capture_ = std::move(to);
        capture_at_ = at;
        if (capture_) capture_interface_ = capture_->add_interface(options_.link, name);
    }

    /// For the near end: takes a frame, whatever becomes of it.
    void send(packet frame) {
        ++statistics_.sent;
        statistics_.sent_bytes += frame.size();
        if (capture_) write(frame, tap_point::sent);
        if (cut_ || !connected_) {
            ++statistics_.cut_off;
            return;
        }
        if (is_too_long(frame)) {
            ++statistics_.oversized;
            return;
        }
        const auto now = in_.now();
        // A free line takes the frame at once. Which queue it would have crossed makes no difference.
        if (queue_.size() == 0 && !paused_ && line_.free_at() <= now) {
            start(std::move(frame), now);
            return expect_arrival();
        }
        queue_.enqueue(std::move(frame), now);
        send_next();
    }
    /// For the far end: the next frame that has arrived; empty where none has.
    packet take() { return inbox_.pop_front(); }
    std::size_t waiting() const { return inbox_.size(); }
    /// For the far end: what it took it could not keep.
    void lost_for_want_of_buffers() { ++statistics_.no_buffers; }
    /// For the far end: has wake(context) called when frames have arrived.
    void on_arrival(void (*wake)(void*), void* context) {
        wake_ = wake;
        wake_context_ = context;
        if (wake_ && !inbox_.empty()) wake_(wake_context_);
    }
    /// For the ends: one of them is gone.
    void far_end_gone() {
        connected_ = false;
        wake_ = nullptr;
        statistics_.cut_off += inbox_.size();
        inbox_.clear();
    }

private:
    struct alarm : timer {
        explicit alarm(link_direction& direction) : of(direction) {}
        link_direction& of;
    };

    static drop_tail_queue::settings limits(const impairments& how) { return {how.queue_limit, how.queue_limit_bytes}; }
    bool is_too_long(const packet& p) const {
        // Ethernet's header and two VLAN tags, which do not count as part of the MTU.
        const std::size_t link_header = options_.link == link_type::ethernet ? 14 + 2 * 4 : 0;
        if (p.gso_size() != 0 && options_.can.segmentation) return false;
        return p.size() > options_.mtu + link_header;
    }
    /// Puts a frame on the free line.
    void start(packet frame, time_point now) {
        const auto& how = flight_.how();
        const auto sent = line_.send(frame.size() + how.overhead, how.rate, now);
        flight_.add(std::move(frame), sent);
    }
    /// Sends from the queue what the line has time for now.
    void send_next() {
        const auto now = in_.now();
        if (paused_ || cut_) return;
        while (line_.free_at() <= now) {
            auto frame = queue_.dequeue(now);
            if (!frame) break;
            start(std::move(frame), now);
        }
        if (queue_.size() != 0 && line_.free_at() > now)
            in_.arm(line_free_, line_.free_at(), [](void*, timer& t) { static_cast<alarm&>(t).of.send_next(); });
        expect_arrival();
    }
    /// Waits for the next frame in flight, or passes on what has arrived already.
    void expect_arrival() {
        const auto next = flight_.next_arrival();
        if (next <= in_.now()) return arrive();
        if (next == time_point::max()) return arrival_.disarm();
        if (!arrival_.armed() || arrival_.when() != next) in_.arm(arrival_, next, [](void*, timer& t) { static_cast<alarm&>(t).of.arrive(); });
    }
    /// Gives the far end what has arrived, and waits for the next.
    void arrive() {
        const auto now = in_.now();
        bool any = false;
        while (auto frame = flight_.arrive(now)) {
            make_received(frame);
            if (!connected_) {
                ++statistics_.cut_off;
                continue;
            }
            ++statistics_.arrived;
            statistics_.arrived_bytes += frame.size();
            if (capture_) write(frame, tap_point::arrived);
            inbox_.push_back(std::move(frame));
            any = true;
        }
        expect_arrival();
        if (any && wake_) wake_(wake_context_);
    }
    /// What the sender knew of the packet is not the receiver's concern, but for what it need not do again.
    void make_received(packet& p) const {
        p.frames(0);
        p.interface(interface_id::none);
        if (p.checksum() != checksum_state::partial) p.checksum(checksum_state::unknown);
        if (!options_.can.segmentation) p.gso_size(0);
    }
    void write(const packet& frame, tap_point at) {
        if (at != capture_at_) return;
        capture_->add(frame, capture_interface_, at == tap_point::sent ? pcapng_direction::outbound : pcapng_direction::inbound);
        capture_->write_some();
    }

    simulation& in_;
    link_options options_;
    any_queue queue_;
    queue_counters earlier_queues_;
    line_rate line_;
    frames_in_flight flight_;
    alarm line_free_, arrival_;
    packet_queue inbox_;
    void (*wake_)(void*) = nullptr;
    void* wake_context_ = nullptr;
    bool connected_ = true, paused_ = false, cut_ = false;
    statistics statistics_;
    std::shared_ptr<capture_writer> capture_;
    std::uint32_t capture_interface_ = 0;
    tap_point capture_at_ = tap_point::arrived;
};

}  // namespace netkit::testing

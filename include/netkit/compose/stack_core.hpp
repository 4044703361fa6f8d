#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/pool.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/inline.hpp>
#include <netkit/core/intrusive_list.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace netkit {

/// Thrown by a socket call from another thread than its stack's.
class wrong_thread : public std::logic_error {
public:
    wrong_thread() : std::logic_error("netkit: a socket was used from a thread that is not its stack's: post to the stack's executor instead") {}
};

/// What became of every frame. received = delivered + forwarded + the sum of dropped + what is held just now (fragments
/// waiting for others, forwarded packets waiting for a neighbour). Failed sends of our own are counted apart, and what was forwarded and
/// then found no room at a device, too.
struct stack_counters {
    std::uint64_t received = 0;   ///< frames taken from devices and from the loopback
    std::uint64_t delivered = 0;  ///< handed to a socket, or consumed by the stack itself
    std::uint64_t forwarded = 0;  ///< handed to a device on others' behalf
    std::array<std::uint64_t, drop_reasons> dropped{};
    std::array<std::uint64_t, drop_reasons> send_failed{};

    std::uint64_t dropped_in_all() const {
        std::uint64_t sum = 0;
        for (auto n : dropped) sum += n;
        return sum;
    }
    std::uint64_t held() const { return received - delivered - forwarded - dropped_in_all(); }
    std::uint64_t operator[](drop_reason r) const { return dropped[static_cast<std::size_t>(r)]; }
};

/// Something to be told after the batch: a socket that has become ready. Intrusive; destroying it takes it off the list.
class ready_item : public basic_list_hook<ready_item> {
public:
    ready_item() = default;
    bool waiting() const { return linked(); }

protected:
    using action = void (*)(ready_item&);
    explicit ready_item(action run) : run_(run) {}
    void set_action(action run) { run_ = run; }

private:
    friend class ready_list;
    action run_ = nullptr;
};

/// What the bottom half leaves for after the batch.
class ready_list {
public:
    bool empty() const { return items_.empty(); }
    void push(ready_item& item) {
        if (!item.waiting()) items_.push_back(item);
    }
    /// Runs what is listed now; what these list meanwhile waits for the next run, and so does the rest where one throws.
    void run() {
        if (empty()) return;
        items now;
        now.splice(items_);
        struct rest {
            items& left;
            items& to;
            ~rest() { to.splice(left); }
        } const after{now, items_};
        while (!now.empty()) {
            auto& item = now.front();
            item.unlink();
            item.run_(item);
        }
    }

private:
    using items = intrusive_list<ready_item, basic_list_hook<ready_item>>;
    items items_;
};

/// The part of a stack that does not depend on its composition: what sockets, reactors and devices hold on to.
class stack_core {
public:
    stack_core(const stack_core&) = delete;
    stack_core& operator=(const stack_core&) = delete;

    pool& buffers() { return buffers_; }
    netkit::timers& timers() { return timers_; }
    stack_counters& counters() { return counters_; }
    const stack_counters& counters() const { return counters_; }

    /// The time: fixed during a poll, and while there is a `moment`; asked of the environment otherwise.
    time_point now() {
        if (!time_stands_) [[unlikely]] ask_for_time();
        return now_;
    }
    /// While this lives the time stands still, so that a call looks at the clock once, whatever it comes to do.
    class moment {
    public:
        explicit moment(stack_core& stack) : stack_(stack.time_stands_ ? nullptr : &stack) {
            if (!stack_) return;
            stack.ask_for_time();
            stack.time_stands_ = true;
        }
        moment(const moment&) = delete;
        ~moment() {
            if (stack_) stack_->time_stands_ = false;
        }

    private:
        stack_core* stack_;  // null where the time stood still before
    };

    /// Takes at most `weight` frames from one interface through the stack. What follows from them waits for finish().
    virtual std::size_t poll_interface(interface_id, std::size_t weight) = 0;
    /// Ends a batch: expires timers, passes on what the host says to itself, tells sockets, and sends what came of it.
    virtual void finish() = 0;
    /// Polls every interface once and finishes; for stacks without a reactor. Returns how many frames there were.
    virtual std::size_t poll(std::size_t weight = 64) = 0;
    /// Whether something waits for finish(): packets to send or to pass on, or sockets to tell.
    virtual bool unfinished() const = 0;
    virtual std::size_t interface_count() const = 0;
    virtual netkit::interface& interface(interface_id) = 0;
    /// The descriptor of an interface's device to wait on, or -1.
    virtual int native_handle(interface_id) const = 0;
    /// Has the device call wake(context) when it has something; false where it cannot.
    virtual bool wake_on_ready(interface_id, void (*wake)(void*), void* context) = 0;
    /// Whether packets wait for this interface's device to take them.
    virtual bool output_blocked(interface_id) const = 0;

    /// When the next timer ends.
    std::optional<time_point> next_deadline() const { return timers_.next(); }
    bool polling() const { return polling_; }

    /// Called when there is work outside of a poll: the reactor posts finish(). Without it, sends go out at once.
    void on_work(void (*wake)(void*), void* context) {
        wake_ = wake;
        wake_context_ = context;
    }
    void request_finish() {
        if (polling_ || !wake_ || finish_requested_) return;
        call_wake();
    }
    /// Has item run after the batch, or soon where none is under way.
    void make_ready(ready_item& item) {
        ready_.push(item);
        request_finish();
    }

    /// Throws wrong_thread where the caller is not on the thread that drives this stack.
    void check_thread() const {
        if (owner_.load(std::memory_order_relaxed) != this_thread()) [[unlikely]] throw wrong_thread();
    }
    /// Makes the calling thread the one that drives this stack.
    void adopt_thread() { owner_.store(this_thread(), std::memory_order_relaxed); }
    bool on_own_thread() const { return owner_.load(std::memory_order_relaxed) == this_thread(); }

    void count_drop(packet p, drop_reason why) {
        if (p.frames()) counters_.dropped[static_cast<std::size_t>(why)] += p.frames();
        else ++counters_.send_failed[static_cast<std::size_t>(why)];
    }
    void count_received(packet& p) {
        ++counters_.received;
        p.frames(1);
    }
    void count_delivered(packet& p) {
        counters_.delivered += p.frames();
        p.frames(0);
    }
    void count_forwarded(packet& p) {
        counters_.forwarded += p.frames();
        p.frames(0);
    }

    /// The functions by which sockets call a transport of this stack: null where no layer gives any, or several do.
    template <class Functions>
    const Functions* functions() const {
        const Functions* found = nullptr;
        for (const auto& e : functions_) {
            if (e.kind != &kind<Functions>) continue;
            if (found) return nullptr;
            found = static_cast<const Functions*>(e.table);
        }
        return found;
    }
    template <class Functions>
    void add_functions(const Functions* table) {
        functions_.push_back({&kind<Functions>, table});
    }

protected:
    stack_core() : owner_(this_thread()) {}
    ~stack_core() = default;
    virtual time_point read_clock() = 0;

    pool buffers_;
    netkit::timers timers_;
    ready_list ready_;
    packet_queue deferred_;
    stack_counters counters_;
    time_point now_{};
    bool polling_ = false;
    bool time_stands_ = false;
    bool finish_requested_ = false;
    void (*wake_)(void*) = nullptr;
    void* wake_context_ = nullptr;

private:
    // Apart from the rest, so that the datapath has no call through a pointer.
    NETKIT_COLD void ask_for_time() { now_ = read_clock(); }
    NETKIT_COLD void call_wake() {
        finish_requested_ = true;
        wake_(wake_context_);
    }

    template <class Functions>
    static constexpr char kind = 0;
    static const void* this_thread() {
        static thread_local const char mark = 0;
        return &mark;
    }
    struct entry {
        const void* kind;
        const void* table;
    };
    std::vector<entry> functions_;
    std::atomic<const void*> owner_;
};

}  // namespace netkit

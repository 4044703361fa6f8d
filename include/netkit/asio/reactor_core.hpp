#pragma once

#include <netkit/asio/background_timer.hpp>
#include <netkit/asio/background_work.hpp>
#include <netkit/asio/device_watch.hpp>
#include <netkit/asio/executor.hpp>
#include <netkit/asio/operation_memory.hpp>
#include <netkit/asio/reactor_options.hpp>
#include <netkit/asio/service.hpp>
#include <netkit/compose/stack_core.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/layers/tcp_socket.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace netkit {

/// The part of a reactor that does not depend on the stack's composition: it polls devices from an io_context as NAPI does.
/// An interrupt masks its device and puts it on the poll list; a run takes frames within weight and budget, finishes the
/// batch once, lets other handlers have their turn where there is more, and unmasks devices that are drained.
class reactor_core : private stack_driver {
public:
    reactor_core(const reactor_core&) = delete;
    reactor_core& operator=(const reactor_core&) = delete;

    /// The executor from which sockets are made that belong to this stack, default or not.
    stack_executor get_executor() const { return {io_.get_executor(), *handle_}; }
    boost::asio::io_context& context() const { return io_; }
    const reactor_options& options() const { return options_; }
    const reactor_counters& counters() const { return counters_; }
    /// Tells the resolvers of this io_context an address of a host.
    void add_host(std::string_view name, const ip_address& address) { handle_->service->hosts().add(name, address); }
    void add_host(std::string_view name, std::string_view address) { add_host(name, ip_address::parse(address)); }
    /// Calls f, from a handler of its own, with each interface whose device is gone for good (a TAP device that was deleted). That interface is
    /// down by then, and what is sent there is dropped.
    void on_device_gone(std::function<void(interface_id)> f) { device_gone_ = std::move(f); }
    /// Makes the calling thread the stack's. The thread that runs the io_context is, and so is any while none does; this is
    /// for a thread that comes after another one.
    void adopt_thread() { core_->adopt_thread(); }

protected:
    reactor_core(boost::asio::io_context& io, const reactor_options& options)
        : io_(io),
          options_(options),
          background_(std::make_shared<detail::background_work>(io)),
          posted_by_(std::make_shared<reactor_core*>(this)),
          deadline_(std::make_shared<detail::background_timer>(io, background_, [this] { alone(&reactor_core::timer_expired); })) {}
    ~reactor_core() = default;

    /// Registers the stack with the io_context. Throws std::logic_error where it is to be the default one and there is one.
    void start(stack_core& core, bool as_default) {
        handle_ = &network_service::of(io_).add(core, *this, io_, as_default);
        core_ = &core;
        core.on_work([](void* self) { static_cast<reactor_core*>(self)->work_left(); }, this);
        // So that the thread that runs the io_context becomes the stack's before any other handler.
        post_run();
    }
    /// Lets go of everything, while the stack still stands.
    void stop() {
        if (!core_) return;
        core_->adopt_thread();
        core_->finish();
        linger();
        *posted_by_ = nullptr;
        core_->on_work(nullptr, nullptr);
        deadline_->disarm();
        for (auto& w : watches_)
            if (w) w->release();
        handle_->service->remove(*handle_);
        core_ = nullptr;
    }
    /// Watches the devices of interfaces that were attached since the last time.
    void watch_new_interfaces() {
        for (auto i = watches_.size(); i < core_->interface_count(); ++i) {
            watches_.emplace_back();
            watch(static_cast<interface_id>(i));
        }
    }

private:
    using steady_clock = std::chrono::steady_clock;
    /// A call of f, made by the io_context, while there is a reactor.
    template <class F>
    struct posted_call {
        std::shared_ptr<reactor_core*> reactor;
        network_service* service;
        F f;
        using allocator_type = operation_allocator<void>;
        allocator_type get_allocator() const noexcept { return allocator_type(service->memory()); }
        void operator()() {
            if (*reactor) (*reactor)->alone(f);
        }
    };

    /// Calls f on this from a handler of the io_context, whose thread is the stack's from now on.
    template <class F>
    void alone(F f) {
        handle_->service->run_alone([&] { std::invoke(f, this); }, [&] { post(f); });
    }
    template <class F>
    void post(F f) {
        boost::asio::post(io_.get_executor(), posted_call<F>{posted_by_, handle_->service, f});
    }
    void watch(interface_id id) {
        auto& place = watches_[static_cast<std::size_t>(id)];
        const int descriptor = core_->native_handle(id);
        place = std::make_shared<detail::device_watch>(io_, id, descriptor, background_, [this, id] { alone([id](reactor_core* self) { self->interrupt(*self->watches_[static_cast<std::size_t>(id)]); }); });
        if (descriptor >= 0) {
            place->unmask(false);
            return;
        }
        // Woken from within another stack's poll: only to be noted.
        const auto wake = [](void* watch_of) {
            auto& woken = *static_cast<wake_context*>(watch_of);
            woken.reactor->schedule(*woken.reactor->watches_[static_cast<std::size_t>(woken.id)]);
            woken.reactor->post_run();
        };
        wake_contexts_.push_back(std::make_unique<wake_context>(wake_context{this, id}));
        core_->wake_on_ready(id, wake, wake_contexts_.back().get());
    }
    void interrupt(detail::device_watch& w) {
        ++counters_.interrupts;
        schedule(w);
        if (!posted_) run();  // the first batch runs straight from the interrupt
    }
    void timer_expired() {
        ++counters_.timer_wakes;
        run();
    }
    void schedule(detail::device_watch& w) {
        if (w.scheduled) return;
        w.scheduled = true;
        w.idle_since.reset();
        w.frames_in_a_row = 0;
        to_poll_.push_back(w);
    }
    void post_run() {
        if (posted_) return;
        posted_ = true;
        post(&reactor_core::run);
    }

    /// The bottom half.
    void run() {
        posted_ = false;
        ++counters_.runs;
        if (watches_.size() != core_->interface_count()) watch_new_interfaces();
        auto left = options_.budget;
        for (std::size_t idle = 0; !to_poll_.empty() && left != 0 && idle < to_poll_.size();) {
            auto& w = to_poll_.pop_front();
            const auto weight = std::min(options_.weight, left);
            const auto frames = core_->poll_interface(w.id, weight);
            ++counters_.polls;
            counters_.frames += frames;
            left -= frames;
            w.frames_in_a_row += frames;
            if (frames == weight) {
                idle = 0;
                w.idle_since.reset();
                to_poll_.push_back(w);
            } else if (polls_on(w, frames)) {
                ++idle;
                to_poll_.push_back(w);
            } else {
                w.scheduled = false;
                if (options_.throttle.count() != 0 && w.has_descriptor() && w.frames_in_a_row > options_.throttle_above) w.throttle(options_.throttle);
            }
        }
        if (left == 0) ++counters_.squeezed;
        finish();
        if (!to_poll_.empty()) post_run();
    }
    /// Whether a device that had nothing more stays on the list, in the hope of more soon.
    bool polls_on(detail::device_watch& w, std::size_t frames) {
        if (options_.busy_poll.count() == 0) return false;
        const auto now = steady_clock::now();
        if (frames != 0 || !w.idle_since) w.idle_since = now;
        return now - *w.idle_since < options_.busy_poll;
    }
    void finish() {
        core_->finish();
        for (auto& w : watches_)
            if (w && w->has_descriptor() && !w->scheduled && !w->throttled()) {
                if (core_->native_handle(w->id) < 0) {
                    give_up(*w);
                    continue;
                }
                const bool blocked = core_->output_blocked(w->id);
                if (w->masked() || (blocked && !w->waits_for_output())) w->unmask(blocked);
            }
        check_deadline();
    }
    void give_up(detail::device_watch& w) {
        w.release();
        core_->interface(w.id).up = false;
        if (device_gone_) boost::asio::post(io_.get_executor(), [f = device_gone_, id = w.id] { f(id); });
    }
    /// A kernel delivers what a program has sent even after the program's end; here it is now or never.
    void linger() {
        const auto* tcp = core_->functions<tcp_functions>();
        const auto until = steady_clock::now() + options_.linger;
        while (tcp && tcp->closing(*core_) != 0 && steady_clock::now() < until)
            if (!handle_->service->wait_for_progress(std::chrono::milliseconds(10))) break;
    }
    /// The stack has something to finish, outside of a poll.
    void work_left() {
        if (handle_->service->completing()) finish_after_completions_ = true;
        else post_run();
    }

    void end_of_completions() override {
        if (!finish_after_completions_) return;
        finish_after_completions_ = false;
        ++counters_.finishes;
        finish();
    }
    void check_deadline() override {
        const auto next = core_->next_deadline();
        // The timer may fire too early, never too late: it is only set anew for a deadline that is earlier.
        if (!next || (deadline_->armed() && armed_for_ <= *next)) return;
        armed_for_ = *next;
        deadline_->arm(steady_clock::now() + (*next - core_->now()));
    }
    bool poll_now() override {
        const auto next = core_->next_deadline();
        bool active = core_->unfinished() || (next && *next <= core_->now());
        for (std::size_t i = 1; i < core_->interface_count(); ++i) {
            const auto frames = core_->poll_interface(static_cast<interface_id>(i), options_.weight);
            counters_.frames += frames;
            active = active || frames != 0;
        }
        finish();
        return active || core_->unfinished();
    }
    void add_descriptors(std::vector<pollfd>& to) const override {
        for (std::size_t i = 1; i < core_->interface_count(); ++i) {
            const auto id = static_cast<interface_id>(i);
            const int descriptor = core_->native_handle(id);
            if (descriptor < 0) continue;
            to.push_back({descriptor, static_cast<short>(POLLIN | (core_->output_blocked(id) ? POLLOUT : 0)), 0});
        }
    }
    std::optional<duration> until_deadline() const override {
        const auto next = core_->next_deadline();
        if (!next) return {};
        return std::max(duration::zero(), *next - core_->now());
    }

    struct wake_context {
        reactor_core* reactor;
        interface_id id;
    };
    boost::asio::io_context& io_;
    reactor_options options_;
    reactor_counters counters_;
    stack_core* core_ = nullptr;
    const stack_handle* handle_ = nullptr;
    std::shared_ptr<detail::background_work> background_;
    std::shared_ptr<reactor_core*> posted_by_;  // null in it once the reactor is gone
    std::shared_ptr<detail::background_timer> deadline_;
    time_point armed_for_{};
    std::vector<std::shared_ptr<detail::device_watch>> watches_;  // by interface
    std::function<void(interface_id)> device_gone_;
    std::vector<std::unique_ptr<wake_context>> wake_contexts_;
    detail::poll_list to_poll_;
    bool posted_ = false;
    bool finish_after_completions_ = false;
};

}  // namespace netkit

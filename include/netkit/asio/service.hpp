#pragma once

#include <netkit/asio/host_table.hpp>
#include <netkit/asio/operation.hpp>
#include <netkit/asio/operation_memory.hpp>
#include <netkit/asio/thread_marker.hpp>
#include <netkit/compose/stack_core.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace netkit {

class network_service;

/// What drives a stack, as the service sees it.
class stack_driver {
public:
    /// Takes what the stack's devices have and finishes the batch, at once. Returns whether anything happened.
    virtual bool poll_now() = 0;
    /// Sends what operations left behind; called once after those that were done at a time.
    virtual void end_of_completions() = 0;
    /// Looks whether the stack's next timer ends earlier than the one waited for.
    virtual void check_deadline() = 0;
    /// Adds the descriptors that say when poll_now() has something to do.
    virtual void add_descriptors(std::vector<pollfd>& to) const = 0;
    /// How long until poll_now() has something to do even so; nothing where it never has.
    virtual std::optional<duration> until_deadline() const = 0;

protected:
    ~stack_driver() = default;
};

/// A stack's place in its io_context. It stays where it is as long as the io_context; without a stack once that is gone.
struct stack_handle {
    stack_core* core = nullptr;
    stack_driver* driver = nullptr;
    network_service* service = nullptr;
};

/// What a socket is to the service: something with operations waiting, on some stack.
class service_entry {
public:
    service_entry(const service_entry&) = delete;
    service_entry& operator=(const service_entry&) = delete;
    const stack_handle* stack() const { return stack_; }

protected:
    service_entry() = default;
    ~service_entry() = default;
    /// The socket's stack goes, or the io_context itself: operations are moved to `orphans`, having failed with bad_descriptor.
    virtual void abandon(completion_list& orphans) = 0;

    const stack_handle* stack_ = nullptr;

private:
    friend class network_service;
    service_entry* next_ = nullptr;
    service_entry** previous_ = nullptr;
};

/// What an io_context knows of netkit: its stacks, their sockets, and the operations whose handlers may run.
class network_service : public boost::asio::execution_context::service {
public:
    using key_type = network_service;
    static inline boost::asio::execution_context::id id;

    explicit network_service(boost::asio::execution_context& of) : service(of) {}
    ~network_service() { shutdown(); }

    static network_service& of(boost::asio::execution_context& context) { return boost::asio::use_service<network_service>(context); }

    /// Makes a place for a stack. Throws std::logic_error where there is a default stack already and this is to be one.
    const stack_handle& add(stack_core& core, stack_driver& driver, boost::asio::io_context& io, bool as_default) {
        if (as_default && default_ && default_->core)
            throw std::logic_error("netkit: this io_context has a default stack already: construct this reactor with netkit::not_default, and its sockets from its get_executor()");
        handles_.push_back(std::make_unique<stack_handle>(stack_handle{&core, &driver, this}));
        run_in(io);
        if (as_default) default_ = handles_.back().get();
        return *handles_.back();
    }
    /// A place without a stack: sockets of executors with it answer bad_descriptor.
    const stack_handle& add_empty() {
        handles_.push_back(std::make_unique<stack_handle>(stack_handle{nullptr, nullptr, this}));
        return *handles_.back();
    }
    /// Has handlers called in this io_context, which is the one that this belongs to.
    void run_in(boost::asio::io_context& io) { io_ = &io; }
    /// Ends a stack: operations on its sockets complete with bad_descriptor.
    void remove(const stack_handle& gone) {
        auto& handle = const_cast<stack_handle&>(gone);
        completion_list orphans;
        for (auto* socket = sockets_; socket;) {
            auto* next = socket->next_;
            if (socket->stack_ == &handle) socket->abandon(orphans);
            socket = next;
        }
        handle.core = nullptr;
        handle.driver = nullptr;
        while (auto* o = orphans.pop()) complete_soon(*o);
    }
    /// The stack of sockets whose executor names none; null where there is none. It may be dead.
    const stack_handle* default_stack() const { return default_; }

    void add(service_entry& socket) {
        socket.next_ = sockets_;
        socket.previous_ = &sockets_;
        if (sockets_) sockets_->previous_ = &socket.next_;
        sockets_ = &socket;
    }
    void remove(service_entry& socket) {
        if (!socket.previous_) return;
        *socket.previous_ = socket.next_;
        if (socket.next_) socket.next_->previous_ = socket.previous_;
        socket.previous_ = nullptr;
        socket.next_ = nullptr;
    }

    /// Has the operation's handler called from a posted function, in the order of these calls.
    void complete_soon(operation& o) {
        done_.push(o);
        ++waiting_;
        post_completion();
    }
    /// Calls f, from a posted function: the stacks are the calling thread's from now on. Where another is inside of such a call, calls
    /// `again`, which posts it anew, and throws std::logic_error.
    template <class F, class Again>
    void run_alone(F&& f, Again&& again) {
        const thread_marker::scope inside(memory_.user);
        if (!inside) {
            again();
            throw std::logic_error("netkit: run the io_context of a stack by one thread at a time: two are in run() of this one");
        }
        for (auto& each : handles_)
            if (each->core) each->core->adopt_thread();
        f();
    }
    /// Whether a thread that does not own this stack may make it its own: nobody runs the io_context.
    bool idle() const { return io_->stopped() && !memory_.user.elsewhere(); }
    bool has_stacks() const { return io_ != nullptr; }
    /// Whether handlers of operations are being called just now.
    bool completing() const { return completing_; }
    boost::asio::io_context& io() { return *io_; }
    operation_memory& memory() { return memory_; }
    /// What resolvers of this io_context know.
    host_table& hosts() { return hosts_; }

    /// Has calls that block let time pass by `pass`, instead of waiting for the system. It returns false where nothing would
    /// ever happen.
    void pass_time_by(bool (*pass)(void*), void* context) {
        pass_ = pass;
        pass_context_ = context;
    }
    /// Drives every stack until something happens, or the time is over, for calls that block; false where nothing ever could.
    bool wait_for_progress(duration longest = std::chrono::seconds(1)) {
        if (pass_) return pass_(pass_context_);
        bool progress = false;
        for_each_driver([&](stack_driver& d) { progress = d.poll_now() || progress; });
        if (progress) return true;
        descriptors_.clear();
        std::optional<duration> soonest;
        for_each_driver([&](stack_driver& d) {
            d.add_descriptors(descriptors_);
            const auto left = d.until_deadline();
            if (left && (!soonest || *left < *soonest)) soonest = left;
        });
        if (descriptors_.empty() && !soonest) return false;
        if (soonest) longest = std::min(longest, *soonest);
        // Rounded up: a millisecond too late is better than spinning through the last one.
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(longest);
        ::poll(descriptors_.data(), static_cast<nfds_t>(descriptors_.size()), static_cast<int>(wait.count()));
        return true;
    }

    /// The io_context ends: handlers are destroyed, none is called.
    void shutdown() noexcept override {
        completion_list orphans;
        while (sockets_) {
            auto* socket = sockets_;
            remove(*socket);
            socket->abandon(orphans);
        }
        while (auto* o = orphans.pop()) o->destroy();
        while (auto* o = done_.pop()) o->destroy();
    }

private:
    struct call_completion {
        network_service* service;
        using allocator_type = operation_allocator<void>;
        allocator_type get_allocator() const noexcept { return allocator_type(service->memory_); }
        void operator()() {
            service->run_alone([this] { service->complete_next(); }, [this] { service->post_completion(); });
        }
    };
    // One function for each: handlers are counted, stopped, nested and thrown out of as Asio's own are.
    void post_completion() { boost::asio::post(io_->get_executor(), call_completion{this}); }
    void complete_next() {
        auto* o = done_.pop();
        if (!o) return;
        --waiting_;
        // What is done by now shares one sending of what its handlers leave behind; also where the rest has to wait for the next run().
        round_ = round_ == 0 ? waiting_ : round_ - 1;
        struct end_of_handler {
            network_service& service;
            const bool outer;
            const int exceptions;
            ~end_of_handler() {
                service.completing_ = outer;
                const bool goes_on = std::uncaught_exceptions() == exceptions && !service.io_->stopped();
                if (goes_on && service.round_ != 0 && service.waiting_ != 0) return;
                service.round_ = 0;
                service.for_each_driver([](stack_driver& d) { d.end_of_completions(); });
            }
        } end{*this, std::exchange(completing_, true), std::uncaught_exceptions()};
        o->complete();
    }
    template <class F>
    void for_each_driver(F&& f) {
        for (std::size_t i = 0; i < handles_.size(); ++i)
            if (auto* driver = handles_[i]->driver) f(*driver);
    }

    operation_memory memory_;
    host_table hosts_;
    std::vector<std::unique_ptr<stack_handle>> handles_;
    const stack_handle* default_ = nullptr;
    boost::asio::io_context* io_ = nullptr;
    service_entry* sockets_ = nullptr;
    completion_list done_;
    std::size_t waiting_ = 0;  // in done_
    std::size_t round_ = 0;    // of those, how many were there when the last round began
    bool completing_ = false;
    std::vector<pollfd> descriptors_;
    bool (*pass_)(void*) = nullptr;
    void* pass_context_ = nullptr;
};

}  // namespace netkit

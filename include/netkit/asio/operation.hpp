#pragma once

#include <boost/system/error_code.hpp>

namespace netkit {

class operation_queue;
class operation_canceller;

/// Something asynchronous that was asked for, its type erased: it waits in a queue of its socket until it can be done, then
/// in the service's list until its handler may run.
class operation {
public:
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// Tries to do it without blocking; false where it must wait on.
    bool perform() { return perform_(*this); }
    /// Frees it, then calls its handler.
    void complete() { end_(*this, true); }
    /// Frees it and its handler, which is not called.
    void destroy() { end_(*this, false); }
    /// Whether it waits in a socket's queue.
    bool queued() const { return in_ != nullptr; }
    inline void unlink();

    /// What its handler will be told.
    boost::system::error_code error;

protected:
    using performer = bool (*)(operation&);
    using ender = void (*)(operation&, bool call_handler);
    operation(performer how, ender ending) : perform_(how), end_(ending) {}
    inline ~operation();

private:
    friend class operation_queue;
    friend class completion_list;
    friend class operation_canceller;
    operation* next_ = nullptr;
    operation* previous_ = nullptr;
    operation_queue* in_ = nullptr;
    operation_canceller* canceller_ = nullptr;
    performer perform_;
    ender end_;
};

/// What an operation's cancellation slot holds. Either may go first: each knows the other until then.
class operation_canceller {
public:
    explicit operation_canceller(operation& of) : of_(&of) { of.canceller_ = this; }
    operation_canceller(const operation_canceller&) = delete;
    operation_canceller& operator=(const operation_canceller&) = delete;
    ~operation_canceller() {
        if (of_) of_->canceller_ = nullptr;
    }

protected:
    /// Null once it is over.
    operation* of() const { return of_; }

private:
    friend class operation;
    operation* of_;
};

inline operation::~operation() {
    if (canceller_) canceller_->of_ = nullptr;
}

/// Operations of one kind that wait on one socket, the oldest first.
class operation_queue {
public:
    operation_queue() = default;
    operation_queue(const operation_queue&) = delete;
    operation_queue& operator=(const operation_queue&) = delete;

    bool empty() const { return first_ == nullptr; }
    operation& front() { return *first_; }
    void push(operation& o) {
        o.in_ = this;
        o.next_ = nullptr;
        o.previous_ = last_;
        (last_ ? last_->next_ : first_) = &o;
        last_ = &o;
    }
    void remove(operation& o) {
        (o.previous_ ? o.previous_->next_ : first_) = o.next_;
        (o.next_ ? o.next_->previous_ : last_) = o.previous_;
        o.next_ = o.previous_ = nullptr;
        o.in_ = nullptr;
    }
    operation* pop() {
        auto* o = first_;
        if (o) remove(*o);
        return o;
    }

private:
    operation* first_ = nullptr;
    operation* last_ = nullptr;
};

inline void operation::unlink() {
    if (in_) in_->remove(*this);
}

/// Operations that are done; their handlers are called in this order.
class completion_list {
public:
    completion_list() = default;
    completion_list(const completion_list&) = delete;
    completion_list& operator=(const completion_list&) = delete;

    bool empty() const { return first_ == nullptr; }
    void push(operation& o) {
        o.next_ = nullptr;
        (last_ ? last_->next_ : first_) = &o;
        last_ = &o;
    }
    operation* pop() {
        auto* o = first_;
        if (!o) return nullptr;
        first_ = o->next_;
        if (!first_) last_ = nullptr;
        o->next_ = nullptr;
        return o;
    }

private:
    operation* first_ = nullptr;
    operation* last_ = nullptr;
};

}  // namespace netkit

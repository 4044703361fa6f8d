#pragma once

namespace netkit {

/// A place in an intrusive_list: who derives from it can be listed, in one list at a time, and leaves it when destroyed.
class list_hook {
public:
    list_hook() = default;
    list_hook(const list_hook&) = delete;
    list_hook& operator=(const list_hook&) = delete;
    ~list_hook() { unlink(); }
    bool linked() const { return next_ != this; }
    void unlink() {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = this;
    }

private:
    template <class T>
    friend class intrusive_list;
    list_hook* next_ = this;
    list_hook* previous_ = this;
};

/// A list of T, which derives from list_hook; owns nothing.
template <class T>
class intrusive_list {
public:
    intrusive_list() = default;
    intrusive_list(const intrusive_list&) = delete;
    ~intrusive_list() {
        while (!empty()) head_.next_->unlink();
    }
    bool empty() const { return !head_.linked(); }
    T& front() const { return static_cast<T&>(*head_.next_); }
    void push_back(T& item) {
        list_hook& hook = item;
        hook.unlink();
        hook.previous_ = head_.previous_;
        hook.next_ = &head_;
        head_.previous_->next_ = &hook;
        head_.previous_ = &hook;
    }
    /// Calls f with each; f may unlink or destroy the one it is given.
    template <class F>
    void for_each(F&& f) {
        for (auto* at = head_.next_; at != &head_;) {
            auto* item = at;
            at = at->next_;
            f(static_cast<T&>(*item));
        }
    }

private:
    list_hook head_;
};

}  // namespace netkit

#pragma once

namespace netkit {

/// A place in an intrusive_list: who derives from it can be listed, in one list at a time, and leaves it when destroyed. Who is to be in
/// several lists at once derives from several, of different purposes.
template <class Purpose = void>
class basic_list_hook {
public:
    basic_list_hook() = default;
    basic_list_hook(const basic_list_hook&) = delete;
    basic_list_hook& operator=(const basic_list_hook&) = delete;
    ~basic_list_hook() { unlink(); }
    bool linked() const { return next_ != this; }
    void unlink() {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = this;
    }

private:
    template <class, class>
    friend class intrusive_list;
    basic_list_hook* next_ = this;
    basic_list_hook* previous_ = this;
};
using list_hook = basic_list_hook<>;

/// A list of T, which derives from Hook; owns nothing.
template <class T, class Hook = list_hook>
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
        Hook& hook = item;
        if (hook.linked()) hook.unlink();
        hook.previous_ = head_.previous_;
        hook.next_ = &head_;
        head_.previous_->next_ = &hook;
        head_.previous_ = &hook;
    }
    /// Moves all of `other` behind what is here.
    void splice(intrusive_list& other) {
        if (other.empty()) return;
        auto& from = other.head_;
        head_.previous_->next_ = from.next_;
        from.next_->previous_ = head_.previous_;
        from.previous_->next_ = &head_;
        head_.previous_ = from.previous_;
        from.next_ = from.previous_ = &from;
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
    Hook head_;
};

}  // namespace netkit

#pragma once

#include "http_site.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>

namespace example {

/// The connections of a server: so that it can stop, and say what it did.
class http_connections {
public:
    /// One connection, as long as this exists.
    class entry {
    public:
        /// `cancel` ends what the connection waits for.
        entry(http_connections& all, std::function<void()> cancel) : cancel_(std::move(cancel)), all_(all) {
            all_.entries_.insert(this);
            ++all_.accepted_;
        }
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;
        ~entry() {
            all_.entries_.erase(this);
            if (all_.stopping_ && all_.entries_.empty() && all_.stopped_) all_.stopped_();
        }

        bool stopping() const { return all_.stopping_; }
        void count(const http_answer& answer) {
            ++all_.answered_;
            all_.file_bytes_ += answer.left;
        }

        bool busy = false;  ///< an answer is under way

    private:
        friend http_connections;
        std::function<void()> cancel_;
        http_connections& all_;
    };

    /// Ends those connections that wait for a request; the others end after their answer. `then` is called after the last.
    void stop(std::function<void()> then) {
        stopping_ = true;
        stopped_ = std::move(then);
        for (auto* each : entries_)
            if (!each->busy) each->cancel_();
        if (entries_.empty()) stopped_();
    }
    /// Ends the others too.
    void cancel_all() {
        for (auto* each : entries_) each->cancel_();
    }

    std::size_t open() const { return entries_.size(); }
    std::uint64_t accepted() const { return accepted_; }
    std::uint64_t answered() const { return answered_; }
    /// Of files, promised in answers.
    std::uint64_t file_bytes() const { return file_bytes_; }

private:
    std::set<entry*> entries_;
    std::function<void()> stopped_;
    bool stopping_ = false;
    std::uint64_t accepted_ = 0, answered_ = 0, file_bytes_ = 0;
};

}  // namespace example

#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit::detail {

// Socket options and I/O control commands as Asio wants them, for what it has no class for. By the system's levels and names, so
// that they serve kernel sockets too.

/// An option whose value is an int, seen as a Value: bool, a number, an enumeration.
template <int Level, int Name, class Value>
class value_option {
public:
    value_option() = default;
    explicit value_option(Value value) : value_(static_cast<int>(value)) {}
    value_option& operator=(Value value) { return *this = value_option(value); }
    Value value() const { return static_cast<Value>(value_); }

    template <class Protocol>
    int level(const Protocol&) const {
        return Level;
    }
    template <class Protocol>
    int name(const Protocol&) const {
        return Name;
    }
    template <class Protocol>
    int* data(const Protocol&) {
        return &value_;
    }
    template <class Protocol>
    const int* data(const Protocol&) const {
        return &value_;
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const {
        return sizeof value_;
    }
    template <class Protocol>
    void resize(const Protocol&, std::size_t size) {
        if (size != sizeof value_) throw std::length_error("netkit: a socket option's value has another size");
    }

protected:
    int value_ = 0;
};

/// An option whose value is an int that counts units of Duration.
template <int Level, int Name, class Duration>
class duration_option : public value_option<Level, Name, int> {
public:
    duration_option() = default;
    /// Longer than INT_MAX units is that long.
    explicit duration_option(Duration value) : value_option<Level, Name, int>(static_cast<int>(std::min<typename Duration::rep>(value.count(), INT_MAX))) {}
    Duration value() const { return Duration(this->value_); }
};

/// An option whose value is a name of at most 15 characters.
template <int Level, int Name>
class name_option {
public:
    name_option() = default;
    /// Throws std::length_error where the name is longer.
    explicit name_option(std::string_view value) : size_(value.size()) {
        if (size_ >= text_.size()) throw std::length_error("netkit: '" + std::string(value) + "' is longer than any such name");
        std::copy(value.begin(), value.end(), text_.begin());
    }
    std::string value() const { return std::string(text_.data(), ::strnlen(text_.data(), size_)); }

    template <class Protocol>
    int level(const Protocol&) const {
        return Level;
    }
    template <class Protocol>
    int name(const Protocol&) const {
        return Name;
    }
    template <class Protocol>
    char* data(const Protocol&) {
        return text_.data();
    }
    template <class Protocol>
    const char* data(const Protocol&) const {
        return text_.data();
    }
    template <class Protocol>
    std::size_t size(const Protocol&) const {
        return size_;
    }
    template <class Protocol>
    void resize(const Protocol&, std::size_t size) {
        size_ = std::min(size, text_.size());
    }

private:
    std::array<char, 16> text_{};
    std::size_t size_ = 16;
};

/// A question for io_control whose answer is a number of bytes.
template <int Name>
class bytes_command {
public:
    int name() const { return Name; }
    void* data() { return &bytes_; }
    std::size_t get() const { return static_cast<std::size_t>(bytes_); }

private:
    int bytes_ = 0;
};

}  // namespace netkit::detail

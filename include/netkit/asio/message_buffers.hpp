#pragma once

#include <boost/asio/buffer.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

namespace netkit::detail {

/// The first 64 buffers that are not empty of a sequence, as spans.
template <class Byte>
class message_buffers {
    using buffer = std::conditional_t<std::is_const_v<Byte>, boost::asio::const_buffer, boost::asio::mutable_buffer>;

public:
    template <class Sequence>
    explicit message_buffers(const Sequence& from) {
        const auto end = boost::asio::buffer_sequence_end(from);
        for (auto at = boost::asio::buffer_sequence_begin(from); at != end && count_ < most; ++at) {
            const buffer b(*at);
            if (b.size() == 0) continue;
            parts_[count_] = {static_cast<Byte*>(b.data()), b.size()};
            size_ += b.size();
            ++count_;
        }
    }
    std::span<const std::span<Byte>> parts() const { return {parts_.data(), count_}; }
    std::size_t size() const { return size_; }

private:
    static constexpr std::size_t most = 64;
    std::array<std::span<Byte>, most> parts_;
    std::size_t count_ = 0;
    std::size_t size_ = 0;
};

}  // namespace netkit::detail

#pragma once

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstring>

namespace netkit::detail {

/// Reads an option's value as a program gave it; invalid_argument where its size is wrong.
template <class Value>
bool read_option(Value& value, const void* data, std::size_t size, boost::system::error_code& error) {
    if (size != sizeof value) {
        error = boost::asio::error::invalid_argument;
        return false;
    }
    std::memcpy(&value, data, sizeof value);
    error = {};
    return true;
}
/// Stores an option's value where a program wants it, and its size.
template <class Value>
void write_option(const Value& value, void* data, std::size_t& size, boost::system::error_code& error) {
    if (size < sizeof value) {
        error = boost::asio::error::invalid_argument;
        return;
    }
    std::memcpy(data, &value, sizeof value);
    size = sizeof value;
    error = {};
}

}  // namespace netkit::detail

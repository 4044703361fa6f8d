#pragma once

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace netkit::detail {

/// Whether an option is of the IP header that carries what a socket sends, whichever the family.
inline bool is_hop_limit(int level, int name) { return (level == IPPROTO_IP && name == IP_TTL) || (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS); }
inline bool is_traffic_class(int level, int name) { return (level == IPPROTO_IP && name == IP_TOS) || (level == IPPROTO_IPV6 && name == IPV6_TCLASS); }

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
/// The same for an int, which some options give as one byte.
inline bool read_option(int& value, const void* data, std::size_t size, boost::system::error_code& error) {
    unsigned char byte = 0;
    if (size != sizeof byte) return read_option<int>(value, data, size, error);
    if (!read_option(byte, data, size, error)) return false;
    value = byte;
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

/// The same for an int, which some options want as one byte.
inline void write_option(int value, void* data, std::size_t& size, boost::system::error_code& error) {
    if (size == sizeof(unsigned char)) write_option(static_cast<unsigned char>(value), data, size, error);
    else write_option<int>(value, data, size, error);
}

/// Stores a name, and zeros behind it; cut where there is no room for all of it.
inline void write_name_option(std::string_view name, void* data, std::size_t& size, boost::system::error_code& error) {
    std::memset(data, 0, size);
    size = name.copy(static_cast<char*>(data), size);
    error = {};
}

}  // namespace netkit::detail

#pragma once

// `netkit::ip::icmp`: include this instead of <boost/asio/ip/icmp.hpp>, and change one alias. `netkit::ip::raw` is the same for any
// IP protocol.

#include <netkit/asio/basic_raw_socket.hpp>
#include <netkit/asio/basic_resolver.hpp>
#include <netkit/asio/protocol_raw.hpp>

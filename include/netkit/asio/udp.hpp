#pragma once

// `netkit::ip::udp`: include this instead of <boost/asio/ip/udp.hpp>, and change one alias.

#include <netkit/asio/basic_datagram_socket.hpp>
#include <netkit/asio/basic_resolver.hpp>
#include <netkit/asio/protocol_udp.hpp>

#pragma once

// `netkit::ip::tcp`: include this instead of <boost/asio/ip/tcp.hpp>, and change one alias.

#include <netkit/asio/basic_resolver.hpp>
#include <netkit/asio/basic_socket_acceptor.hpp>
#include <netkit/asio/basic_socket_streambuf.hpp>
#include <netkit/asio/basic_stream_socket.hpp>
#include <netkit/asio/protocol_tcp.hpp>

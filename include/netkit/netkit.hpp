#pragma once

/// All of netkit that needs no particular operating system and no Boost.Asio: layers, stacks, and the devices that live in
/// memory. Devices of a system are included by name (<netkit/drivers/tap.hpp>), and so is what joins a stack to Asio
/// (<netkit/asio/...>) and what tests are made of (<netkit/testing/...>).

#include <netkit/buffer/chunk.hpp>
#include <netkit/buffer/packet.hpp>
#include <netkit/buffer/packet_queue.hpp>
#include <netkit/buffer/shared_packet.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/compose/environment.hpp>
#include <netkit/compose/layer.hpp>
#include <netkit/compose/position.hpp>
#include <netkit/compose/stack.hpp>
#include <netkit/core/drop_reason.hpp>
#include <netkit/core/endpoint.hpp>
#include <netkit/core/error.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>
#include <netkit/drivers/impaired.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/layers/ethernet_switch.hpp>
#include <netkit/layers/filter.hpp>
#include <netkit/layers/inject.hpp>
#include <netkit/layers/ip_in_ip.hpp>
#include <netkit/layers/link_sockets.hpp>
#include <netkit/layers/observe.hpp>
#include <netkit/layers/random_faults.hpp>
#include <netkit/layers/raw_sockets.hpp>
#include <netkit/layers/tcp_socket.hpp>
#include <netkit/layers/udp_socket.hpp>
#include <netkit/layers/vlan.hpp>
#include <netkit/layers/vxlan.hpp>
#include <netkit/presets.hpp>
#include <netkit/protocol/tcp/congestion/bbr.hpp>
#include <netkit/protocol/tcp/congestion/cubic.hpp>
#include <netkit/protocol/tcp/congestion/reno.hpp>
#include <netkit/wire/print.hpp>

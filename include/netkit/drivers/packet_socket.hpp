#pragma once

#include <netkit/buffer/buffer.hpp>
#include <netkit/compose/device.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/byte_order.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/protocol_numbers.hpp>
#include <netkit/drivers/device_error.hpp>
#include <netkit/drivers/device_statistics.hpp>
#include <netkit/drivers/file_descriptor.hpp>
#include <netkit/drivers/kernel_interface.hpp>
#include <netkit/drivers/landing_buffers.hpp>
#include <netkit/drivers/virtio_net_header.hpp>
#include <netkit/wire/vlan.hpp>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace netkit {

struct packet_socket_options {
    bool promiscuous = true;  ///< needed where our link address is not the interface's own
    bool offload = true;      ///< leave partial checksums and super-segments of what we send to the kernel
};

/// An Ethernet interface of the kernel's, shared with it through an AF_PACKET socket: what it receives, we receive too.
///
/// Give the stack an IP address of its own, and leave it its own link address: where it shares the host's, the kernel answers
/// for itself as well, with RST to every TCP segment. Frames that we send are not seen by the kernel of the same machine, but
/// by whoever is at the other end of the wire.
///
/// From a peer on the same machine (a veth, a bridge) frames come with partial checksums, and as super-segments larger than the
/// MTU: both are marked so.
class packet_socket {
    static constexpr std::size_t most_sent_at_once = 32;
    // Each takes a large buffer of the stack's pool while it waits.
    static constexpr std::size_t most_received_at_once = 8;

public:
    /// Throws device_error, which says what right or step is missing, and std::invalid_argument for what cannot be a name.
    static packet_socket open(const std::string& interface, const packet_socket_options& options = {}) { return packet_socket(interface, options); }

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        std::size_t got = 0;
        for (std::size_t looked_at = 0; looked_at < batch.size() && socket_;) {
            const auto wanted = landing_->prepare(from, std::min(batch.size() - looked_at, most_received_at_once), sizeof(vlan_tag));
            for (std::size_t i = 0; i < wanted; ++i) messages_->expect(i, landing_->space(i));
            const auto came = wanted == 0 ? 0 : ::recvmmsg(socket_.get(), messages_->each.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
            if (came < 0 && errno == EINTR) continue;
            if (came < 0 && errno == ENETDOWN && !is_bound()) socket_ = {};  // told once, when the interface goes down or away
            if (came <= 0) break;
            looked_at += static_cast<std::size_t>(came);
            for (std::size_t i = 0; i < static_cast<std::size_t>(came); ++i)
                if (auto frame = take(from, i)) batch[got++] = std::move(frame);
            if (static_cast<std::size_t>(came) < wanted) break;
        }
        statistics_.received += got;
        return got;
    }

    std::size_t transmit(std::span<packet> batch) {
        std::size_t taken = 0;
        while (taken < batch.size()) {
            const auto ready = std::min(batch.size() - taken, most_sent_at_once);
            for (std::size_t i = 0; i < ready; ++i) messages_->load(i, batch[taken + i], offload_);
            const auto sent = ::sendmmsg(socket_.get(), messages_->each.data(), static_cast<unsigned>(ready), MSG_DONTWAIT);
            if (sent > 0) {
                statistics_.sent += static_cast<std::size_t>(sent);
                taken += static_cast<std::size_t>(sent);
            } else if (errno == EAGAIN || errno == ENOBUFS) {
                ++statistics_.send_full;
                break;
            } else if (errno != EINTR) {
                if (errno == ENXIO) socket_ = {};  // the interface went away while it was down
                ++statistics_.send_errors;  // of the first alone: too long, the interface is down
                ++taken;
            }
        }
        return taken;
    }

    std::size_t mtu() const { return mtu_; }
    link_type link() const { return link_type::ethernet; }
    offloads can() const { return {.checksum = offload_, .scatter = true, .segmentation = offload_}; }
    /// -1 once the interface is found to have been deleted: there is nothing to wait for, and what is sent counts as send_errors.
    int native_handle() const { return socket_.get(); }
    /// An address of our own, made up at random; the interface itself has host_mac().
    mac_address mac() const { return mac_; }
    mac_address host_mac() const { return host_mac_; }
    const std::string& name() const { return name_; }
    const device_statistics& statistics() const { return statistics_; }

private:
    /// What recvmmsg and sendmmsg are told, one of each for every frame of a batch.
    struct message_tables {
        std::array<mmsghdr, most_sent_at_once> each{};
        std::array<virtio_net_header, most_sent_at_once> headers{};
        std::array<std::array<iovec, 2 + buffer::most_slices>, most_sent_at_once> parts{};
        struct alignas(cmsghdr) auxiliary {
            std::array<std::byte, CMSG_SPACE(sizeof(tpacket_auxdata))> bytes{};
        };
        std::array<auxiliary, most_sent_at_once> auxiliaries{};

        void expect(std::size_t i, std::span<std::byte> space) {
            parts[i][0] = {&headers[i], sizeof headers[i]};
            parts[i][1] = {space.data(), space.size()};
            auto& message = each[i].msg_hdr;
            message = {};
            message.msg_iov = parts[i].data();
            message.msg_iovlen = 2;
            message.msg_control = auxiliaries[i].bytes.data();
            message.msg_controllen = auxiliaries[i].bytes.size();
        }
        void load(std::size_t i, const packet& frame, bool offload) {
            // A super-segment that the kernel could not cut is offered as it is: the kernel refuses it, and that is counted.
            if (!offload || !make_virtio_header(frame, link_type::ethernet, headers[i])) headers[i] = {};
            std::size_t count = 0;
            parts[i][count++] = {&headers[i], sizeof headers[i]};
            frame.for_each_part([&](std::span<const std::byte> part) { parts[i][count++] = {const_cast<std::byte*>(part.data()), part.size()}; });
            auto& message = each[i].msg_hdr;
            message = {};
            message.msg_iov = parts[i].data();
            message.msg_iovlen = count;
        }
        /// What the kernel says beside the i-th frame; null where it says nothing.
        const tpacket_auxdata* auxiliary_of(std::size_t i) {
            auto& message = each[i].msg_hdr;
            for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c))
                if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) return reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(c));
            return nullptr;
        }
    };

    packet_socket(const std::string& name, const packet_socket_options& options)
        : name_(name), offload_(options.offload), landing_(std::make_unique<landing_buffers<most_received_at_once>>()), messages_(std::make_unique<message_tables>()) {
        const std::string what = "cannot open interface '" + name + "'";
        const kernel_interface kernel(name);
        const auto index = kernel.index();
        if (index == 0) throw device_error(what, ENODEV, "`ip link` lists the interfaces there are");
        if (kernel.hardware_type() != ARPHRD_ETHER) throw device_error(what + ": it is no Ethernet", EPROTONOSUPPORT, "");
        if (!kernel.is_up()) throw device_error(what + ": it is down", ENETDOWN, "bring it up as root: ip link set " + name + " up");
        mtu_ = kernel.mtu();
        host_mac_ = kernel.mac();
        mac_ = random_mac(host_mac_);

        socket_ = file_descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket_) throw device_error(what + ": AF_PACKET socket", errno, "run as root, or: setcap cap_net_raw+ep PROGRAM");
        set(SOL_PACKET, PACKET_VNET_HDR, 1, what + ": PACKET_VNET_HDR");
        set(SOL_PACKET, PACKET_AUXDATA, 1, what + ": PACKET_AUXDATA");
        set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, what + ": PACKET_IGNORE_OUTGOING (Linux 4.20)");
        widen(SO_RCVBUFFORCE, SO_RCVBUF);
        widen(SO_SNDBUFFORCE, SO_SNDBUF);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = be16(ETH_P_ALL).raw();
        address.sll_ifindex = static_cast<int>(index);
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw device_error(what + ": bind", errno, "");
        if (options.promiscuous) {
            packet_mreq request{};
            request.mr_ifindex = static_cast<int>(index);
            request.mr_type = PACKET_MR_PROMISC;
            if (::setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) != 0) throw device_error(what + ": promiscuous mode", errno, "");
        }
    }
    void set(int level, int option, int value, const std::string& what) {
        if (::setsockopt(socket_.get(), level, option, &value, sizeof value) != 0) throw device_error(what, errno, "");
    }
    /// The kernel takes the interface off the socket when it is deleted, or moved to another namespace.
    bool is_bound() const {
        sockaddr_ll address{};
        socklen_t size = sizeof address;
        return ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.sll_ifindex > 0;
    }
    /// Room for bursts; as much as this user may have.
    void widen(int forced, int usual) {
        const int bytes = 8 << 20;
        if (::setsockopt(socket_.get(), SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) ::setsockopt(socket_.get(), SOL_SOCKET, usual, &bytes, sizeof bytes);
    }

    /// The i-th frame that came; empty, and counted, where it is of no use.
    packet take(const buffer_source& from, std::size_t i) {
        const auto size = static_cast<std::size_t>(messages_->each[i].msg_len);
        if (size < sizeof(virtio_net_header) + ETH_HLEN || (messages_->each[i].msg_hdr.msg_flags & MSG_TRUNC)) return discard(statistics_.bad_received);
        auto frame = landing_->take(from, i, size - sizeof(virtio_net_header));
        if (!frame) return discard(statistics_.no_buffers);
        if (!apply_virtio_header(messages_->headers[i], frame)) return discard(statistics_.bad_received);
        const auto* beside = messages_->auxiliary_of(i);
        if (beside && (beside->tp_status & TP_STATUS_VLAN_VALID)) put_tag_back(frame, *beside);
        return frame;
    }
    static packet discard(std::uint64_t& counter) {
        ++counter;
        return {};
    }
    /// The kernel takes VLAN tags off before it shows a frame.
    static void put_tag_back(packet& frame, const tpacket_auxdata& beside) {
        constexpr std::size_t addresses = 2 * sizeof(mac_address);
        const be16 type = beside.tp_status & TP_STATUS_VLAN_TPID_VALID ? beside.tp_vlan_tpid : static_cast<std::uint16_t>(ether_type::vlan);
        const be16 control = beside.tp_vlan_tci;
        frame.push(sizeof(vlan_tag));
        auto* const first = frame.head().data();
        std::memmove(first, first + sizeof(vlan_tag), addresses);
        std::memcpy(first + addresses, &type, sizeof type);
        std::memcpy(first + addresses + sizeof type, &control, sizeof control);
    }

    file_descriptor socket_;
    std::string name_;
    bool offload_;
    std::size_t mtu_ = 0;
    mac_address host_mac_, mac_;
    std::unique_ptr<landing_buffers<most_received_at_once>> landing_;
    std::unique_ptr<message_tables> messages_;
    device_statistics statistics_;
};
static_assert(device<packet_socket>);

}  // namespace netkit

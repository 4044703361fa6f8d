#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/ip_address.hpp>
#include <netkit/drivers/device_error.hpp>
#include <netkit/drivers/device_statistics.hpp>
#include <netkit/drivers/file_descriptor.hpp>
#include <netkit/drivers/kernel_interface.hpp>
#include <netkit/drivers/landing_buffers.hpp>
#include <netkit/drivers/virtio_net_header.hpp>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace netkit {

struct tun_options {
    bool offload = true;   ///< exchange partial checksums and super-segments of up to 64 KiB with the kernel: eight times the speed
    bool bring_up = true;  ///< set the interface up
    std::size_t mtu = 0;   ///< bytes of a network packet to set; 0 leaves it
    std::vector<address_prefix> host_addresses{};  ///< what to give the kernel's end
};

namespace detail {

/// What TAP and TUN have in common: a descriptor that gives and takes one frame a call, after a virtio header where there is
/// offload.
class tun_queue {
public:
    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        std::size_t got = 0;
        for (std::size_t looked_at = 0; looked_at < batch.size() && descriptor_; ++looked_at) {
            if (landing_.prepare(from, 1) == 0) break;
            virtio_net_header header;
            const auto space = landing_.space(0);
            const std::array<iovec, 2> parts{iovec{&header, header_size()}, iovec{space.data(), space.size()}};
            const auto read = ::readv(descriptor_.get(), parts.data(), 2);
            if (read < 0) {
                if (errno == EINTR) continue;
                // EBADFD: the interface was deleted. One that is down is only drained.
                if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) descriptor_ = {};
                break;
            }
            const auto size = static_cast<std::size_t>(read);
            if (size <= header_size() || size - header_size() >= space.size()) {
                ++statistics_.bad_received;
                continue;
            }
            auto frame = landing_.take(from, 0, size - header_size());
            if (!frame) ++statistics_.no_buffers;
            else if (offload_ && !apply_virtio_header(header, frame)) ++statistics_.bad_received;
            else batch[got++] = std::move(frame);
        }
        statistics_.received += got;
        return got;
    }

    std::size_t transmit(std::span<packet> batch) {
        std::size_t taken = 0;
        for (const auto& frame : batch) {
            const int error = write(frame);
            if (error == EAGAIN || error == ENOBUFS) {
                ++statistics_.send_full;
                break;
            }
            ++taken;
            ++(error == 0 ? statistics_.sent : statistics_.send_errors);
        }
        return taken;
    }

    std::size_t mtu() const { return mtu_; }
    link_type link() const { return link_; }
    offloads can() const { return {.checksum = offload_, .scatter = true, .segmentation = offload_}; }
    /// -1 once the interface was deleted: there is nothing to wait for, and what is sent counts as send_errors.
    int native_handle() const { return descriptor_.get(); }
    /// The kernel's name for its end; what "%d" became.
    const std::string& name() const { return name_; }
    const device_statistics& statistics() const { return statistics_; }

protected:
    tun_queue(const std::string& name, link_type link, const tun_options& options) : link_(link), offload_(options.offload) {
        kernel_interface::check_name(name);
        attach_to(name);
        const kernel_interface kernel(name_);
        if (options.mtu != 0) kernel.mtu(options.mtu);
        mtu_ = kernel.mtu();
        for (const auto& address : options.host_addresses) kernel.add_address(address);
        if (options.bring_up) kernel.bring_up();
        constexpr std::size_t link_headers = 14 + 2 * 4;
        landing_ = landing_buffers<1>(offload_ ? 65536 : mtu_ + link_headers + 1);
    }

private:
    std::size_t header_size() const { return offload_ ? sizeof(virtio_net_header) : 0; }

    int write(const packet& frame) {
        virtio_net_header header;
        if (offload_ && !make_virtio_header(frame, link_, header)) return EINVAL;
        std::array<iovec, 2 + buffer::most_slices> parts;
        parts[0] = {&header, header_size()};
        int count = 1;
        frame.for_each_part([&](std::span<const std::byte> part) { parts[static_cast<std::size_t>(count++)] = {const_cast<std::byte*>(part.data()), part.size()}; });
        while (::writev(descriptor_.get(), parts.data(), count) < 0)
            if (errno != EINTR) return errno;
        return 0;
    }

    void attach_to(const std::string& name) {
        const bool ethernet = link_ == link_type::ethernet;
        const std::string mode = ethernet ? "tap" : "tun";
        const std::string what = std::string("cannot open ") + (ethernet ? "TAP" : "TUN") + " '" + name + "'";
        const std::string beforehand = "create it beforehand as root: ip tuntap add dev " + name + " mode " + mode + " user $USER && ip link set " + name + " up";

        descriptor_ = file_descriptor(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
        if (!descriptor_) {
            const int error = errno;
            const bool absent = error == ENOENT || error == ENODEV || error == ENXIO;
            throw device_error(what + ": /dev/net/tun", error, absent ? "load the kernel's driver as root: modprobe tun" : "run as root, or let this user open it: chmod 0666 /dev/net/tun");
        }
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_flags = static_cast<short>((ethernet ? IFF_TAP : IFF_TUN) | IFF_NO_PI | (offload_ ? IFF_VNET_HDR : 0));
        if (::ioctl(descriptor_.get(), TUNSETIFF, &request) != 0) {
            const int error = errno;
            const std::string advice = error == EPERM   ? "run as root, or: setcap cap_net_admin+ep PROGRAM, or " + beforehand
                                       : error == EBUSY ? "another program has it open, or an interface of another kind is called that; choose another name, such as nk%d"
                                       : error == EINVAL ? "an interface of another kind is called that; choose another name, such as nk%d"
                                                         : "";
            throw device_error(what, error, advice);
        }
        name_ = request.ifr_name;
        if (!offload_) return;
        int header = sizeof(virtio_net_header);
        if (::ioctl(descriptor_.get(), TUNSETVNETHDRSZ, &header) != 0 || ::ioctl(descriptor_.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
            throw device_error(what + ": no offload", errno, "open it without: options.offload = false");
    }

    file_descriptor descriptor_;
    std::string name_;
    link_type link_;
    bool offload_;
    std::size_t mtu_ = 0;
    landing_buffers<1> landing_;
    device_statistics statistics_;
};

}  // namespace detail

}  // namespace netkit

#pragma once

// A network namespace of the test's own: nothing to clean up, nothing that another test or the machine could notice. Addresses
// are from 198.18.0.0/15 and fd00:6e6b::/32.

#include <netkit/core/ip_address.hpp>
#include <netkit/drivers/file_descriptor.hpp>
#include <netkit/drivers/kernel_interface.hpp>

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netkit::test {

/// What CTest takes for "skipped".
inline constexpr int skipped = 77;

/// Says why, visibly; to be returned from main.
inline int skip(const std::string& why) {
    std::printf("SKIPPED: %s\n", why.c_str());
    return skipped;
}

inline bool write_file(const char* path, const std::string& text) {
    const netkit::file_descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// Turns the kernel's IPv6 on or off for interfaces made from now on; off keeps its own chatter away.
inline void kernel_ipv6(bool on) {
    for (const char* which : {"all", "default"}) {
        const std::string folder = std::string("/proc/sys/net/ipv6/conf/") + which;
        write_file((folder + "/disable_ipv6").c_str(), on ? "0" : "1");
        write_file((folder + "/accept_dad").c_str(), "0");
        write_file((folder + "/accept_ra").c_str(), "0");
        write_file((folder + "/router_solicitations").c_str(), "0");
    }
}

/// Puts this process in a namespace of its own, with only a loopback: as root, or as a user who becomes root inside. Returns
/// nothing, or the reason to skip. Must be called before there is a second thread. The kernel's IPv6 is off at first.
inline std::optional<std::string> enter_network_namespace() {
    const auto user = ::geteuid();
    const auto group = ::getegid();
    if (::unshare(CLONE_NEWNET) != 0) {
        if (errno != EPERM) return std::string("no network namespace of our own: unshare(CLONE_NEWNET): ") + std::strerror(errno) + " (the kernel needs CONFIG_NET_NS)";
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
            return std::string("not root, and users may not make namespaces here: unshare(CLONE_NEWUSER | CLONE_NEWNET): ") + std::strerror(errno) +
                   " (run as root; in a container: --cap-add SYS_ADMIN --cap-add NET_ADMIN)";
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
        write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
    }
    kernel_ipv6(false);
    netkit::kernel_interface("lo").bring_up();
    return {};
}

/// Nothing where TAP and TUN devices can be made, else the reason to skip.
inline std::optional<std::string> why_no_tap() {
    const netkit::file_descriptor tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    if (!tun) {
        const int error = errno;
        const auto* advice = error == EACCES ? "run as root, or: chmod 0666 /dev/net/tun" : "as root: modprobe tun; in a container: --device /dev/net/tun";
        return std::string("no TAP devices: /dev/net/tun: ") + std::strerror(error) + " (" + advice + ")";
    }
    ifreq request{};
    std::strcpy(request.ifr_name, "probe%d");
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) return std::string("no TAP devices: TUNSETIFF: ") + std::strerror(errno) + " (run as root; in a container: --cap-add NET_ADMIN)";
    return {};
}

/// Makes a pair of interfaces joined by a cable, both up. Throws netkit::device_error.
inline void make_veth(const std::string& name, const std::string& peer) {
    std::vector<std::byte> message;
    const auto append = [&](const void* bytes, std::size_t size) {
        const auto* first = static_cast<const std::byte*>(bytes);
        message.insert(message.end(), first, first + size);
        message.resize(NLMSG_ALIGN(message.size()));
    };
    const auto attribute = [&](std::uint16_t type, std::string_view value) {
        const rtattr header{static_cast<std::uint16_t>(sizeof(rtattr) + value.size()), type};
        append(&header, sizeof header);
        append(value.data(), value.size());
    };
    const auto nested = [&](std::uint16_t type, auto contents) {
        const auto at = message.size();
        attribute(type, {});
        contents();
        const auto size = static_cast<std::uint16_t>(message.size() - at);
        std::memcpy(message.data() + at, &size, sizeof size);
    };
    const ifinfomsg no_details{};
    nlmsghdr header{};
    header.nlmsg_type = RTM_NEWLINK;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
    append(&header, sizeof header);
    append(&no_details, sizeof no_details);
    attribute(IFLA_IFNAME, {name.c_str(), name.size() + 1});
    nested(IFLA_LINKINFO, [&] {
        attribute(IFLA_INFO_KIND, "veth");
        nested(IFLA_INFO_DATA, [&] {
            nested(VETH_INFO_PEER, [&] {
                append(&no_details, sizeof no_details);
                attribute(IFLA_IFNAME, {peer.c_str(), peer.size() + 1});
            });
        });
    });
    header.nlmsg_len = static_cast<std::uint32_t>(message.size());
    std::memcpy(message.data(), &header, sizeof header);

    if (const int error = netkit::kernel_interface::ask_kernel(message)) throw netkit::device_error("cannot make the veth pair " + name + ", " + peer, error, "");
    netkit::kernel_interface(name).bring_up();
    netkit::kernel_interface(peer).bring_up();
}

/// Gives an interface of the kernel's an address: give_address("veth0", "198.18.0.1/24").
inline void give_address(const std::string& name, std::string_view prefix) {
    netkit::kernel_interface(name).add_address(netkit::address_prefix::parse(prefix));
}

}  // namespace netkit::test

#pragma once

#include <netkit/core/ip_address.hpp>
#include <netkit/core/mac_address.hpp>
#include <netkit/core/random.hpp>
#include <netkit/drivers/device_error.hpp>
#include <netkit/drivers/file_descriptor.hpp>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace netkit {

/// An interface of the kernel's, by name: its settings. Each call throws device_error where the kernel refuses.
class kernel_interface {
public:
    /// The interface need not exist yet. Throws std::invalid_argument for what cannot be a name.
    explicit kernel_interface(std::string name) : name_(std::move(name)), control_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        check_name(name_);
        if (!control_) fail("ask for its settings", errno);
    }
    /// Throws std::invalid_argument where an interface cannot be called that.
    static void check_name(const std::string& name) {
        const bool good = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." && name.find_first_of("/ \t\n:") == name.npos;
        if (!good)
            throw std::invalid_argument("netkit: '" + name + "' cannot be the name of an interface (expected 1 to " + std::to_string(IFNAMSIZ - 1) +
                                        " characters, none of them a space, '/' or ':')");
    }

    const std::string& name() const { return name_; }
    /// Zero where there is no such interface.
    unsigned index() const { return ::if_nametoindex(name_.c_str()); }

    std::size_t mtu() const { return static_cast<std::size_t>(ask(SIOCGIFMTU, "read its MTU").ifr_mtu); }
    void mtu(std::size_t bytes) const {
        auto request = named();
        request.ifr_mtu = static_cast<int>(bytes);
        if (::ioctl(control_.get(), SIOCSIFMTU, &request) != 0) fail("set its MTU to " + std::to_string(bytes), errno);
    }
    /// ARPHRD_ETHER and the like.
    unsigned hardware_type() const { return ask(SIOCGIFHWADDR, "read its hardware address").ifr_hwaddr.sa_family; }
    /// Only of an Ethernet.
    mac_address mac() const {
        const auto request = ask(SIOCGIFHWADDR, "read its hardware address");
        std::array<std::uint8_t, 6> bytes{};
        std::memcpy(bytes.data(), request.ifr_hwaddr.sa_data, bytes.size());
        return mac_address(bytes);
    }
    bool is_up() const { return (ask(SIOCGIFFLAGS, "read its flags").ifr_flags & IFF_UP) != 0; }
    void bring_up() const {
        auto request = ask(SIOCGIFFLAGS, "read its flags");
        if (request.ifr_flags & IFF_UP) return;
        request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
        if (::ioctl(control_.get(), SIOCSIFFLAGS, &request) != 0) fail("bring it up", errno, "run as root, or: ip link set " + name_ + " up");
    }
    /// Gives the kernel's own end an address, with a route to its prefix; an IPv6 address without duplicate address detection.
    void add_address(const address_prefix& added) const {
        struct {
            nlmsghdr header;
            ifaddrmsg message;
            std::array<std::byte, 64> attributes;
        } request{};
        request.message.ifa_family = added.address.is_v6() ? AF_INET6 : AF_INET;
        request.message.ifa_prefixlen = static_cast<std::uint8_t>(added.length);
        request.message.ifa_flags = added.address.is_v6() ? IFA_F_NODAD : 0;
        request.message.ifa_index = index();
        std::size_t used = 0;
        added.address.visit([&](const auto& a) {
            for (const std::uint16_t type : {std::uint16_t(IFA_LOCAL), std::uint16_t(IFA_ADDRESS)}) {
                const rtattr attribute{static_cast<std::uint16_t>(sizeof(rtattr) + sizeof a), type};
                std::memcpy(request.attributes.data() + used, &attribute, sizeof attribute);
                std::memcpy(request.attributes.data() + used + sizeof attribute, &a, sizeof a);
                used += sizeof attribute + sizeof a;
            }
        });
        request.header.nlmsg_len = static_cast<std::uint32_t>(sizeof request.header + sizeof request.message + used);
        request.header.nlmsg_type = RTM_NEWADDR;
        request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
        if (const int error = ask_kernel(std::as_bytes(std::span(&request, 1)).first(request.header.nlmsg_len)))
            fail("give it the address " + to_string(added), error, "run as root, or: ip address add " + to_string(added) + " dev " + name_);
    }

    /// Sends one rtnetlink message and waits for its acknowledgement; returns the kernel's error, or zero.
    static int ask_kernel(std::span<const std::byte> message) {
        const file_descriptor netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
        if (!netlink) return errno;
        if (::send(netlink.get(), message.data(), message.size(), 0) < 0) return errno;
        alignas(nlmsghdr) std::array<std::byte, 4096> answer;
        const auto size = ::recv(netlink.get(), answer.data(), answer.size(), 0);
        if (size < 0) return errno;
        if (static_cast<std::size_t>(size) < sizeof(nlmsghdr) + sizeof(nlmsgerr)) return EPROTO;
        nlmsgerr result;
        std::memcpy(&result, answer.data() + sizeof(nlmsghdr), sizeof result);
        return -result.error;
    }

private:
    ifreq named() const {
        ifreq request{};
        name_.copy(request.ifr_name, IFNAMSIZ - 1);
        return request;
    }
    ifreq ask(unsigned long what, const char* purpose) const {
        auto request = named();
        if (::ioctl(control_.get(), what, &request) != 0) fail(purpose, errno);
        return request;
    }
    [[noreturn]] void fail(const std::string& purpose, int error, const std::string& advice = {}) const {
        throw device_error("interface '" + name_ + "': cannot " + purpose, error, error == EPERM && advice.empty() ? "run as root" : advice);
    }

    std::string name_;
    file_descriptor control_;
};

/// A locally administered unicast address by chance, other than `taken`: for our end of a link whose other end is the kernel's.
inline mac_address random_mac(const mac_address& taken = {}) {
    auto random = random_source::from_entropy();
    for (;;) {
        const auto bits = random();
        const mac_address mac(0x02, static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8), static_cast<std::uint8_t>(bits >> 16),
                              static_cast<std::uint8_t>(bits >> 24), static_cast<std::uint8_t>(bits >> 32));
        if (!(mac == taken)) return mac;
    }
}

}  // namespace netkit

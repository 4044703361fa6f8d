#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/drivers/memory_link.hpp>
#include <netkit/drivers/packet_socket.hpp>
#include <netkit/drivers/pcapng_device.hpp>
#include <netkit/drivers/tap.hpp>
#include <netkit/drivers/tun.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace netkit {

/// Any of the devices that a program's user may choose from.
using any_device = any_of<memory_link, tap, tun, packet_socket, pcapng_device>;

/// A device as a program's user names it on the command line.
struct device_spec {
    enum class kind { link, tap, tun, packet, pcap };

    kind what = kind::link;
    std::string name{};  ///< of the interface or file; empty for a link

    /// What parse() takes, for a program's help.
    static constexpr std::string_view forms = "link | tap:NAME | tun:NAME | packet:INTERFACE | pcap:FILE";

    /// Throws std::invalid_argument, listing the forms, where `text` is none of them.
    static device_spec parse(std::string_view text) {
        if (text == "link") return {};
        const auto colon = text.find(':');
        const auto word = text.substr(0, colon);
        const auto name = colon == text.npos ? std::string_view() : text.substr(colon + 1);
        struct form {
            std::string_view word;
            kind what;
        };
        for (const auto& each : {form{"tap", kind::tap}, form{"tun", kind::tun}, form{"packet", kind::packet}, form{"pcap", kind::pcap}}) {
            if (word != each.word) continue;
            if (name.empty()) fail(text, "lacks a name after '" + std::string(word) + ":'");
            return {each.what, std::string(name)};
        }
        if (word == "link") fail(text, "takes no name: the in-memory link has none");
        fail(text, "is not a device");
    }

    /// Opens the device; of a link, the near end, the far end going to `peer`. Throws what the device's open() throws, and
    /// std::invalid_argument for a link where nobody takes the far end.
    any_device open(memory_link* peer = nullptr, const memory_link_options& options = {}) const {
        switch (what) {
        case kind::tap: return netkit::tap::open(name);
        case kind::tun: return netkit::tun::open(name);
        case kind::packet: return packet_socket::open(name);
        case kind::pcap: return pcapng_device::open(name);
        case kind::link: break;
        }
        if (!peer) throw std::invalid_argument("netkit: this program has nobody at the other end of a link; name a device: " + std::string(forms));
        auto [near_end, far_end] = memory_link::make(options);
        *peer = std::move(far_end);
        return std::move(near_end);
    }

private:
    [[noreturn]] static void fail(std::string_view text, const std::string& why) {
        throw std::invalid_argument("netkit: '" + std::string(text) + "' " + why + " (expected " + std::string(forms) + ")");
    }
};

inline std::string to_string(const device_spec& spec) {
    switch (spec.what) {
    case device_spec::kind::link: return "link";
    case device_spec::kind::tap: return "tap:" + spec.name;
    case device_spec::kind::tun: return "tun:" + spec.name;
    case device_spec::kind::packet: return "packet:" + spec.name;
    case device_spec::kind::pcap: return "pcap:" + spec.name;
    }
    return {};
}

}  // namespace netkit

#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/drivers/device_error.hpp>
#include <netkit/drivers/file_descriptor.hpp>
#include <netkit/drivers/pcap_reader.hpp>
#include <netkit/wire/pcapng.hpp>
#include <netkit/wire/pcapng_reader.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace netkit {

/// A capture file played back: its frames are received in order, as fast as they are asked for; what is sent is swallowed.
/// (To keep it, put a `capture` around this device.) pcapng and classic pcap, of either byte order, holding Ethernet or raw IP.
class pcapng_device {
public:
    /// Reads the whole file. Throws device_error where it cannot be read, and std::runtime_error where it is not a well-formed
    /// capture of one kind of link.
    static pcapng_device open(const std::string& path) { return pcapng_device(read_file(path), "'" + path + "'"); }
    /// The same for a file that is in memory.
    static pcapng_device from_bytes(std::vector<std::byte> file) { return pcapng_device(std::move(file), "the capture"); }

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        std::size_t got = 0;
        while (got < batch.size() && !finished()) {
            const auto& next = frames_[next_++];
            auto frame = from.allocate(next.size);
            if (!frame || !frame.append(std::span<const std::byte>(file_).subspan(next.at, next.size))) ++lost_;
            else batch[got++] = std::move(frame);
        }
        return got;
    }
    std::size_t transmit(std::span<packet> batch) {
        swallowed_ += batch.size();
        return batch.size();
    }

    std::size_t mtu() const { return 1500; }
    link_type link() const { return link_; }
    offloads can() const { return {.checksum = true, .scatter = true}; }
    /// The device is ready from the start: wake(context) is called at once, unless there is nothing.
    void on_ready(void (*wake)(void*), void* context) {
        if (!finished()) wake(context);
    }

    /// Frames in the file; whether all have been given; how many of those had no buffer; and how many were sent.
    std::size_t frames() const { return frames_.size(); }
    bool finished() const { return next_ == frames_.size(); }
    std::uint64_t lost() const { return lost_; }
    std::uint64_t swallowed() const { return swallowed_; }

private:
    struct extent {
        std::size_t at, size;
    };

    pcapng_device(std::vector<std::byte> file, const std::string& name) : file_(std::move(file)) {
        const std::span<const std::byte> bytes(file_);
        if (pcap_reader::recognises(bytes)) index(pcap_reader(bytes), name);
        else index(pcapng_reader(bytes), name);
    }
    template <class Reader>
    void index(Reader reader, const std::string& name) {
        pcapng_packet frame;
        std::optional<link_type> link;
        while (reader.next(frame)) {
            const auto its_link = link_named(frame.link, name);
            if (link && *link != its_link) throw std::runtime_error("netkit: " + name + " holds both Ethernet frames and raw IP packets: split it");
            link = its_link;
            frames_.push_back({static_cast<std::size_t>(frame.data.data() - file_.data()), frame.data.size()});
        }
        if (!reader.well_formed() || file_.empty()) {
            const std::string where = frames_.empty() ? " is not a capture file (expected pcapng or pcap)" : " is damaged after frame " + std::to_string(frames_.size());
            throw std::runtime_error("netkit: " + name + where);
        }
        link_ = link.value_or(link_type::ethernet);
    }
    static link_type link_named(pcapng_link_type type, const std::string& name) {
        // BSD's numbers for raw IP, and those for one family alone.
        constexpr std::uint16_t raw_12 = 12, raw_14 = 14, ipv4 = 228, ipv6 = 229;
        switch (static_cast<std::uint16_t>(type)) {
        case static_cast<std::uint16_t>(pcapng_link_type::ethernet): return link_type::ethernet;
        case static_cast<std::uint16_t>(pcapng_link_type::raw_ip):
        case raw_12:
        case raw_14:
        case ipv4:
        case ipv6: return link_type::ip;
        default: throw std::runtime_error("netkit: " + name + " holds frames of " + to_string(type) + " (expected Ethernet or raw IP)");
        }
    }
    static std::vector<std::byte> read_file(const std::string& path) {
        const file_descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) throw device_error("cannot read the capture file '" + path + "'", errno, "");
        std::vector<std::byte> bytes;
        for (;;) {
            const auto have = bytes.size();
            bytes.resize(have + 65536);
            const auto n = ::read(file.get(), bytes.data() + have, 65536);
            bytes.resize(have + static_cast<std::size_t>(n > 0 ? n : 0));
            if (n == 0) return bytes;
            if (n < 0 && errno != EINTR) throw device_error("cannot read the capture file '" + path + "'", errno, "");
        }
    }

    std::vector<std::byte> file_;
    std::vector<extent> frames_;
    link_type link_ = link_type::ethernet;
    std::size_t next_ = 0;
    std::uint64_t lost_ = 0, swallowed_ = 0;
};
static_assert(device<pcapng_device>);

}  // namespace netkit

#pragma once

#include <netkit/buffer/packet.hpp>
#include <netkit/compose/interface.hpp>
#include <netkit/core/checksum.hpp>
#include <netkit/drivers/device_error.hpp>
#include <netkit/drivers/file_descriptor.hpp>
#include <netkit/wire/pcapng.hpp>
#include <netkit/wire/pcapng_writer.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace netkit {

/// Writes frames to a file that Wireshark reads (pcapng). Kept in memory until there are 64 KiB, and written by flush() and at
/// the end.
class capture_writer {
public:
    /// Nanoseconds since 1970.
    using clock_function = std::function<std::uint64_t()>;

    static std::uint64_t system_time() {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    }

    /// Overwrites the file. Throws device_error where it cannot be written.
    explicit capture_writer(const std::string& path, clock_function now = system_time)
        : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)), now_(std::move(now)) {
        if (!file_) fail(errno);
        append_pcapng_section(pending_);
    }
    capture_writer(const capture_writer&) = delete;
    capture_writer& operator=(const capture_writer&) = delete;
    ~capture_writer() { flush(); }

    /// Describes a place where frames pass; returns its number. Frames longer than `snap_length` bytes are cut; 0 is no limit.
    std::uint32_t add_interface(link_type link, std::string_view name = {}, std::uint32_t snap_length = 0) {
        append_pcapng_interface(pending_, link == link_type::ip ? pcapng_link_type::raw_ip : pcapng_link_type::ethernet, name, snap_length);
        return interfaces_++;
    }

    /// Adds a frame as it is on the wire: a partial checksum is completed in what is written, a super-segment stays whole.
    void add(const packet& frame, std::uint32_t interface, pcapng_direction direction, std::size_t snap_length = 0) {
        const auto size = frame.size();
        const auto captured = snap_length == 0 ? size : std::min(size, snap_length);
        begin_pcapng_packet(pending_, interface, now_(), captured, size, direction);
        const auto at = pending_.size();
        pending_.resize(at + size);
        const auto written = std::span(pending_).subspan(at);
        frame.copy_to(written);
        if (frame.checksum() == checksum_state::partial) complete_checksum(written, frame.checksum_start(), frame.checksum_offset());
        pending_.resize(at + captured);
        end_pcapng_packet(pending_, captured, direction);
    }

    /// What was added after size() was `mark` is taken back; nothing may have been written meanwhile.
    std::size_t size() const { return pending_.size(); }
    void rewind(std::size_t mark) { pending_.resize(mark); }
    /// Writes what is held, where that is much.
    void write_some() {
        if (pending_.size() >= 65536) flush();
    }
    void flush() {
        std::span<const std::byte> left(pending_);
        while (!left.empty() && !failed()) {
            const auto n = ::write(file_.get(), left.data(), left.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) error_ = n < 0 ? errno : EIO;
            else left = left.subspan(static_cast<std::size_t>(n));
        }
        pending_.clear();
    }
    /// A write has failed (the disk is full): the file ends there, and traffic goes on.
    bool failed() const { return error_ != 0; }
    /// flush(), for who wants to know: throws device_error where a write has failed, now or before.
    void finish() {
        flush();
        if (failed()) fail(error_);
    }

private:
    [[noreturn]] void fail(int error) const { throw device_error("cannot write the capture file '" + path_ + "'", error, ""); }
    static void complete_checksum(std::span<std::byte> frame, std::size_t start, std::size_t offset) {
        if (start + offset + 2 > frame.size()) return;
        auto value = fold16(sum16(std::span<const std::byte>(frame.subspan(start))));
        if (value == 0 && offset == 6) value = 0xffff;  // UDP's, where zero means "none"
        std::memcpy(frame.data() + start + offset, &value, sizeof value);
    }

    std::string path_;
    file_descriptor file_;
    clock_function now_;
    pcapng_bytes pending_;
    std::uint32_t interfaces_ = 0;
    int error_ = 0;
};

}  // namespace netkit

#pragma once

#include <netkit/compose/device.hpp>
#include <netkit/drivers/capture_writer.hpp>
#include <netkit/wire/pcapng.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace netkit {

struct capture_options {
    std::string name{};             ///< of the interface, as the file shall call it
    std::uint32_t snap_length = 0;  ///< bytes kept of each frame; 0 keeps all
    capture_writer::clock_function now = capture_writer::system_time;
};

/// A device of which every frame, received or taken for transmission, is also written to a file; or a device as it was, where
/// no file is named.
template <device Device>
class capture {
public:
    capture() = default;
    /// Writes nothing.
    capture(Device d) : device_(std::move(d)) {}
    /// Writes to a file of its own; to none where `path` is empty. Throws device_error where that cannot be written.
    capture(Device d, const std::string& path, const capture_options& options = {})
        : capture(std::move(d), path.empty() ? nullptr : std::make_shared<capture_writer>(path, options.now), options) {}
    /// Writes to a file that several devices share; `options.now` is not used.
    capture(Device d, std::shared_ptr<capture_writer> to, const capture_options& options = {})
        : device_(std::move(d)), writer_(std::move(to)), snap_length_(options.snap_length) {
        if (writer_) interface_ = writer_->add_interface(link_of(device_), options.name, options.snap_length);
    }

    std::size_t receive(const buffer_source& from, std::span<packet> batch) {
        const auto got = device_.receive(from, batch);
        if (writer_) write_received(batch.first(got));
        return got;
    }
    std::size_t transmit(std::span<packet> batch) { return writer_ ? transmit_written(batch) : device_.transmit(batch); }

    std::size_t mtu() const { return device_.mtu(); }
    link_type link() const { return link_of(device_); }
    offloads can() const { return offloads_of(device_); }
    mac_address mac() const { return mac_of(device_); }
    int native_handle() const { return native_handle_of(device_); }
    bool on_ready(void (*wake)(void*), void* context) { return wake_on_ready(device_, wake, context); }

    /// The device itself.
    Device& inner() { return device_; }
    /// Where the frames go; null where they go nowhere.
    const std::shared_ptr<capture_writer>& writer() const { return writer_; }

private:
    static constexpr std::size_t most_at_once = 32;

    void write_received(std::span<const packet> frames) {
        for (const auto& frame : frames) writer_->add(frame, interface_, pcapng_direction::inbound, snap_length_);
        writer_->write_some();
    }
    /// Frames are gone once the device has taken them: they are written before, and those that it did not take are unwritten.
    std::size_t transmit_written(std::span<packet> batch) {
        std::size_t taken = 0;
        while (taken < batch.size()) {
            const auto some = batch.subspan(taken, std::min(batch.size() - taken, most_at_once));
            std::array<std::size_t, most_at_once> starts{};
            for (std::size_t i = 0; i < some.size(); ++i) {
                starts[i] = writer_->size();
                writer_->add(some[i], interface_, pcapng_direction::outbound, snap_length_);
            }
            const auto now_taken = device_.transmit(some);
            taken += now_taken;
            if (now_taken < some.size()) {
                writer_->rewind(starts[now_taken]);
                break;
            }
            writer_->write_some();
        }
        return taken;
    }

    Device device_{};
    std::shared_ptr<capture_writer> writer_;
    std::uint32_t interface_ = 0;
    std::uint32_t snap_length_ = 0;
};

}  // namespace netkit

#pragma once

#include <netkit/drivers/capture.hpp>
#include <netkit/drivers/capture_writer.hpp>
#include <netkit/testing/simulation.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace netkit::testing {

/// A file for frames of a simulation, stamped with its time (nanoseconds; every simulation begins at the first second of 1970).
/// For link::capture(), and for devices: `host<Root, capture<link_end>>` with `capture<link_end>(wire.first(), file)`.
/// The simulation outlives it. Throws device_error where the file cannot be written.
inline std::shared_ptr<capture_writer> make_capture(const simulation& in, const std::string& path) {
    return std::make_shared<capture_writer>(path, [&in] { return static_cast<std::uint64_t>(in.now().time_since_epoch().count()); });
}

}  // namespace netkit::testing

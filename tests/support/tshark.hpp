#pragma once

// An independent judge of what we emit.

#include <cstdio>
#include <cstdlib>
#include <string>

namespace netkit::test {

inline bool have_tshark() { return std::system("command -v tshark >/dev/null 2>&1") == 0; }

/// What a shell command prints.
inline std::string output_of(const std::string& command) {
    std::string text;
    if (auto* pipe = ::popen(command.c_str(), "r")) {
        char bytes[4096];
        while (const auto n = std::fread(bytes, 1, sizeof bytes, pipe)) text.append(bytes, n);
        ::pclose(pipe);
    }
    return text;
}

/// One line for each frame of a capture file that tshark calls malformed or of which a checksum is wrong, and what it says of
/// the file itself; empty where all is well. `options` are more of tshark's: what is sent over a port that some protocol is known
/// by, and is not of it, is "-d tcp.port==80,data".
inline std::string complaints_of_tshark(const std::string& capture, const std::string& options = {}) {
    // A TCP checksum of zero the kernel writes as 0xffff, which sums up to the same (RFC 1624 section 3).
    std::string filter = "_ws.malformed || _ws.unreassembled || (tcp.checksum.status == \"Bad\" && tcp.checksum != 0xffff)";
    for (const char* protocol : {"ip", "icmp", "icmpv6", "udp"}) filter += std::string(" || ") + protocol + ".checksum.status == \"Bad\"";
    std::string command = "tshark -n " + options + " -r '" + capture + "'";
    for (const char* protocol : {"ip", "udp", "tcp"}) command += std::string(" -o ") + protocol + ".check_checksum:TRUE";
    return output_of(command + " -Y '" + filter + "' 2>&1 | grep -v 'Running as user'");
}
inline std::size_t frames_by_tshark(const std::string& capture) {
    return std::strtoul(output_of("tshark -n -r '" + capture + "' 2>/dev/null | wc -l").c_str(), nullptr, 10);
}

}  // namespace netkit::test

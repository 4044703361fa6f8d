#pragma once

#include <netkit/core/protocol_numbers.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace netkit::detail {

/// A line in the making.
struct printer {
    static constexpr unsigned deepest = 8;

    std::string text;
    bool truncated = false;  ///< bytes are missing that a header speaks of
    bool quoted = false;     ///< within an ICMP error, where packets are cut on purpose
    unsigned depth = 0;      ///< how many headers lie around this one

    void cut() { truncated = truncated || !quoted; }
};

/// One header more around what is printed while it lives. Says no, and "...", where that makes too many.
class nesting {
public:
    explicit nesting(printer& line) : line_(line) {
        if (++line_.depth > printer::deepest) line_.text += "...";
    }
    nesting(const nesting&) = delete;
    ~nesting() { --line_.depth; }
    explicit operator bool() const { return line_.depth <= printer::deepest; }

private:
    printer& line_;
};

/// What an IP header carries.
struct printed_payload {
    std::string source;
    std::string target;
    std::span<const std::byte> bytes;
    std::size_t length;  ///< by the IP header; `bytes` may be fewer, never more
    bool is_fragment = false;

    std::string addresses() const { return source + " > " + target + " "; }
};

void print_frame(printer& line, std::span<const std::byte> frame);
void print_ip(printer& line, std::span<const std::byte> packet);
void print_upper_layer(printer& line, ip_protocol protocol, const printed_payload& payload);

inline std::string length_text(std::size_t length) { return " length " + std::to_string(length); }

/// The options of a header between "<" and ">"; nothing where there are none.
template <class Options>
std::string options_text(const Options& options) {
    std::string text;
    for (const auto& option : options) text += (text.empty() ? "" : ",") + to_string(option);
    if (!options.well_formed()) text += text.empty() ? "malformed option" : ",malformed option";
    return text.empty() ? text : " <" + text + ">";
}

}  // namespace netkit::detail

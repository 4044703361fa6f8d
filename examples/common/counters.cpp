#include "counters.hpp"

#include <sstream>

namespace example {

std::string describe_counters(netkit::stack_core& stack) {
    std::ostringstream out;
    for (std::size_t i = 0; i < stack.interface_count(); ++i) {
        const auto& each = stack.interface(netkit::interface_id(i));
        if (each.received.packets + each.sent.packets == 0) continue;
        out << "  " << each.name << ": received " << each.received.packets << " packets, " << each.received.bytes << " bytes; sent " << each.sent.packets << " packets, " << each.sent.bytes << " bytes\n";
    }
    const auto& c = stack.counters();
    out << "  frames received " << c.received << " = delivered " << c.delivered << " + forwarded " << c.forwarded << " + dropped " << c.dropped_in_all() << " + held " << c.held() << "\n";
    for (std::size_t r = 0; r < netkit::drop_reasons; ++r) {
        if (c.dropped[r]) out << "  dropped, " << netkit::to_string(static_cast<netkit::drop_reason>(r)) << ": " << c.dropped[r] << "\n";
        if (c.send_failed[r]) out << "  not sent, " << netkit::to_string(static_cast<netkit::drop_reason>(r)) << ": " << c.send_failed[r] << "\n";
    }
    return out.str();
}

}  // namespace example

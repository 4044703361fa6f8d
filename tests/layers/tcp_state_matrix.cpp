// For each state, each kind of segment, in, left of, right of and across the window, with acceptable and unacceptable ACK: the response
// that tests/layers/tcp_model.hpp, which is written from the RFCs, asks for. Sequence numbers wrap within the window.

#include <tests/layers/tcp_states.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace layers_tcp_state_matrix_tests {

using namespace netkit::tcp_script;
namespace model = netkit::tcp_model;
using model::number;
using netkit::tcp_flags;
using netkit::tcp_state;

namespace {

/// A number that a segment has, and what it is in relation to the window.
struct place {
    std::string name;
    number value;
};

struct kind {
    std::string_view flags;
    number size = 0;
};
constexpr kind kinds[] = {{"S"}, {"S."}, {"none"}, {"."}, {"F"}, {"F."}, {"R"}, {"R."}, {"P", 10}, {"P.", 10}, {"FP.", 10}};

std::vector<place> sequences(const model::block& b, number size) {
    if (b.state == tcp_state::closed || b.state == tcp_state::listen || b.state == tcp_state::syn_sent) return {{"0", 0}, {"7000", 7000}, {"-5", -5}};
    const auto edge = b.rcv_nxt + b.rcv_wnd;
    std::vector<place> all{{"far left of the window", b.rcv_nxt - 1'000'000}, {"left of the window", b.rcv_nxt - 11},
                           {"just left of the window", b.rcv_nxt - 1},        {"at RCV.NXT", b.rcv_nxt},
                           {"in the window", b.rcv_nxt + 20},                 {"at the last number of the window", edge - 1},
                           {"just right of the window", edge},                {"far right of the window", edge + 1'000'000}};
    if (size != 0) {
        all.push_back({"ending just left of the window", b.rcv_nxt - size});
        all.push_back({"across the left edge", b.rcv_nxt - 4});
        all.push_back({"ending with the window", edge - size});
        all.push_back({"across the right edge", edge - 4});
    }
    return all;
}

std::vector<place> acknowledgements(const model::block& b, bool has_ack) {
    if (!has_ack) return {{"no", 0}};
    return {{"the oldest that counts", b.una - b.largest_window},
            {"too old", b.una - b.largest_window - 1},
            {"SND.UNA - 1", b.una - 1},
            {"SND.UNA", b.una},
            {"SND.UNA + 1", b.una + 1},
            {"SND.NXT", b.nxt},
            {"SND.NXT + 1", b.nxt + 1},
            {"far too new", b.nxt + 1'000'000'000}};
}

struct row {
    const start& from;
    tcp_flags flags;
    place sequence, acknowledgement;
    number size;

    model::segment segment() const { return {flags, sequence.value, acknowledgement.value, size}; }
    std::string text() const {
        return std::string(from.name) + ": " + netkit::to_string(flags) + " of " + std::to_string(size) + " bytes " + sequence.name + ", ACK " + acknowledgement.name;
    }
};

std::uint32_t wire(number n) { return static_cast<std::uint32_t>(n); }

std::string text_of(const model::response& r) {
    auto text = to_string(r.what);
    if (r.what != model::reply::nothing) text += " seq " + std::to_string(wire(r.sequence));
    if (r.what == model::reply::ack || r.what == model::reply::syn_ack || r.what == model::reply::reset_and_ack) text += " ack " + std::to_string(wire(r.acknowledgement));
    return text + ", then " + std::string(to_string(r.next)) + (r.text ? ", " + std::to_string(r.text) + " bytes to read" : "");
}
/// The same words for what the host did.
std::string text_of(const std::vector<seen_packet>& sent, tcp_state next, std::size_t readable) {
    std::string text;
    for (const auto& p : sent) {
        if (!p.fault.empty() || !p.tcp) return to_string(p);
        const auto f = p.tcp->flags() & ~tcp_flags::psh;
        const bool ack = netkit::has(f, tcp_flags::ack);
        if (!text.empty()) text += " and ";
        if (f == tcp_flags::ack) text += "ACK";
        else if (f == (tcp_flags::syn | tcp_flags::ack)) text += "SYN and ACK";
        else if (f == tcp_flags::rst) text += "RST";
        else if (f == (tcp_flags::rst | tcp_flags::ack)) text += "RST and ACK";
        else return to_string(p);
        text += " seq " + std::to_string(p.sequence()) + (ack ? " ack " + std::to_string(p.acknowledgement()) : "");
        if (!p.payload.empty()) return to_string(p);
    }
    if (sent.empty()) text = "nothing";
    return text + ", then " + std::string(to_string(next)) + (readable ? ", " + std::to_string(readable) + " bytes to read" : "");
}

/// What the host does with the row's segment.
std::string observe(const row& r) {
    started s(r.from);
    auto segment = s.t.peer.segment("").sequence(wire(r.sequence.value)).window(started::peer_window).payload_size(static_cast<std::size_t>(r.size));
    segment.acknowledgement(wire(r.acknowledgement.value)).flags(r.flags);
    s.t.inject(segment);
    s.t.pass(45ms);
    const auto sent = s.t.take();
    const auto next = s.t.state();
    if (!s.t.socket.is_open()) (void)s.t.listener.accept(s.t.socket);
    const auto readable = s.t.socket.available();
    s.t.check_accounts();
    (void)s.t.socket.abort();
    (void)s.t.take();
    return text_of(sent, next, readable);
}

/// Every row from one state. Returns how many there were.
std::size_t check_rows(const start& from) {
    const auto block = started(from).block;
    std::size_t rows = 0;
    for (const auto& k : kinds) {
        const auto f = k.flags == "none" ? tcp_flags::none : parse_tcp_flags(k.flags);
        for (const auto& sequence : sequences(block, k.size))
            for (const auto& acknowledgement : acknowledgements(block, netkit::has(f, tcp_flags::ack))) {
                const row r{from, f, sequence, acknowledgement, k.size};
                const auto did = observe(r);
                std::string allowed;
                bool right = false;
                for (const auto& way : model::respond(block, r.segment())) {
                    allowed += (allowed.empty() ? "" : " | ") + text_of(way);
                    right = right || text_of(way) == did;
                }
                CHECK_MESSAGE(right, r.text() << "\n  expected " << allowed << "\n  but did  " << did);
                ++rows;
            }
    }
    return rows;
}

}  // namespace

TEST_CASE("CLOSED") { CHECK(check_rows({"CLOSED", tcp_state::closed, false}) > 100); }
TEST_CASE("LISTEN") { CHECK(check_rows({"LISTEN", tcp_state::listen}) > 100); }
TEST_CASE("SYN-SENT") { CHECK(check_rows({"SYN-SENT", tcp_state::syn_sent, false}) > 100); }
TEST_CASE("SYN-RECEIVED of a listener") { CHECK(check_rows({"SYN-RECEIVED", tcp_state::syn_received}) > 400); }
TEST_CASE("SYN-RECEIVED where both opened") { CHECK(check_rows({"SYN-RECEIVED (active)", tcp_state::syn_received, false}) > 400); }
TEST_CASE("ESTABLISHED") { CHECK(check_rows({"ESTABLISHED", tcp_state::established}) > 400); }
TEST_CASE("FIN-WAIT-1") { CHECK(check_rows({"FIN-WAIT-1", tcp_state::fin_wait_1}) > 400); }
TEST_CASE("FIN-WAIT-2") { CHECK(check_rows({"FIN-WAIT-2", tcp_state::fin_wait_2}) > 400); }
TEST_CASE("CLOSE-WAIT") { CHECK(check_rows({"CLOSE-WAIT", tcp_state::close_wait}) > 400); }
TEST_CASE("CLOSING") { CHECK(check_rows({"CLOSING", tcp_state::closing}) > 400); }
TEST_CASE("LAST-ACK") { CHECK(check_rows({"LAST-ACK", tcp_state::last_ack}) > 400); }
TEST_CASE("TIME-WAIT") { CHECK(check_rows({"TIME-WAIT", tcp_state::time_wait}) > 400); }
TEST_CASE("TIME-WAIT beside a listener") { CHECK(check_rows({"TIME-WAIT (listening)", tcp_state::time_wait, true, true}) > 400); }

}  // namespace layers_tcp_state_matrix_tests

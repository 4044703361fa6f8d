#pragma once

#include <netkit/core/sequence_number.hpp>
#include <netkit/protocol/tcp/proportional_rate_reduction.hpp>

#include <cstdint>

namespace netkit {

/// Where a connection stands in repairing losses: what the functions in loss_repair.hpp and tail_loss_probe.hpp keep in mind.
struct tcp_loss_recovery {
    enum class phase : std::uint8_t {
        open,      ///< no loss is being repaired
        recovery,  ///< one was found from acknowledgements: fast recovery (RFC 6675, without selective acknowledgements RFC 6582)
        loss,      ///< one was found by the retransmission timer (RFC 6298)
    };
    /// F-RTO (RFC 5682): whether the timer may have fired for nothing.
    enum class doubt : std::uint8_t {
        none,
        first_resent,    ///< only the first segment was sent again: what is acknowledged next tells
        new_data_tried,  ///< new data was sent, in place of what is taken for lost: the next acknowledgement decides
    };
    static constexpr unsigned duplicates_that_tell = 3;

    std::uint32_t timed_out_at = 0;    ///< our timestamp when the retransmission timer fired last
    phase now = phase::open;
    doubt timeout_doubted : 2 = doubt::none;
    bool may_undo : 1 = false;         ///< the last reduction may yet turn out to have been for nothing
    bool any_resent : 1 = false;
    bool probing : 1 = false;          ///< a tail loss probe is under way
    bool probe_resent : 1 = false;     ///< it was a retransmission
    // Of what a connection forgets while it is idle, where both stood: at SND.UNA, or before it.
    bool recovered_here = false;       ///< tcp_loss_repair::recover
    bool reduced_here = false;         ///< tcp_loss_repair::reduced_until

    bool recovering() const { return now != phase::open; }
};

/// The rest of that, which only matters while something is under way.
struct tcp_loss_repair {
    sequence_number recover;           ///< the phase ends when everything before this is acknowledged
    sequence_number reduced_until;     ///< what a router's mark before this says is known (RFC 3168 section 6.1.2)
    sequence_number probe_end;         ///< TLP.end_seq: SND.NXT behind a tail loss probe
    sequence_number undo_until;        ///< acknowledged: it is too late to find that the last loss was none
    sequence_number first_resent;      ///< the phase's first retransmission begins here
    std::uint32_t window = 0;          ///< bytes that may be in the network, during a recovery
    std::uint32_t left = 0;            ///< bytes of which duplicates say that they left the network, without selective acknowledgements
    std::uint32_t first_resent_at = 0; ///< our timestamp on the phase's first retransmission
    sequence_number round_end;         ///< acknowledged: another round trip has passed
    std::uint16_t resent = 0;          ///< segments sent again in this phase that the peer has not told it had twice
    std::uint8_t duplicates = 0;
    tcp_proportional_rate_reduction reduction;
};

}  // namespace netkit

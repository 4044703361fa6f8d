#pragma once

#include <netkit/core/interface_id.hpp>
#include <netkit/core/ipv6_address.hpp>
#include <netkit/core/time.hpp>
#include <netkit/core/timer.hpp>

#include <chrono>
#include <cstdint>

namespace netkit {

struct duplicate_address_settings {
    unsigned probes = 1;  ///< DupAddrDetectTransmits; 0 takes addresses unchecked
    duration retransmit = std::chrono::seconds(1);
};

/// Asks whether anyone has an address before it is used (RFC 4862 section 5.4), with the nonce of RFC 7527 by which our own
/// solicitations are known when the link brings them back. Armed by the layer for `deadline`.
class duplicate_address_detection : public timer {
public:
    enum class action : std::uint8_t {
        none,
        solicit,   ///< send a solicitation from `::`, and arm again
        unique,    ///< nobody objected: the address may be used
    };

    duplicate_address_detection(const ipv6_address& address, interface_id on, const duplicate_address_settings& settings = {})
        : address_(address), on_(on), settings_(settings) {}

    const ipv6_address& address() const { return address_; }
    interface_id interface() const { return on_; }
    time_point deadline() const { return deadline_; }
    /// What goes into the solicitation's nonce option, 48 bits.
    std::uint64_t nonce() const { return nonce_; }
    bool running() const { return running_; }

    /// Begins. `delay` is up to one second, by chance, where the whole link may have come up at once.
    void start(time_point now, std::uint64_t random, duration delay = duration::zero()) {
        nonce_ = random & 0xffff'ffff'ffff;
        sent_ = 0;
        running_ = true;
        deadline_ = now + delay;
    }
    /// The deadline has come.
    action expired(time_point now) {
        if (!running_) return action::none;
        if (sent_ < settings_.probes) {
            ++sent_;
            deadline_ = now + settings_.retransmit;
            return action::solicit;
        }
        running_ = false;
        return action::unique;
    }
    /// A solicitation from `::` for this address was heard, with its nonce (0 where it had none). True where it is another
    /// host's, so that neither may use the address.
    bool heard_solicitation(std::uint64_t nonce) {
        if (!running_ || (nonce != 0 && nonce == nonce_)) return false;
        return fail();
    }
    /// An advertisement for this address was heard. True where that ends the attempt.
    bool heard_advertisement() { return running_ && fail(); }

private:
    bool fail() {
        running_ = false;
        disarm();
        return true;
    }
    ipv6_address address_;
    interface_id on_;
    duplicate_address_settings settings_;
    std::uint64_t nonce_ = 0;
    unsigned sent_ = 0;
    bool running_ = false;
    time_point deadline_{};
};

}  // namespace netkit

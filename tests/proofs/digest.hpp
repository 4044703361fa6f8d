#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

namespace proofs {

/// SHA-256 of bytes that come piece by piece.
class digest {
public:
    digest() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void update(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
    /// In hexadecimal. Nothing may be added after it.
    std::string finish() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> result{};
        unsigned size = 0;
        EVP_DigestFinal_ex(context_.get(), result.data(), &size);
        std::string text;
        for (unsigned i = 0; i < size; ++i) {
            std::array<char, 3> digits{};
            std::snprintf(digits.data(), digits.size(), "%02x", unsigned(result[i]));
            text += digits.data();
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

}  // namespace proofs

#pragma once

#include <boost/beast/core/file_posix.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace example {

/// What a request gets: a head, ready to be sent, with the text of a short answer; then `left` bytes of a file.
struct http_answer {
    boost::beast::http::status status{};
    std::string head;
    bool keep_alive = false;
    boost::beast::file_posix file{};
    std::uint64_t left = 0;

    /// The next bytes of the file; 0 when there are none left, or the file has become shorter.
    std::size_t read(std::span<char> into);
};

/// A folder as HTTP/1.1 shows it (RFC 9110): GET and HEAD, single ranges, If-Modified-Since; index.html for folders. Nothing
/// outside of the folder is shown, whatever `..`, percent signs or symbolic links ask for.
class http_site {
public:
    using request = boost::beast::http::request_header<>;

    /// Throws std::invalid_argument where there is no such folder.
    explicit http_site(const std::filesystem::path& root);

    /// `keep_alive`: whether the connection goes on after this, as far as the request is concerned.
    http_answer answer(const request& to, bool keep_alive) const;
    /// An answer that only says what was wrong.
    static http_answer refuse(boost::beast::http::status status, bool keep_alive, bool with_text = true);

    /// A path below the root as requested: decoded, without its query. False where no path can be meant by it.
    static bool decode(std::string_view target, std::filesystem::path& path);

private:
    std::filesystem::path root_;
};

/// A single range of bytes (RFC 9110 section 14.1.2) of something that has `size` bytes.
struct byte_range {
    enum class kind { whole, part, unsatisfiable };
    kind what = kind::whole;
    std::uint64_t first = 0, size = 0;

    /// What is malformed, or asks for several ranges, asks for the whole.
    static byte_range parse(std::string_view field, std::uint64_t size);
};

}  // namespace example

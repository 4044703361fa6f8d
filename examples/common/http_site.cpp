#include "http_site.hpp"

#include <boost/beast/core/file_base.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/error_code.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace example {

namespace {

namespace http = boost::beast::http;
namespace fs = std::filesystem;

using response = http::response<http::empty_body>;

std::string http_date(std::time_t time) {
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::string_view content_type(const fs::path& path) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> known{{
        {".html", "text/html; charset=utf-8"}, {".htm", "text/html; charset=utf-8"}, {".css", "text/css"},
        {".js", "text/javascript"}, {".json", "application/json"}, {".txt", "text/plain; charset=utf-8"},
        {".md", "text/markdown; charset=utf-8"}, {".xml", "application/xml"}, {".svg", "image/svg+xml"},
        {".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".gif", "image/gif"},
        {".webp", "image/webp"}, {".ico", "image/vnd.microsoft.icon"}, {".pdf", "application/pdf"},
        {".wasm", "application/wasm"}, {".gz", "application/gzip"},
    }};
    auto extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& each) { return each.first == extension; });
    return found == known.end() ? "application/octet-stream" : found->second;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The last part of a path, as a reference relative to where it stands.
std::string relative_reference(const fs::path& path) {
    std::string text = "./";
    for (const char c : path.filename().string()) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) text += c;
        else {
            const auto byte = static_cast<unsigned char>(c);
            text += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
        }
    }
    return text + "/";
}

bool is_below(const fs::path& path, const fs::path& root) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

response make_head(http::status status, bool keep_alive) {
    response head(status, 11);
    head.set(http::field::server, "netkit");
    head.set(http::field::date, http_date(std::time(nullptr)));
    head.keep_alive(keep_alive);
    return head;
}

http_answer make_answer(const response& head, std::string_view text = {}) {
    std::ostringstream out;
    out << head.base() << text;
    http_answer result;
    result.status = head.result();
    result.head = std::move(out).str();
    result.keep_alive = head.keep_alive();
    return result;
}

bool number(std::string_view text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::size_t http_answer::read(std::span<char> into) {
    boost::system::error_code error;
    const auto n = left == 0 ? 0 : file.read(into.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, into.size())), error);
    left -= n;
    return n;
}

byte_range byte_range::parse(std::string_view field, std::uint64_t size) {
    constexpr std::string_view unit = "bytes=";
    const byte_range whole{kind::whole, 0, size}, unsatisfiable{kind::unsatisfiable, 0, 0};
    if (!field.starts_with(unit)) return whole;
    field.remove_prefix(unit.size());
    const auto dash = field.find('-');
    if (dash == field.npos) return whole;
    const auto before = field.substr(0, dash), after = field.substr(dash + 1);
    std::uint64_t first = 0, last = 0;
    if (before.empty()) {
        if (!number(after, last)) return whole;
        const auto n = std::min(last, size);
        return n == 0 ? unsatisfiable : byte_range{kind::part, size - n, n};
    }
    if (!number(before, first) || (!after.empty() && (!number(after, last) || last < first))) return whole;
    if (first >= size) return unsatisfiable;
    last = after.empty() ? size - 1 : std::min(last, size - 1);
    return {kind::part, first, last - first + 1};
}

http_site::http_site(const fs::path& root) {
    std::error_code error;
    root_ = fs::canonical(root, error);
    if (error) throw std::invalid_argument("there is no folder " + root.string() + " to serve (--root)");
    if (!fs::is_directory(root_, error)) throw std::invalid_argument(root.string() + " is not a folder, as --root must be");
}

bool http_site::decode(std::string_view target, fs::path& path) {
    // The form that names the host as well (RFC 9112 section 3.2.2).
    for (const std::string_view scheme : {"http://", "https://"})
        if (target.starts_with(scheme)) {
            const auto slash = target.find('/', scheme.size());
            target = slash == target.npos ? "/" : target.substr(slash);
        }
    if (!target.starts_with('/')) return false;
    target = target.substr(0, target.find_first_of("?#"));
    std::string text;
    for (std::size_t i = 0; i < target.size(); ++i) {
        char c = target[i];
        if (c == '%') {
            if (target.size() - i < 3) return false;
            const int high = hex_digit(target[i + 1]), low = hex_digit(target[i + 2]);
            if (high < 0 || low < 0) return false;
            c = static_cast<char>(high << 4 | low);
            i += 2;
        }
        if (c == '\0') return false;
        text += c;
    }
    path = fs::path(text).relative_path();
    return std::find(path.begin(), path.end(), "..") == path.end();
}

http_answer http_site::refuse(http::status status, bool keep_alive, bool with_text) {
    auto head = make_head(status, keep_alive);
    const auto text = std::to_string(static_cast<unsigned>(status)) + " " + std::string(http::obsolete_reason(status)) + "\n";
    if (status == http::status::method_not_allowed) head.set(http::field::allow, "GET, HEAD");
    head.set(http::field::content_type, "text/plain; charset=utf-8");
    head.content_length(text.size());
    return make_answer(head, with_text ? text : std::string());
}

http_answer http_site::answer(const request& to, bool keep_alive) const {
    const bool is_head = to.method() == http::verb::head;
    const auto refused = [&](http::status status) { return refuse(status, keep_alive, !is_head); };
    if (!is_head && to.method() != http::verb::get) return refused(http::status::method_not_allowed);
    if (to.version() >= 11 && to.count(http::field::host) != 1) return refused(http::status::bad_request);
    fs::path wanted;
    if (!decode(to.target(), wanted)) return refused(http::status::bad_request);

    std::error_code error;
    auto path = fs::canonical(root_ / wanted, error);
    if (error || !is_below(path, root_)) return refused(http::status::not_found);
    if (fs::is_directory(path, error)) {
        if (!wanted.empty() && wanted.has_filename()) {
            auto head = make_head(http::status::moved_permanently, keep_alive);
            head.set(http::field::location, relative_reference(wanted));
            head.content_length(0);
            return make_answer(head);
        }
        path = fs::canonical(path / "index.html", error);
        if (error || !is_below(path, root_)) return refused(http::status::not_found);
    }
    // Neither a device nor a pipe, which might never be opened.
    if (!fs::is_regular_file(path, error)) return refused(http::status::not_found);

    boost::beast::file_posix file;
    boost::system::error_code failed;
    file.open(path.c_str(), boost::beast::file_mode::scan, failed);
    struct ::stat facts {};
    if (failed || ::fstat(file.native_handle(), &facts) != 0) return refused(http::status::forbidden);
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    const auto modified = http_date(facts.st_mtime);
    if (to[http::field::if_modified_since] == modified) {
        auto head = make_head(http::status::not_modified, keep_alive);
        head.set(http::field::last_modified, modified);
        return make_answer(head);
    }

    // If-Range: a part is only wanted of the file that the client already knows.
    const auto if_range = to.find(http::field::if_range);
    const bool range_counts = !is_head && (if_range == to.end() || if_range->value() == modified);
    const auto range = byte_range::parse(range_counts ? std::string_view(to[http::field::range]) : std::string_view(), size);
    const bool partial = range.what == byte_range::kind::part;
    if (range.what == byte_range::kind::unsatisfiable) {
        auto head = make_head(http::status::range_not_satisfiable, keep_alive);
        head.set(http::field::content_range, "bytes */" + std::to_string(size));
        head.content_length(0);
        return make_answer(head);
    }
    auto head = make_head(partial ? http::status::partial_content : http::status::ok, keep_alive);
    head.set(http::field::content_type, content_type(path));
    head.set(http::field::last_modified, modified);
    head.set(http::field::accept_ranges, "bytes");
    if (partial) {
        const auto last = range.first + range.size - 1;
        head.set(http::field::content_range, "bytes " + std::to_string(range.first) + "-" + std::to_string(last) + "/" + std::to_string(size));
    }
    head.content_length(range.size);
    auto result = make_answer(head);
    file.seek(range.first, failed);
    if (failed) return refused(http::status::internal_server_error);
    if (!is_head) {
        result.file = std::move(file);
        result.left = range.size;
    }
    return result;
}

}  // namespace example

#pragma once

#include <netkit/asio/endpoint.hpp>
#include <netkit/asio/name_lookup.hpp>
#include <netkit/asio/service.hpp>
#include <netkit/asio/service_names.hpp>
#include <netkit/asio/socket_holder.hpp>
#include <netkit/asio/stack_lookup.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/basic_resolver_iterator.hpp>
#include <boost/asio/ip/basic_resolver_query.hpp>
#include <boost/asio/ip/basic_resolver_results.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <sys/socket.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Asio's resolver for the protocols of this library. It knows addresses as text, localhost, what the program has added to the
/// hosts of its io_context (reactor::add_host), and names of services; it asks no server and no system. What it does not
/// know is host_not_found. IPv4 addresses come first. address_configured and canonical_name change nothing.
template <class Protocol, class Executor>
    requires netkit::socket_protocol<Protocol>
class boost::asio::ip::basic_resolver<Protocol, Executor> : public boost::asio::ip::resolver_base {
    using error_code = boost::system::error_code;
    using name_query = netkit::detail::name_query;

public:
    using executor_type = Executor;
    using protocol_type = Protocol;
    using endpoint_type = typename Protocol::endpoint;
    using results_type = basic_resolver_results<Protocol>;
    template <class Other>
    struct rebind_executor {
        using other = basic_resolver<Protocol, Other>;
    };

    explicit basic_resolver(const executor_type& ex) : executor_(ex) {}
    template <class Context>
        requires std::convertible_to<Context&, execution_context&>
    explicit basic_resolver(Context& context) : executor_(context.get_executor()) {}
    basic_resolver(basic_resolver&& other) noexcept : executor_(other.executor_), cancelled_(std::exchange(other.cancelled_, nullptr)) {}
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_resolver(basic_resolver<Protocol, Other>&& other) : executor_(other.executor_), cancelled_(std::exchange(other.cancelled_, nullptr)) {}
    basic_resolver& operator=(basic_resolver&& other) {
        cancel();
        executor_ = other.executor_;
        cancelled_ = std::exchange(other.cancelled_, nullptr);
        return *this;
    }
    template <class Other>
        requires std::convertible_to<Other, Executor>
    basic_resolver& operator=(basic_resolver<Protocol, Other>&& other) {
        return *this = basic_resolver(std::move(other));
    }
    ~basic_resolver() { cancel(); }

    executor_type get_executor() noexcept { return executor_; }
    /// What is pending completes with operation_aborted.
    void cancel() {
        if (cancelled_) *cancelled_ = true;
        cancelled_ = nullptr;
    }

    results_type resolve(std::string_view host, std::string_view service, flags resolve_flags = flags()) {
        return throwing([&](error_code& ec) { return resolve(host, service, resolve_flags, ec); });
    }
    results_type resolve(std::string_view host, std::string_view service, error_code& ec) { return resolve(host, service, flags(), ec); }
    results_type resolve(std::string_view host, std::string_view service, flags resolve_flags, error_code& ec) {
        return answer({std::string(host), std::string(service), resolve_flags}, ec);
    }
    results_type resolve(const protocol_type& protocol, std::string_view host, std::string_view service, flags resolve_flags = flags()) {
        return throwing([&](error_code& ec) { return resolve(protocol, host, service, resolve_flags, ec); });
    }
    results_type resolve(const protocol_type& protocol, std::string_view host, std::string_view service, error_code& ec) {
        return resolve(protocol, host, service, flags(), ec);
    }
    results_type resolve(const protocol_type& protocol, std::string_view host, std::string_view service, flags resolve_flags, error_code& ec) {
        return answer({std::string(host), std::string(service), resolve_flags, family_of(protocol)}, ec);
    }
#if !defined(BOOST_ASIO_NO_DEPRECATED)
    using query = basic_resolver_query<Protocol>;
    using iterator = basic_resolver_iterator<Protocol>;
    results_type resolve(const query& q) {
        return throwing([&](error_code& ec) { return resolve(q, ec); });
    }
    results_type resolve(const query& q, error_code& ec) { return answer(from_deprecated(q), ec); }
    template <completion_token_for<void(boost::system::error_code, results_type)> ResolveToken = default_completion_token_t<executor_type>>
    auto async_resolve(const query& q, ResolveToken&& token = default_completion_token_t<executor_type>()) {
        return initiate<ResolveToken>(token, from_deprecated(q));
    }
#endif
    /// The names of an address and a port, or their numbers.
    results_type resolve(const endpoint_type& e) {
        return throwing([&](error_code& ec) { return resolve(e, ec); });
    }
    results_type resolve(const endpoint_type& e, error_code& ec) {
        ec = {};
        auto host = hosts().name_of(netkit::from_asio(e).address);
        if (host.empty()) host = e.address().to_string();
        return results_type::create(e, host, netkit::detail::service_of_port(e.port(), transport()));
    }

    template <completion_token_for<void(boost::system::error_code, results_type)> ResolveToken = default_completion_token_t<executor_type>>
    auto async_resolve(std::string_view host, std::string_view service, ResolveToken&& token = default_completion_token_t<executor_type>()) {
        return async_resolve(host, service, flags(), std::forward<ResolveToken>(token));
    }
    template <completion_token_for<void(boost::system::error_code, results_type)> ResolveToken = default_completion_token_t<executor_type>>
    auto async_resolve(std::string_view host, std::string_view service, flags resolve_flags, ResolveToken&& token = default_completion_token_t<executor_type>()) {
        return initiate<ResolveToken>(token, name_query{std::string(host), std::string(service), resolve_flags});
    }
    template <completion_token_for<void(boost::system::error_code, results_type)> ResolveToken = default_completion_token_t<executor_type>>
    auto async_resolve(const protocol_type& protocol, std::string_view host, std::string_view service, ResolveToken&& token = default_completion_token_t<executor_type>()) {
        return async_resolve(protocol, host, service, flags(), std::forward<ResolveToken>(token));
    }
    template <completion_token_for<void(boost::system::error_code, results_type)> ResolveToken = default_completion_token_t<executor_type>>
    auto async_resolve(const protocol_type& protocol, std::string_view host, std::string_view service, flags resolve_flags,
                       ResolveToken&& token = default_completion_token_t<executor_type>()) {
        return initiate<ResolveToken>(token, name_query{std::string(host), std::string(service), resolve_flags, family_of(protocol)});
    }
    template <completion_token_for<void(boost::system::error_code, results_type)> ResolveToken = default_completion_token_t<executor_type>>
    auto async_resolve(const endpoint_type& e, ResolveToken&& token = default_completion_token_t<executor_type>()) {
        return initiate<ResolveToken>(token, e);
    }

private:
    template <class P, class E>
    friend class boost::asio::ip::basic_resolver;

    template <class Handler>
    struct completion {
        Handler handler;
        error_code error;
        results_type results;
        std::shared_ptr<const bool> cancelled;

        using allocator_type = associated_allocator_t<Handler>;
        allocator_type get_allocator() const noexcept { return get_associated_allocator(handler); }
        void operator()() {
            if (*cancelled) std::move(handler)(error_code(error::operation_aborted), results_type());
            else std::move(handler)(error, std::move(results));
        }
    };
    struct start {
        basic_resolver* self;
        using executor_type = Executor;
        executor_type get_executor() const noexcept { return self->executor_; }
        template <class Handler, class Question>
        void operator()(Handler&& handler, const Question& question) const {
            error_code ec;
            auto results = self->answer(question, ec);
            if (!self->cancelled_) self->cancelled_ = std::make_shared<bool>(false);
            const auto executor = get_associated_executor(handler, self->executor_);
            boost::asio::post(executor, completion<std::decay_t<Handler>>{std::forward<Handler>(handler), ec, std::move(results), self->cancelled_});
        }
    };
    template <class Token, class Question>
    auto initiate(Token& token, const Question& question) {
        return async_initiate<Token, void(error_code, results_type)>(start{this}, token, question);
    }
#if !defined(BOOST_ASIO_NO_DEPRECATED)
    static name_query from_deprecated(const query& q) {
        const auto& hints = q.hints();
        const auto family = hints.ai_family == AF_INET6 ? name_query::family::v6 : hints.ai_family == AF_INET ? name_query::family::v4 : name_query::family::either;
        return {q.host_name(), q.service_name(), static_cast<flags>(hints.ai_flags), family};
    }
#endif
    template <class F>
    static results_type throwing(F&& f) {
        return netkit::detail::call_throwing("resolve", f);
    }
    results_type answer(const name_query& question, error_code& ec) const {
        const auto found = netkit::detail::look_up(question, hosts(), transport(), ec);
        if (found.empty()) return {};
        std::vector<endpoint_type> endpoints;
        for (const auto& e : found) endpoints.push_back({netkit::to_asio(e.address, e.scope), e.port});
        return results_type::create(endpoints.begin(), endpoints.end(), question.host, question.service);
    }
    results_type answer(const endpoint_type& question, error_code& ec) const { return const_cast<basic_resolver*>(this)->resolve(question, ec); }
    netkit::host_table& hosts() const { return netkit::network_service::of(netkit::context_of(executor_)).hosts(); }
    static name_query::family family_of(const protocol_type& p) { return p.family() == AF_INET6 ? name_query::family::v6 : name_query::family::v4; }
    static const char* transport() { return Protocol::v4().type() == SOCK_STREAM ? "tcp" : "udp"; }

    Executor executor_;
    std::shared_ptr<bool> cancelled_;  // of the operations started since the last cancel()
};

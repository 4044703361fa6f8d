// The code of Asio and Beast that is no template, for the programs of this repository.
#include <boost/asio/impl/src.hpp>
#ifdef NETKIT_HAS_OPENSSL
#include <boost/asio/ssl/impl/src.hpp>
#endif
#include <boost/beast/src.hpp>

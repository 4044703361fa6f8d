# What netkit's own tests, examples and benchmarks are built with. None of it reaches those who use the library.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND netkit_is_top_level)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

# Warnings, sanitizers.
add_library(netkit_developer INTERFACE)
target_compile_options(netkit_developer INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${NETKIT_WERROR}>:-Werror>)
if(NETKIT_SANITIZE STREQUAL "address")
    target_compile_options(netkit_developer INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(netkit_developer INTERFACE -fsanitize=address,undefined)
elseif(NETKIT_SANITIZE)
    message(FATAL_ERROR "netkit: NETKIT_SANITIZE is '${NETKIT_SANITIZE}', and may be OFF or address")
endif()

find_package(OpenSSL QUIET)
if(NOT OPENSSL_FOUND)
    message(STATUS "netkit: OpenSSL was not found: programs and tests that need TLS are left out (Debian: libssl-dev)")
endif()

# Asio's and Beast's non-template code, compiled once instead of in each program.
add_library(netkit_asio_compiled STATIC EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/asio_compiled.cpp")
target_compile_definitions(netkit_asio_compiled PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(netkit_asio_compiled PUBLIC netkit::asio PRIVATE $<$<STREQUAL:${NETKIT_SANITIZE},address>:netkit_developer>)
if(OPENSSL_FOUND)
    target_compile_definitions(netkit_asio_compiled PUBLIC NETKIT_HAS_OPENSSL=1)
    target_link_libraries(netkit_asio_compiled PUBLIC OpenSSL::SSL OpenSSL::Crypto)
endif()
target_compile_options(netkit_asio_compiled PRIVATE -w)

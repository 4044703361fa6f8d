# `cmake --install`: the headers and a package for find_package(netkit [COMPONENTS asio]).

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(netkit_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/netkit")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/netkit" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/netkit")

install(TARGETS netkit EXPORT netkit_core)
install(EXPORT netkit_core NAMESPACE netkit:: FILE netkit_core.cmake DESTINATION "${netkit_package_dir}")
install(TARGETS netkit_asio EXPORT netkit_with_asio)
install(EXPORT netkit_with_asio NAMESPACE netkit:: FILE netkit_with_asio.cmake DESTINATION "${netkit_package_dir}")

configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/netkitConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/netkitConfig.cmake"
    INSTALL_DESTINATION "${netkit_package_dir}")
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/netkitConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT)
install(FILES
    "${PROJECT_BINARY_DIR}/netkitConfig.cmake"
    "${PROJECT_BINARY_DIR}/netkitConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/netkit_dependencies.cmake"
    DESTINATION "${netkit_package_dir}")

# SPDX-License-Identifier: Apache-2.0
#
# The Check unit test library, by pkg-config; defines Check::check.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
    pkg_check_modules(CHECK QUIET IMPORTED_TARGET check)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Check REQUIRED_VARS CHECK_LINK_LIBRARIES VERSION_VAR CHECK_VERSION)
if(Check_FOUND AND NOT TARGET Check::check)
    add_library(Check::check INTERFACE IMPORTED)
    target_link_libraries(Check::check INTERFACE PkgConfig::CHECK)
endif()

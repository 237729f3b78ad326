# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` and `cpack` put where: find_package(clxlstm), pkg-config clxlstm, the program. Nothing in it knows
# the prefix, so that it may be moved. Three components: runtime (the shared library), development, program.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/clxlstm)
foreach(kind shared static)
    clxlstm_library_wanted(${kind} wanted)
    if(wanted)
        install(TARGETS clxlstm_${kind} EXPORT clxlstm_${kind}
                LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
                RUNTIME COMPONENT runtime
                ARCHIVE COMPONENT development)
        install(EXPORT clxlstm_${kind} FILE clxlstm_${kind}.cmake NAMESPACE clxlstm:: DESTINATION ${package_dir}
                COMPONENT development)
    endif()
endforeach()
install(DIRECTORY include/clxlstm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

configure_package_config_file(cmake/clxlstmConfig.cmake.in clxlstmConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(clxlstmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/clxlstmConfig.cmake ${PROJECT_BINARY_DIR}/clxlstmConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)

file(RELATIVE_PATH pc_to_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
set(pc_requires "")
if(NOT CLXLSTM_LOAD_OPENCL)
    set(pc_requires OpenCL)
endif()
configure_file(cmake/clxlstm.pc.in clxlstm.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/clxlstm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(CLXLSTM_BUILD_TOOLS)
    install(TARGETS clxlstm_program COMPONENT program)
    if(NOT CLXLSTM_DEBIAN)
        install(FILES docs/clxlstm.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
    endif()
endif()

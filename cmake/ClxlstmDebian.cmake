# SPDX-License-Identifier: Apache-2.0
#
# `cpack -G DEB`: a Debian package of each component. scripts/deb configures as packages want it, and runs it.
set(CPACK_PACKAGE_CONTACT "clxlstm maintainers <maintainers@users.noreply.clxlstm.example>")
set(CPACK_PACKAGE_NAME clxlstm)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime development program)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libclxlstm${clxlstm_abi})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "The mLSTM in its parallel and recurrent forms, rotary embeddings, attention,
norms, and the cell that is made of them, as fused kernels on GPUs and CPUs.
OpenCL itself is loaded when it is first needed.
.
This package has the shared library.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/debian/shlibs ${PROJECT_BINARY_DIR}/debian/triggers)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "ocl-icd-libopencl1 | libopencl1, pocl-opencl-icd | opencl-icd")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libclxlstm-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Headers, the static library, and the files by which CMake and pkg-config find
both libraries.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libclxlstm${clxlstm_abi} (= ${PROJECT_VERSION}-1), opencl-c-headers | opencl-headers, libcjson-dev")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME clxlstm)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "Computes and checks operators of xLSTM from safetensors files, tries every
kernel on the devices of the machine, and measures them.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "ocl-icd-libopencl1 | libopencl1, pocl-opencl-icd | opencl-icd")

file(CONFIGURE OUTPUT debian/shlibs
     CONTENT "libclxlstm ${clxlstm_abi} libclxlstm${clxlstm_abi} (>= ${PROJECT_VERSION})\n" @ONLY)
file(CONFIGURE OUTPUT debian/triggers CONTENT "activate-noawait ldconfig\n" @ONLY)

install(FILES examples/embed.c examples/quickstart.c DESTINATION share/doc/libclxlstm-dev/examples COMPONENT development)

# Policy wants these in each package, and manual pages compressed.
file(CONFIGURE OUTPUT debian/changelog CONTENT "clxlstm (${PROJECT_VERSION}-1) unstable; urgency=low

  * See CHANGELOG.md.

 -- ${CPACK_PACKAGE_CONTACT}  Thu, 01 Jan 1970 00:00:00 +0000
" @ONLY)
file(CONFIGURE OUTPUT debian/copyright CONTENT "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: clxlstm

Files: *
Copyright: 2026 the clxlstm authors
License: Apache-2.0
 On Debian systems the text of this licence is in /usr/share/common-licenses/Apache-2.0.
" @ONLY)
file(COPY docs/clxlstm.1 DESTINATION ${PROJECT_BINARY_DIR}/debian)
execute_process(COMMAND gzip -9nf changelog clxlstm.1 WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/debian
                COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${PROJECT_BINARY_DIR}/debian/clxlstm.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
foreach(component runtime development program)
    string(TOUPPER ${component} upper)
    install(FILES ${PROJECT_BINARY_DIR}/debian/copyright DESTINATION share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}
            COMPONENT ${component})
    install(FILES ${PROJECT_BINARY_DIR}/debian/changelog.gz DESTINATION share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}
            RENAME changelog.Debian.gz COMPONENT ${component})
endforeach()
include(CPack)

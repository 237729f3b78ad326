# SPDX-License-Identifier: Apache-2.0
#
# cmake -DROOT=<cl folder> -DLIST=<file of paths> -DTABLE=<C file to write> -P embed_kernels.cmake
file(STRINGS ${LIST} files)
set(arrays "")
set(rows "")
set(index 0)
foreach(path IN LISTS files)
    cmake_path(RELATIVE_PATH path BASE_DIRECTORY ${ROOT} OUTPUT_VARIABLE name)
    file(SIZE ${path} size)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}") # 16 bytes a line
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    # One byte more than the size, so that an empty file is no empty array.
    string(APPEND arrays "static const unsigned char data_${index}[] = { /* ${name} */\n    ${hex}0x00};\n\n")
    string(APPEND rows "    {\"${name}\", data_${index}, ${size}},\n")
    math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${TABLE} "/* Generated from cl/ by cmake/embed_kernels.cmake. */
#include \"runtime/embedded.h\"

${arrays}const clxi_embedded clxi_embedded_files[] = {
${rows}    {NULL, NULL, 0},
};
")

// SPDX-License-Identifier: Apache-2.0
//
// A program in C++ that does not link OpenCL, so that it starts everywhere: prints the devices, or what is missing.
#include <clxlstm/clxlstm.h>
#include <cstdio>
#include <vector>

int main()
{
    clx_error error = CLX_ERROR_INIT;
    clx_context *context = nullptr;
    size_t count = 0;
    if (clx_context_create(&context, nullptr, &error) != CLX_OK) {
        std::printf("no device: %s\n", error.message);
        clx_error_clear(&error);
        return 0;
    }
    clx_devices_list(nullptr, 0, 0, &count, nullptr);
    std::vector<clx_device_info> infos(count);
    clx_devices_list(infos.data(), sizeof(clx_device_info), infos.size(), &count, nullptr);
    for (const clx_device_info &info : infos)
        std::printf("%s: %s\n", info.selector, info.name);
    clx_context_destroy(context);
    return clx_opencl_function("clCreateBuffer") == nullptr;
}

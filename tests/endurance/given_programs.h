/* SPDX-License-Identifier: Apache-2.0
 *
 * Which binaries the driver is given, and how much memory it loses of each: stands before the loader's functions of these
 * names, and measures by giving it each again and again, without the library. Defines them: include it in one file of a
 * program, first of all. */
#ifndef TEST_ENDURANCE_GIVEN_PROGRAMS_H
#define TEST_ENDURANCE_GIVEN_PROGRAMS_H

#include <CL/cl.h>
#include <check.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { MOST_GIVEN = 200 };

typedef struct given_program {
    unsigned char *bytes;
    size_t size;
    char *options; /* of the latest build; NULL: none yet */
    double lost;   /* bytes of the heap that one costs for good */
} given_program;

/* `programs` and `lost`, since given_measure: how many were given, and what that has cost. */
static struct {
    given_program known[MOST_GIVEN];
    int count;
    given_program *last;
    long programs;
    double lost;
} given;

typedef cl_program (*create_with_binary_fn)(cl_context, cl_uint, const cl_device_id *, const size_t *,
                                            const unsigned char **, cl_int *, cl_int *);
typedef cl_int (*build_fn)(cl_program, cl_uint, const cl_device_id *, const char *,
                           void(CL_CALLBACK *)(cl_program, void *), void *);

/* The function behind this program's own. POSIX has the pointer pass through a void *. */
static create_with_binary_fn next_create(void)
{
    create_with_binary_fn next;
    *(void **)&next = dlsym(RTLD_NEXT, "clCreateProgramWithBinary");
    return next;
}

static build_fn next_build(void)
{
    build_fn next;
    *(void **)&next = dlsym(RTLD_NEXT, "clBuildProgram");
    return next;
}

static given_program *given_find(const unsigned char *bytes, size_t size)
{
    for (int i = 0; i < given.count; i++) {
        given_program *p = &given.known[i];
        if (p->size == size && memcmp(p->bytes, bytes, size) == 0) return p;
    }
    given_program *p = &given.known[given.count];
    if (given.count == MOST_GIVEN || (p->bytes = malloc(size)) == NULL) return NULL;
    memcpy(p->bytes, bytes, size);
    p->size = size;
    given.count++;
    return p;
}

/* Seen by whoever asks the process for a name, as the library does. */
#pragma GCC visibility push(default)

cl_program CL_API_CALL clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices,
                                                 const size_t *sizes, const unsigned char **bytes, cl_int *states,
                                                 cl_int *code)
{
    given.last = given_find(bytes[0], sizes[0]);
    given.programs++;
    if (given.last != NULL) given.lost += given.last->lost;
    return next_create()(context, count, devices, sizes, bytes, states, code);
}

cl_int CL_API_CALL clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                                  void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    if (given.last != NULL && given.last->options == NULL) given.last->options = strdup(options != NULL ? options : "");
    given.last = NULL;
    return next_build()(program, count, devices, options, notify, user);
}

#pragma GCC visibility pop

static double heap_in_use(void)
{
#ifdef __GLIBC__
    return (double)mallinfo2().uordblks;
#else
    return 0;
#endif
}

static cl_int make_kernels(cl_program program)
{
    char names[1000] = ""; /* with semicolons between */
    cl_int code = clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof names - 1, names, NULL);
    for (char *name = names; code == CL_SUCCESS && *name != '\0';) {
        const size_t length = strcspn(name, ";");
        const bool more = name[length] != '\0';
        name[length] = '\0';
        cl_kernel kernel = clCreateKernel(program, name, &code);
        if (kernel != NULL) clReleaseKernel(kernel);
        name += length + more;
    }
    return code;
}

static bool given_again(const given_program *p, cl_context context, cl_device_id device)
{
    const unsigned char *bytes = p->bytes;
    cl_int code = CL_SUCCESS;
    cl_program program = next_create()(context, 1, &device, &p->size, &bytes, NULL, &code);
    if (program == NULL) return false;
    code = next_build()(program, 1, &device, p->options, NULL, NULL);
    if (code == CL_SUCCESS) code = make_kernels(program);
    clReleaseProgram(program);
    return code == CL_SUCCESS;
}

/* Gives the driver each known program `times` times and once before, when it may still fill its caches. Zeroes the sums. */
static void given_measure(cl_context context, cl_device_id device, int times)
{
    for (int i = 0; i < given.count; i++) {
        given_program *p = &given.known[i];
        bool good = given_again(p, context, device);
        const double before = heap_in_use();
        for (int j = 0; j < times; j++) {
            good = given_again(p, context, device) && good;
        }
        if (!good) ck_abort_msg("a program of %zu bytes is refused", p->size);
        p->lost = (heap_in_use() - before) / times;
        if (!(p->lost > 0)) p->lost = 0;
    }
    given.programs = 0;
    given.lost = 0;
}

static void given_free(void)
{
    for (int i = 0; i < given.count; i++) {
        free(given.known[i].bytes);
        free(given.known[i].options);
    }
    memset(&given, 0, sizeof given);
}

#endif
